#include "hub/rate_limit.h"

#include <algorithm>

namespace bamgate::hub {

Instant RateLimit::next(std::string_view key) const {
  const auto found = buckets_.find(key);
  return found == buckets_.end() ? Instant{} : found->second.next(pace_);
}

int RateLimit::retry_after(Instant now, std::string_view key) const {
  const Duration wait = next(key) - now;
  if (wait <= Duration::zero()) return 0;
  return static_cast<int>(std::chrono::ceil<std::chrono::seconds>(wait).count());
}

void RateLimit::count(Instant now, std::string_view key) {
  auto found = buckets_.find(key);
  if (found == buckets_.end()) {
    make_room(now);
    found = buckets_.emplace(key, Bucket{}).first;
  }
  found->second.add(now, pace_);
}

int RateLimit::take(Instant now, std::string_view key) {
  const int wait = retry_after(now, key);
  if (wait == 0) count(now, key);
  return wait;
}

void RateLimit::make_room(Instant now) {
  if (buckets_.size() < kMaxEntries) return;
  std::erase_if(buckets_, [now](const auto& entry) { return entry.second.is_empty(now); });
  if (buckets_.size() < kMaxEntries) return;
  buckets_.erase(std::ranges::min_element(buckets_, {}, [](const auto& entry) { return entry.second.full_until(); }));
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
  bucket_.add(now, kPace);
  return true;
}

}  // namespace bamgate::hub
