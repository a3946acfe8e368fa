#include "agent/send_queue.h"

#include <cmath>
#include <utility>

namespace bamgate::agent {

bool SendQueue::push(Instant now, PacketBuffer packet) {
  if (packets_.size() >= kMaxPackets) {
    ++dropped_;
    return false;
  }
  packets_.push_back({std::move(packet), now});
  return true;
}

void SendQueue::unpop(PacketBuffer packet) { packets_.push_front({std::move(packet), popped_since_}); }

void SendQueue::clear() {
  dropped_ += packets_.size();
  packets_.clear();
  dropping_ = false;
  above_until_.reset();
}

void SendQueue::drop(std::optional<Entry>& entry) {
  entry.reset();
  ++dropped_;
}

// RFC 8289 §3.3 (control law): drops come closer together with the square root of their number.
Instant SendQueue::next_drop(Instant from) const {
  return from + std::chrono::duration_cast<Duration>(kInterval / std::sqrt(static_cast<double>(drop_count_)));
}

// RFC 8289 §5.6: takes the head, and says whether its delay has stood above the target for a whole interval.
std::optional<SendQueue::Entry> SendQueue::take(Instant now, bool& standing) {
  standing = false;
  while (!packets_.empty() && now - packets_.front().since > kMaxAge) {
    packets_.pop_front();
    ++dropped_;
  }
  if (packets_.empty()) {
    above_until_.reset();
    return std::nullopt;
  }
  std::optional<Entry> entry(std::move(packets_.front()));
  packets_.pop_front();
  // The last packet of a queue is never dropped: an almost empty queue is no standing one.
  if (now - entry->since < kTarget || packets_.empty()) {
    above_until_.reset();
  } else if (!above_until_) {
    above_until_ = now + kInterval;
  } else {
    standing = now >= *above_until_;
  }
  return entry;
}

std::optional<PacketBuffer> SendQueue::pop(Instant now) {
  bool standing = false;
  auto entry = take(now, standing);
  if (dropping_) {
    dropping_ = standing;
    while (dropping_ && now >= drop_next_) {
      drop(entry);
      ++drop_count_;
      entry = take(now, standing);
      dropping_ = standing;
      if (dropping_) drop_next_ = next_drop(drop_next_);
    }
  } else if (standing) {
    drop(entry);
    entry = take(now, standing);
    dropping_ = true;
    // RFC 8289 §5.5: after a short pause it goes on with the rate that was right before.
    const std::uint32_t recent = drop_count_ - last_drop_count_;
    drop_count_ = recent > 1 && now - drop_next_ < 16 * kInterval ? recent : 1;
    last_drop_count_ = drop_count_;
    drop_next_ = next_drop(now);
  }
  if (!entry) return std::nullopt;
  popped_since_ = entry->since;
  return std::move(entry->packet);
}

}  // namespace bamgate::agent
