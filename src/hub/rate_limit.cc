#include "hub/rate_limit.h"

namespace bamgate::hub {

Instant RateLimit::next(std::string_view key) const {
  const auto found = buckets_.find(key);
  return found == buckets_.end() ? Instant{} : found->second.bucket.next(pace_);
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
    found = buckets_.emplace(key, Entry{}).first;
    found->second.end = ends_.add(found->first);
  }
  Entry& entry = found->second;
  entry.bucket.add(now, pace_);
  ends_.set(entry.end, entry.bucket.full_until());
}

int RateLimit::take(Instant now, std::string_view key) {
  const int wait = retry_after(now, key);
  if (wait == 0) count(now, key);
  return wait;
}

void RateLimit::make_room(Instant now) {
  if (buckets_.size() < kMaxEntries) return;
  while (const auto key = ends_.take_due(now)) forget(*key);
  if (buckets_.size() < kMaxEntries) return;
  if (const auto key = ends_.take_due(ends_.next())) forget(*key);
}

void RateLimit::forget(std::string_view key) {
  const auto found = buckets_.find(key);
  ends_.remove(found->second.end);
  buckets_.erase(found);
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
