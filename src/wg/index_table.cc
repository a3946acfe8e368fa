#include "wg/index_table.h"

#include <utility>

namespace bamgate::wg {

IndexLease::IndexLease(IndexLease&& other) noexcept
    : table_(std::move(other.table_)), index_(std::exchange(other.index_, {})) {}

IndexLease& IndexLease::operator=(IndexLease&& other) noexcept {
  if (this == &other) return *this;
  release();
  table_ = std::move(other.table_);
  index_ = std::exchange(other.index_, {});
  return *this;
}

IndexLease::~IndexLease() { release(); }

IndexLease IndexLease::draw(std::shared_ptr<IndexTable> table, PeerId owner, Random& random) {
  ReceiverIndex index{};
  do {
    index = ReceiverIndex{random.number<std::uint32_t>()};
  } while (!table->owners_.try_emplace(index, owner).second);
  return {std::move(table), index};
}

void IndexLease::release() noexcept {
  if (table_) table_->owners_.erase(index_);
  table_.reset();
}

std::optional<PeerId> IndexTable::find(ReceiverIndex index) const {
  const auto found = owners_.find(index);
  if (found == owners_.end()) return std::nullopt;
  return found->second;
}

}  // namespace bamgate::wg
