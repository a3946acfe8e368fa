#include "os/sqlite.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <utility>

#include "os/fault_point.h"

namespace bamgate::os {
namespace {

constexpr int kBusyTimeoutMs = 5000;

struct CloseDatabase {
  void operator()(sqlite3* database) const { sqlite3_close_v2(database); }
};
struct FinalizeStatement {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using DatabaseHandle = std::unique_ptr<sqlite3, CloseDatabase>;
using StatementHandle = std::unique_ptr<sqlite3_stmt, FinalizeStatement>;

/// Makes a statement ready for its next use, however it ended.
class ResetAtEnd {
 public:
  explicit ResetAtEnd(sqlite3_stmt* statement) : statement_(statement) {}
  ResetAtEnd(const ResetAtEnd&) = delete;
  ResetAtEnd& operator=(const ResetAtEnd&) = delete;
  ~ResetAtEnd() {
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
  }

 private:
  sqlite3_stmt* statement_;
};

SqlError last_error(sqlite3* database) { return {sqlite3_extended_errcode(database), sqlite3_errmsg(database)}; }

int bind(sqlite3_stmt* statement, int index, const SqlValue& value) {
  if (const auto* number = std::get_if<std::int64_t>(&value)) return sqlite3_bind_int64(statement, index, *number);
  if (const auto* text = std::get_if<std::string>(&value)) {
    return sqlite3_bind_text64(statement, index, text->data(), text->size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  }
  if (const auto* bytes = std::get_if<std::vector<std::byte>>(&value)) {
    // A null pointer would bind NULL instead of an empty blob.
    const void* data = bytes->empty() ? static_cast<const void*>("") : bytes->data();
    return sqlite3_bind_blob64(statement, index, data, bytes->size(), SQLITE_TRANSIENT);
  }
  return sqlite3_bind_null(statement, index);
}

SqlValue read_column(sqlite3_stmt* statement, int column) {
  const auto size = [&] { return static_cast<std::size_t>(sqlite3_column_bytes(statement, column)); };
  switch (sqlite3_column_type(statement, column)) {
    case SQLITE_INTEGER:
    case SQLITE_FLOAT:
      return std::int64_t{sqlite3_column_int64(statement, column)};
    case SQLITE_TEXT: {
      const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement, column));
      return std::string(text == nullptr ? "" : text, text == nullptr ? 0 : size());
    }
    case SQLITE_BLOB: {
      const auto* bytes = static_cast<const std::byte*>(sqlite3_column_blob(statement, column));
      return bytes == nullptr ? std::vector<std::byte>() : std::vector<std::byte>(bytes, bytes + size());
    }
    default:
      return std::monostate{};
  }
}

SqlRow read_row(sqlite3_stmt* statement) {
  SqlRow row;
  const int columns = sqlite3_column_count(statement);
  row.reserve(static_cast<std::size_t>(columns));
  for (int column = 0; column < columns; ++column) row.push_back(read_column(statement, column));
  return row;
}

bool is_blank(const char* text) { return text == nullptr || text[std::strspn(text, " \t\r\n;")] == '\0'; }

/// Database files hold secrets: SQLite itself would make them readable for all. Its other files take over this mode.
std::expected<void, SqlError> make_private_file(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) return std::unexpected(SqlError{SQLITE_CANTOPEN, path + ": " + std::strerror(errno)});
  ::close(file);
  return {};
}

}  // namespace

struct Sqlite::State {
  struct Cached {
    StatementHandle statement;
    std::uint64_t last_use = 0;
  };

  std::expected<sqlite3_stmt*, SqlError> prepare(std::string_view sql) {
    if (const auto found = statements.find(sql); found != statements.end()) {
      found->second.last_use = ++uses;
      return found->second.statement.get();
    }
    const std::string text(sql);
    sqlite3_stmt* raw = nullptr;
    const char* rest = nullptr;
    const int result = sqlite3_prepare_v3(database.get(), text.c_str(), static_cast<int>(text.size()) + 1,
                                          SQLITE_PREPARE_PERSISTENT, &raw, &rest);
    StatementHandle statement(raw);
    if (result != SQLITE_OK) return std::unexpected(last_error(database.get()));
    if (raw == nullptr || !is_blank(rest)) return std::unexpected(SqlError{SQLITE_MISUSE, "not one statement"});
    if (statements.size() >= kCachedStatements) {
      statements.erase(
          std::ranges::min_element(statements, {}, [](const auto& entry) { return entry.second.last_use; }));
    }
    return statements.emplace(text, Cached{std::move(statement), ++uses}).first->second.statement.get();
  }

  DatabaseHandle database;
  std::map<std::string, Cached, std::less<>> statements;  // behind the database: they must end before it
  std::uint64_t uses = 0;
  bool unsynced = false;
};

bool SqlError::is_damage() const {
  const int primary = code & 0xff;
  return primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB;
}

std::string SqlError::to_string() const {
  switch (code & 0xff) {
    case SQLITE_FULL:
      return message + "; make room on the disk, nothing was lost";
    case SQLITE_READONLY:
      return message + "; it or its disk cannot be written: look at its owner, its mode and how the disk is mounted";
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
      return message + "; look at the folder's owner and mode, and whether the disk is full or read-only";
    case SQLITE_IOERR:
      return message + " (" + sqlite3_errstr(code) + "); the disk is full or fails: look at its room and at dmesg";
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return message + "; the file is damaged: keep a copy of it and bring back the last backup";
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return message + "; another process writes it: try again";
    default:  // no enum: SQLite has some thirty, and may get more
      return message;
  }
}

