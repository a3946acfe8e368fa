// The hub's Sql port over os::Sqlite. Header only: the test support library does not link the hub.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "hub/host.h"
#include "os/sqlite.h"

namespace bamgate::testing {

class SqliteHubSql : public hub::Sql {
 public:
  /// `database` must outlive this object.
  explicit SqliteHubSql(os::Sqlite& database) : database_(database) {}

  std::optional<std::vector<hub::SqlRow>> execute(std::string_view statement,
                                                  std::span<const hub::SqlValue> parameters) override {
    auto rows = database_.execute(statement, parameters);
    if (!rows) return std::nullopt;
    return std::move(*rows);
  }

  bool transaction(const std::function<bool()>& body) override { return database_.transaction(body).value_or(false); }

 private:
  os::Sqlite& database_;
};

}  // namespace bamgate::testing
