// The port through which the hub keeps what must outlive it: SQLite natively, the SQLite of a Durable Object in the
// Worker. The other ports are core's: Crypto, Random, and time as an argument.
// Left out: PRAGMA, BEGIN and user_version (a Durable Object refuses them; the schema version is a table,
// migrations.h), and a port for outgoing HTTP requests, which only the sign-in by GitHub will need.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace bamgate::hub {

/// NULL, INTEGER, TEXT or BLOB. There are no floating point numbers in the hub's database.
using SqlValue = std::variant<std::monostate, std::int64_t, std::string, std::vector<std::byte>>;
/// The columns of one row, from left to right.
using SqlRow = std::vector<SqlValue>;

/// A synchronous SQL database (SQLite 3.35 or newer: RETURNING is used).
class Sql {
 public:
  virtual ~Sql() = default;

  /// Runs one statement to its end and returns its rows (none for a statement that returns nothing).
  /// `parameters` are bound to ?1, ?2 …, at most 100. nullopt when the statement failed; then it had no effect.
  virtual std::optional<std::vector<SqlRow>> execute(std::string_view statement,
                                                     std::span<const SqlValue> parameters) = 0;

  /// Calls `body` once within a transaction: commits what it did when it returns true, takes it back when it returns
  /// false. Returns true when it was committed, and durably so. Not nested. `body` does not throw.
  virtual bool transaction(const std::function<bool()>& body) = 0;
};

}  // namespace bamgate::hub
