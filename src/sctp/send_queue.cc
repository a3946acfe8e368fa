#include "sctp/send_queue.h"

#include <cmath>
#include <utility>

namespace bamgate::sctp {

bool SendQueue::has_room(std::size_t size) const {
  if (limits_.max_bytes == 0) return false;
  return entries_.empty() || (entries_.size() < limits_.max_messages && bytes_ + size <= limits_.max_bytes);
}

void SendQueue::push(Instant now, MessageKind kind, PacketBuffer data) {
  bytes_ += data.size();
  entries_.push_back({kind, std::move(data), now});
}

void SendQueue::pop() {
  bytes_ -= entries_.front().data.size();
  entries_.pop_front();
}

void SendQueue::drop_head() {
  pop();
  ++dropped_;
}

void SendQueue::clear() {
  while (!entries_.empty()) drop_head();
  dropping_ = false;
  above_until_.reset();
}

// RFC 8289 §3.3 (control law): drops come closer together with the square root of their number.
Instant SendQueue::next_drop(Instant from) const {
  return from + std::chrono::duration_cast<Duration>(kInterval / std::sqrt(static_cast<double>(drop_count_)));
}

// RFC 8289 §5.6: drops what is too old, and says whether the head's delay has stood above the target for a whole
// interval.
bool SendQueue::stands(Instant now) {
  while (limits_.max_age && !entries_.empty() && now - entries_.front().since > *limits_.max_age / 2) drop_head();
  // The last message of a queue is never dropped: an almost empty queue is no standing one.
  if (!limits_.codel || entries_.size() < 2 || now - entries_.front().since < kTarget) {
    above_until_.reset();
    return false;
  }
  if (!above_until_) above_until_ = now + kInterval;
  return now >= *above_until_;
}

const SendQueue::Entry* SendQueue::head(Instant now) {
  bool standing = stands(now);
  if (dropping_) {
    dropping_ = standing;
    while (dropping_ && now >= drop_next_) {
      drop_head();
      ++drop_count_;
      dropping_ = stands(now);
      if (dropping_) drop_next_ = next_drop(drop_next_);
    }
  } else if (standing) {
    drop_head();
    static_cast<void>(stands(now));
    dropping_ = true;
    // RFC 8289 §5.5: after a short pause it goes on with the rate that was right before.
    const std::uint32_t recent = drop_count_ - last_drop_count_;
    drop_count_ = recent > 1 && now - drop_next_ < 16 * kInterval ? recent : 1;
    last_drop_count_ = drop_count_;
    drop_next_ = next_drop(now);
  }
  return entries_.empty() ? nullptr : &entries_.front();
}

}  // namespace bamgate::sctp
