// What waits for a slow way out: first in, first out, bounded in bytes and messages and, where messages may be lost, in
// time: by an age, and by CoDel (RFC 8289), so that a slow path is a short queue and an occasional drop, not seconds of
// delay. What waited through an outage is dropped, never delivered later as a burst. Left out: fairness between flows
// in one queue (RFC 8290), ECN marks (RFC 8289 §1: neither a data channel nor a relay's stream carries any).
#pragma once

#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "core/packet_buffer.h"
#include "core/ring.h"
#include "core/time.h"

namespace bamgate::inline core {

/// How much may wait, and how long.
struct QueueLimits {
  std::size_t max_bytes = 65536;    // a longer message is taken when nothing waits; 0: nothing waits at all
  std::size_t max_messages = 1024;  //
  // Nothing older is sent; nullopt: no limit. Half of it may pass in the queue, the rest remains for the way out: under
  // overload the head is always as old as it may be, and a message that is handed over with no time left is of no use.
  std::optional<Duration> max_age = {};
  bool codel = false;  // drops from a queue that does not get shorter
};

/// `Kind` is a small value that travels with each message.
template <typename Kind>
class SendQueue {
 public:
  // RFC 8289 §4.2 and §4.3: a standing queue of 5 ms over an interval of 100 ms is one too many.
  static constexpr Duration kTarget = std::chrono::milliseconds(5);
  static constexpr Duration kInterval = std::chrono::milliseconds(100);

  struct Entry {
    Kind kind{};
    PacketBuffer data;
    Instant since;  // when it was pushed
  };

  explicit SendQueue(const QueueLimits& limits = {}) : limits_(limits) {}
  /// New limits; what waits is not dropped because of a smaller size.
  void set_limits(const QueueLimits& limits) { limits_ = limits; }
  const QueueLimits& limits() const { return limits_; }

  /// True when a message of `size` bytes may be pushed.
  bool has_room(std::size_t size) const;
  /// Appends a message. Needs has_room().
  void push(Instant now, Kind kind, PacketBuffer data);
  /// The message to send next, after what is too old and what CoDel says has been dropped; nullptr when none is left.
  /// Valid until the next call.
  const Entry* head(Instant now);
  /// Takes the head away: it is sent. Needs one.
  void pop();
  /// Drops the message that waits longest. Needs one.
  void drop_head();
  /// Drops all.
  void clear();

  bool empty() const { return entries_.empty(); }
  std::size_t size() const { return entries_.size(); }
  /// Bytes of the messages that wait.
  std::size_t bytes() const { return bytes_; }
  /// Messages that were pushed and never sent.
  std::uint64_t dropped() const { return dropped_; }

 private:
  bool stands(Instant now);
  Instant next_drop(Instant from) const;

  QueueLimits limits_;
  Ring<Entry> entries_;
  std::size_t bytes_ = 0;
  std::uint64_t dropped_ = 0;
  bool dropping_ = false;
  std::uint32_t drop_count_ = 0;       // drops in this dropping state
  std::uint32_t last_drop_count_ = 0;  // drop_count_ when it was entered
  Instant drop_next_{};
  std::optional<Instant> above_until_;  // since kInterval before this, the delay has stayed above the target
};

template <typename Kind>
bool SendQueue<Kind>::has_room(std::size_t size) const {
  if (limits_.max_bytes == 0) return false;
  return entries_.empty() || (entries_.size() < limits_.max_messages && bytes_ + size <= limits_.max_bytes);
}

template <typename Kind>
void SendQueue<Kind>::push(Instant now, Kind kind, PacketBuffer data) {
  bytes_ += data.size();
  entries_.push_back({kind, std::move(data), now});
}

template <typename Kind>
void SendQueue<Kind>::pop() {
  bytes_ -= entries_.front().data.size();
  entries_.pop_front();
}

template <typename Kind>
void SendQueue<Kind>::drop_head() {
  pop();
  ++dropped_;
}

template <typename Kind>
void SendQueue<Kind>::clear() {
  while (!entries_.empty()) drop_head();
  dropping_ = false;
  above_until_.reset();
}

// RFC 8289 §3.3 (control law): drops come closer together with the square root of their number.
template <typename Kind>
Instant SendQueue<Kind>::next_drop(Instant from) const {
  return from + std::chrono::duration_cast<Duration>(kInterval / std::sqrt(static_cast<double>(drop_count_)));
}

// RFC 8289 §5.6: drops what is too old, and says whether the head's delay has stood above the target for a whole
// interval.
template <typename Kind>
bool SendQueue<Kind>::stands(Instant now) {
  while (limits_.max_age && !entries_.empty() && now - entries_.front().since > *limits_.max_age / 2) drop_head();
  // The last message of a queue is never dropped: an almost empty queue is no standing one.
  if (!limits_.codel || entries_.size() < 2 || now - entries_.front().since < kTarget) {
    above_until_.reset();
    return false;
  }
  if (!above_until_) above_until_ = now + kInterval;
  return now >= *above_until_;
}

template <typename Kind>
const typename SendQueue<Kind>::Entry* SendQueue<Kind>::head(Instant now) {
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

}  // namespace bamgate::inline core
