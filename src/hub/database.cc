#include "hub/database.h"

namespace bamgate::hub {

std::int64_t Row::integer(std::size_t column) const {
  if (column >= values_.size()) return 0;
  const auto* value = std::get_if<std::int64_t>(&values_[column]);
  return value == nullptr ? 0 : *value;
}

std::string Row::text(std::size_t column) const {
  if (column >= values_.size()) return {};
  const auto* value = std::get_if<std::string>(&values_[column]);
  return value == nullptr ? std::string() : *value;
}

Bytes Row::blob(std::size_t column) const {
  if (column >= values_.size()) return {};
  const auto* value = std::get_if<std::vector<std::byte>>(&values_[column]);
  return value == nullptr ? Bytes() : Bytes(*value);
}

bool Row::is_null(std::size_t column) const {
  return column >= values_.size() || std::holds_alternative<std::monostate>(values_[column]);
}

std::vector<Row> Database::execute(std::string_view statement, const std::vector<SqlValue>& values) {
  std::vector<Row> rows;
  auto answer = sql_.execute(statement, values);
  if (!answer) {
    failed_ = true;
    return rows;
  }
  rows.reserve(answer->size());
  for (SqlRow& row : *answer) rows.emplace_back(std::move(row));
  return rows;
}

bool Database::transaction(const std::function<bool()>& body) {
  bool wanted = false;
  const bool committed = sql_.transaction([&] {
    wanted = body() && !failed_;
    return wanted;
  });
  if (wanted && !committed) failed_ = true;
  return committed;
}

SqlValue text_or_null(std::string_view text) { return text.empty() ? SqlValue() : SqlValue(std::string(text)); }

std::vector<std::byte> blob(Bytes bytes) { return {bytes.begin(), bytes.end()}; }

}  // namespace bamgate::hub
