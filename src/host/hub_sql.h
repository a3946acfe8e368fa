// The hub's database port, by SQLite. What fails is told to the log; the hub itself only learns that it failed.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "hub/host.h"
#include "os/sqlite.h"

namespace bamgate::host {

static_assert(std::is_same_v<hub::SqlValue, os::SqlValue>);

class HubSql : public hub::Sql {
 public:
  using OnError = std::function<void(const os::SqlError& error)>;

  /// `on_error` hears of the first failure, and of the next one after a success: not of each while the disk is full.
  explicit HubSql(os::Sqlite database, OnError on_error = nullptr)
      : database_(std::move(database)), on_error_(std::move(on_error)) {}

  std::optional<std::vector<hub::SqlRow>> execute(std::string_view statement,
                                                  std::span<const hub::SqlValue> parameters) override {
    auto rows = database_.execute(statement, parameters);
    note(rows);
    if (!rows) return std::nullopt;
    return std::move(*rows);
  }
  /// `said`, and why, where a call failed since forget_error(): "the database failed: database or disk is full; make
  /// room …".
  std::string explain(std::string_view said) const {
    return std::string(said) + (last_error_ ? ": " + last_error_->to_string() : "");
  }
  void forget_error() { last_error_.reset(); }
  /// As in os::Sqlite. False: something that was committed may not be on disk.
  bool is_unsynced() const { return database_.is_unsynced(); }
  bool sync() {
    const auto synced = database_.sync();
    note(synced);
    return synced.has_value();
  }
  bool transaction(const std::function<bool()>& body) override {
    const auto committed = database_.transaction(body);
    note(committed);
    return committed.value_or(false);
  }

 private:
  template <typename Outcome>
  void note(const Outcome& outcome) {
    const bool failed_before = std::exchange(failing_, !outcome.has_value());
    if (outcome) return;
    last_error_ = outcome.error();
    if (!failed_before && on_error_) on_error_(*last_error_);
  }

  os::Sqlite database_;
  OnError on_error_;
  bool failing_ = false;
  std::optional<os::SqlError> last_error_;  // a rollback after it succeeds, and is no cure
};

}  // namespace bamgate::host
