// What waits on our side of one channel until SCTP takes it: first in, first out, bounded in bytes and messages and, on
// channels whose messages may be lost, in time: by an age, and by CoDel (RFC 8289), so that a slow path is a short
// queue and an occasional drop, not seconds of delay. What waited through an outage is dropped, never delivered later
// as a burst. Left out: fairness between flows in one channel (RFC 8290), ECN marks (RFC 8289 §1: a data channel
// carries none).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "core/packet_buffer.h"
#include "core/ring.h"
#include "core/time.h"
#include "sctp/channel.h"

namespace bamgate::sctp {

/// How much may wait, and how long. A local matter: the peer does not learn of it. On a channel that promises delivery
/// (neither max_retransmits nor max_lifetime) nothing is ever dropped: there max_age and codel have no effect.
struct QueueLimits {
  std::size_t max_bytes = 65536;    // a longer message is taken when nothing waits; 0: nothing waits at all
  std::size_t max_messages = 1024;  //
  // Nothing older is sent; nullopt: no limit (max_lifetime is one, too). Half of it may pass in the queue, the rest
  // remains for SCTP: under overload the head is always as old as it may be, and a message that is handed over with
  // no time left leaves hollow instead of whole.
  std::optional<Duration> max_age = {};
  bool codel = false;  // drops from a queue that does not get shorter
};

class SendQueue {
 public:
  // RFC 8289 §4.2 and §4.3: a standing queue of 5 ms over an interval of 100 ms is one too many.
  static constexpr Duration kTarget = std::chrono::milliseconds(5);
  static constexpr Duration kInterval = std::chrono::milliseconds(100);

  struct Entry {
    MessageKind kind = MessageKind::kBinary;
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
  void push(Instant now, MessageKind kind, PacketBuffer data);
  /// The message to send next, after what is too old and what CoDel says has been dropped; nullptr when none is left.
  /// Valid until the next call.
  const Entry* head(Instant now);
  /// Takes the head away: it is sent. Needs one.
  void pop();
  /// Drops all.
  void clear();

  bool empty() const { return entries_.empty(); }
  std::size_t size() const { return entries_.size(); }
  /// Bytes of the messages that wait.
  std::size_t bytes() const { return bytes_; }
  /// Messages that were pushed and never sent.
  std::uint64_t dropped() const { return dropped_; }

 private:
  void drop_head();
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

}  // namespace bamgate::sctp
