// The hub's view of its Sql port: typed columns and an error that sticks, so that a request's steps read straight on
// and the failure is asked for once, at the end. A row that cannot be read counts as not there: every check fails
// closed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/bytes.h"
#include "hub/host.h"

namespace bamgate::hub {

/// One row with checked columns: a missing column or one of another type reads as 0 or empty.
class Row {
 public:
  explicit Row(SqlRow values) : values_(std::move(values)) {}
  std::int64_t integer(std::size_t column) const;
  std::string text(std::size_t column) const;
  /// Valid as long as the row is.
  Bytes blob(std::size_t column) const;
  bool is_null(std::size_t column) const;

 private:
  SqlRow values_;
};

class Database {
 public:
  /// `sql` must outlive this object.
  explicit Database(Sql& sql) : sql_(sql) {}

  /// Runs one statement with `values` bound to ?1, ?2 …; returns its rows, none after a failure.
  template <typename... Values>
  std::vector<Row> run(std::string_view statement, Values&&... values) {
    return execute(statement, std::vector<SqlValue>{SqlValue(std::forward<Values>(values))...});
  }
  /// The first row of the answer.
  template <typename... Values>
  std::optional<Row> one(std::string_view statement, Values&&... values) {
    auto rows = run(statement, std::forward<Values>(values)...);
    if (rows.empty()) return std::nullopt;
    return std::move(rows.front());
  }

  /// Runs one statement that may fail, as on a full disk, without hindering what it belongs to.
  template <typename... Values>
  void try_run(std::string_view statement, Values&&... values) {
    const bool failed = failed_;
    run(statement, std::forward<Values>(values)...);
    failed_ = failed;
  }

  /// Runs `body` in a transaction. It is taken back when `body` returns false or a statement in it failed.
  /// True when it was committed.
  bool transaction(const std::function<bool()>& body);

  /// True when a statement or a commit failed since the last clear_failure().
  bool failed() const { return failed_; }
  void clear_failure() { failed_ = false; }

 private:
  std::vector<Row> execute(std::string_view statement, const std::vector<SqlValue>& values);

  Sql& sql_;
  bool failed_ = false;
};

/// A text parameter; NULL for an empty one.
SqlValue text_or_null(std::string_view text);

/// A blob parameter with a copy of `bytes`.
std::vector<std::byte> blob(Bytes bytes);

}  // namespace bamgate::hub
