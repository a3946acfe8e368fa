#include "ice/pair.h"

#include <algorithm>

namespace bamgate::ice {

std::uint64_t pair_priority(Role role, std::uint32_t local, std::uint32_t remote) {
  const std::uint64_t controlling = role == Role::kControlling ? local : remote;
  const std::uint64_t controlled = role == Role::kControlling ? remote : local;
  const std::uint64_t tie = controlling > controlled ? 1 : 0;
  return (std::min(controlling, controlled) << 32) + 2 * std::max(controlling, controlled) + tie;
}

const SentCheck* Pair::find_sent(const stun::TransactionId& transaction_id) const {
  const auto found = std::ranges::find(sent, transaction_id, &SentCheck::id);
  return found == sent.end() ? nullptr : &*found;
}

void Pair::remember(const SentCheck& check) {
  if (sent.size() >= kMaxSent) sent.erase(sent.begin());
  sent.push_back(check);
}

void Pair::stop_transaction() {
  transaction.reset();
  request.clear();
}

}  // namespace bamgate::ice
