// SQLite as one owns it: opens a file, runs statements, keeps them prepared, wraps transactions. Nothing else of the
// library is visible outside of sqlite.cc. One thread, one connection.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace bamgate::os {

/// NULL, INTEGER, TEXT or BLOB. A REAL is read as the integer part of it.
using SqlValue = std::variant<std::monostate, std::int64_t, std::string, std::vector<std::byte>>;
using SqlRow = std::vector<SqlValue>;

/// Why a call failed: SQLite's extended result code and its message.
struct SqlError {
  int code = 0;
  std::string message;

  /// The file is no database, or a broken one.
  bool is_damage() const;
  /// SQLite's message and, where a person can do something, what that is: a full disk is said to be full.
  std::string to_string() const;
};

class Sqlite {
 public:
  /// Opens `path`, and makes it (mode 0600) when there is none; ":memory:" is a database that dies with this object.
  /// Write-ahead log, synchronous=FULL (a commit survives a power failure), foreign keys on, waits up to 5 s for
  /// another process. The file beside it that several processes share (hub.db-shm) stays when the last one has ended:
  /// to open the database again on a full disk takes no room. The log goes into the file when it has kCheckpointPages
  /// pages: until then the file stands still and the log only grows, so that a plain copy of both is whole.
  static std::expected<Sqlite, SqlError> open(const std::string& path);
  Sqlite(Sqlite&&) noexcept;
  Sqlite& operator=(Sqlite&&) noexcept;
  Sqlite(const Sqlite&) = delete;
  Sqlite& operator=(const Sqlite&) = delete;
  ~Sqlite();

  /// Runs the one statement in `sql` to its end and returns all its rows. `parameters` are bound to ?1, ?2 …; their
  /// number must be the statement's. The last kCachedStatements statements stay prepared.
  std::expected<std::vector<SqlRow>, SqlError> execute(std::string_view sql, std::span<const SqlValue> parameters = {});

  /// Calls `body` between BEGIN IMMEDIATE and COMMIT, or ROLLBACK when it returns false or throws. Returns what `body`
  /// returned; an error means that nothing was kept. Not nested.
  std::expected<bool, SqlError> transaction(const std::function<bool()>& body);

  /// From now on a commit survives the end of this process at once, but a power failure only after sync(): so that one
  /// wait for the disk serves many commits.
  std::expected<void, SqlError> sync_by_hand();
  /// True when something was committed since the last sync().
  bool is_unsynced() const;
  /// Waits until all commits are on disk. An error leaves is_unsynced() true.
  std::expected<void, SqlError> sync();

  /// The whole database as it would stand in a file, as of now; other connections may write meanwhile.
  std::expected<std::string, SqlError> snapshot();

  /// Makes the database what `other` holds, in one transaction: another connection sees all of it at its next
  /// statement, or nothing when it fails. Not within transaction().
  std::expected<void, SqlError> become(const Sqlite& other);

  /// Statements kept prepared.
  static constexpr std::size_t kCachedStatements = 64;
  /// 32 MiB with pages of 4 KiB.
  static constexpr int kCheckpointPages = 8192;

 private:
  struct State;
  explicit Sqlite(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace bamgate::os
