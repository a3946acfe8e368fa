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
};

class Sqlite {
 public:
  /// Opens `path`, and makes it (mode 0600) when there is none; ":memory:" is a database that dies with this object.
  /// Write-ahead log, synchronous=FULL (a commit survives a power failure), foreign keys on, waits up to 5 s for
  /// another process.
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

  /// Statements kept prepared.
  static constexpr std::size_t kCachedStatements = 64;

 private:
  struct State;
  explicit Sqlite(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace bamgate::os
