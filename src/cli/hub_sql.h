// The hub's database port, by SQLite.
#pragma once

#include <type_traits>

#include "hub/host.h"
#include "os/sqlite.h"

namespace bamgate::cli {

static_assert(std::is_same_v<hub::SqlValue, os::SqlValue>);

class HubSql : public hub::Sql {
 public:
  explicit HubSql(os::Sqlite database) : database_(std::move(database)) {}

  std::optional<std::vector<hub::SqlRow>> execute(std::string_view statement,
                                                  std::span<const hub::SqlValue> parameters) override {
    auto rows = database_.execute(statement, parameters);
    if (!rows) return std::nullopt;
    return std::move(*rows);
  }
  bool transaction(const std::function<bool()>& body) override { return database_.transaction(body).value_or(false); }

 private:
  os::Sqlite database_;
};

}  // namespace bamgate::cli
