#include "wg/rate_limiter.h"

namespace bamgate::wg {
namespace {

/// The addresses that count as one. An IPv4 address is the same one when a socket for both families shows it.
IpPrefix network_of(const IpAddress& source) {
  if (source.is_v4_mapped()) return {IpAddress::from_bytes(source.bytes().last(4)), 32};
  if (source.is_v4()) return {source, 32};
  return IpPrefix{source, 64}.network();
}

}  // namespace

bool RateLimiter::allow(Instant now, const IpAddress& source) {
  if (now >= next_collection_) collect(now);
  const IpPrefix network = network_of(source);
  auto bucket = buckets_.find(network);
  if (bucket == buckets_.end()) {
    if (buckets_.size() >= kMaxBuckets) return false;
    bucket = buckets_.try_emplace(network).first;
  }
  return bucket->second.take(now, kHandshakeInterval, kHandshakeBurst);
}

// A full bucket is the same as none. At most once a second, so that a full table cannot be made a burden.
void RateLimiter::collect(Instant now) {
  std::erase_if(buckets_, [now](const auto& entry) { return entry.second.is_full(now); });
  next_collection_ = now + kCollectInterval;
}

}  // namespace bamgate::wg