Sqlite::Sqlite(std::unique_ptr<State> state) : state_(std::move(state)) {}
Sqlite::Sqlite(Sqlite&&) noexcept = default;
Sqlite& Sqlite::operator=(Sqlite&&) noexcept = default;
Sqlite::~Sqlite() = default;

std::expected<Sqlite, SqlError> Sqlite::open(const std::string& path) {
  if (path != ":memory:") {
    if (const auto made = make_private_file(path); !made) return std::unexpected(made.error());
  }
  sqlite3* raw = nullptr;
  const int result =
      sqlite3_open_v2(path.c_str(), &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
  auto state = std::make_unique<State>();
  state->database.reset(raw);
  if (raw == nullptr) return std::unexpected(SqlError{SQLITE_NOMEM, "out of memory"});
  if (result != SQLITE_OK) return std::unexpected(last_error(raw));
  sqlite3_extended_result_codes(raw, 1);
  sqlite3_busy_timeout(raw, kBusyTimeoutMs);
  int persist = 1;
  sqlite3_file_control(raw, "main", SQLITE_FCNTL_PERSIST_WAL, &persist);
  Sqlite sqlite(std::move(state));
  for (const std::string_view pragma : {"PRAGMA journal_mode=WAL", "PRAGMA synchronous=FULL", "PRAGMA foreign_keys=ON",
                                        // With this the log, which stays too, is cut to nothing at the end: nobody
                                        // reads an old one into a new database.
                                        "PRAGMA journal_size_limit=134217728"}) {
    if (const auto done = sqlite.execute(pragma); !done) return std::unexpected(done.error());
  }
  sqlite3_wal_autocheckpoint(raw, kCheckpointPages);
  return sqlite;
}

std::expected<std::vector<SqlRow>, SqlError> Sqlite::execute(std::string_view sql,
                                                             std::span<const SqlValue> parameters) {
  const auto statement = state_->prepare(sql);
  if (!statement) return std::unexpected(statement.error());
  const ResetAtEnd reset(*statement);
  if (static_cast<std::size_t>(sqlite3_bind_parameter_count(*statement)) != parameters.size()) {
    return std::unexpected(SqlError{SQLITE_RANGE, "wrong number of parameters"});
  }
  int index = 0;
  for (const SqlValue& value : parameters) {
    if (bind(*statement, ++index, value) != SQLITE_OK) return std::unexpected(last_error(state_->database.get()));
  }
  std::vector<SqlRow> rows;
  BAMGATE_FAULT_POINT("sql_before");
  int result = sqlite3_step(*statement);
  for (; result == SQLITE_ROW; result = sqlite3_step(*statement)) rows.push_back(read_row(*statement));
  BAMGATE_FAULT_POINT("sql_after");
  if (result != SQLITE_DONE) return std::unexpected(last_error(state_->database.get()));
  return rows;
}

std::expected<void, SqlError> Sqlite::sync_by_hand() {
  if (const auto done = execute("PRAGMA synchronous=NORMAL"); !done) return std::unexpected(done.error());
  const auto note = [](void* state) {
    static_cast<State*>(state)->unsynced = true;
    return 0;  // let it commit
  };
  sqlite3_commit_hook(state_->database.get(), note, state_.get());
  return {};
}

bool Sqlite::is_unsynced() const { return state_->unsynced; }

// With synchronous=NORMAL a commit is written to the write-ahead log, and SQLite syncs that only before a checkpoint.
std::expected<void, SqlError> Sqlite::sync() {
  sqlite3_file* log = nullptr;
  int result =
      sqlite3_file_control(state_->database.get(), "main", SQLITE_FCNTL_JOURNAL_POINTER, static_cast<void*>(&log));
  if (result == SQLITE_OK && log != nullptr && log->pMethods != nullptr) {
    result = log->pMethods->xSync(log, SQLITE_SYNC_NORMAL);
  }
  BAMGATE_FAULT_POINT("sql_synced");
  if (result != SQLITE_OK) return std::unexpected(SqlError{result, sqlite3_errstr(result)});
  state_->unsynced = false;
  return {};
}

std::expected<std::string, SqlError> Sqlite::snapshot() {
  sqlite3_int64 size = 0;
  unsigned char* bytes = sqlite3_serialize(state_->database.get(), "main", &size, 0);
  if (bytes == nullptr) return std::unexpected(last_error(state_->database.get()));
  std::string copy(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  sqlite3_free(bytes);
  return copy;
}

std::expected<void, SqlError> Sqlite::become(const Sqlite& other) {
  sqlite3* database = state_->database.get();
  sqlite3_backup* copy = sqlite3_backup_init(database, "main", other.state_->database.get(), "main");
  if (copy == nullptr) return std::unexpected(last_error(database));
  const int code = sqlite3_backup_step(copy, -1);
  sqlite3_backup_finish(copy);
  if (code == SQLITE_DONE) return {};
  return std::unexpected(SqlError{code, sqlite3_errstr(code)});
}

std::expected<bool, SqlError> Sqlite::transaction(const std::function<bool()>& body) {
  // IMMEDIATE takes the write lock at once: a transaction that reads first could otherwise fail when it comes to write.
  if (const auto begun = execute("BEGIN IMMEDIATE"); !begun) return std::unexpected(begun.error());
  bool wanted = false;
  try {
    wanted = body();
  } catch (...) {
    static_cast<void>(execute("ROLLBACK"));
    throw;
  }
  const auto ended = execute(wanted ? "COMMIT" : "ROLLBACK");
  if (ended) return wanted;
  if (sqlite3_get_autocommit(state_->database.get()) == 0) static_cast<void>(execute("ROLLBACK"));
  return std::unexpected(ended.error());
}

}  // namespace bamgate::os
