#include "hub/rate_limit.h"

#include <algorithm>

namespace bamgate::hub {
namespace {

/// Whoever has one IPv6 address has the whole /64.
IpAddress client_key(const IpAddress& client) {
  return client.is_v6() ? IpPrefix{client, 64}.network().address : client;
}

}  // namespace

int FailureLimit::retry_after(Instant now, const IpAddress& client) const {
  const auto found = clients_.find(client_key(client));
  if (found == clients_.end()) return 0;
  const Duration wait = found->second.next(kInterval, kBurst) - now;
  if (wait <= Duration::zero()) return 0;
  return static_cast<int>(std::chrono::ceil<std::chrono::seconds>(wait).count());
}

void FailureLimit::failed(Instant now, const IpAddress& client) {
  const IpAddress key = client_key(client);
  if (!clients_.contains(key)) make_room(now);
  clients_[key].add(now, kInterval);
}

void FailureLimit::make_room(Instant now) {
  if (clients_.size() < kMaxClients) return;
  std::erase_if(clients_, [now](const auto& entry) { return entry.second.is_empty(now); });
  if (clients_.size() < kMaxClients) return;
  clients_.erase(std::ranges::min_element(clients_, {}, [](const auto& entry) { return entry.second.full_until(); }));
}

bool MessageRate::arrived(Instant now) {
  if (now - window_start_ >= std::chrono::seconds(1)) {
    window_start_ = now;
    in_window_ = 0;
  }
  return ++in_window_ <= kFloodAbove;
}

bool MessageRate::take(Instant now) {
  if (next() > now) return false;
  bucket_.add(now, kInterval);
  return true;
}

}  // namespace bamgate::hub
