// The queue in front of one peer's data channel, for when SCTP's window is full: first in, first out, bounded in time
// by CoDel (RFC 8289), so that a slow path is a short queue and an occasional drop, not seconds of delay. What waited
// through an outage is dropped, never delivered later as a burst.
// Left out: fairness between flows (RFC 8290); the packets are encrypted here.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

#include "core/packet_buffer.h"
#include "core/time.h"

namespace bamgate::agent {

class SendQueue {
 public:
  // RFC 8289 §4.2 and §4.3: a standing queue of 5 ms over an interval of 100 ms is one too many.
  static constexpr Duration kTarget = std::chrono::milliseconds(5);
  static constexpr Duration kInterval = std::chrono::milliseconds(100);
  /// Nothing older is ever sent.
  static constexpr Duration kMaxAge = std::chrono::milliseconds(500);
  /// Room for a burst of one large TCP window; beyond it the newest packet is dropped.
  static constexpr std::size_t kMaxPackets = 1024;

  /// Appends `packet`; false, and it is dropped, when the queue is full.
  bool push(Instant now, PacketBuffer packet);
  /// The next packet to send; nullopt when none is left. Drops what CoDel says and what is too old.
  std::optional<PacketBuffer> pop(Instant now);
  /// Puts back what pop() gave and could not be sent after all; it keeps its place and its age.
  void unpop(PacketBuffer packet);
  void clear();

  bool empty() const { return packets_.empty(); }
  std::size_t size() const { return packets_.size(); }
  std::uint64_t dropped() const { return dropped_; }

 private:
  struct Entry {
    PacketBuffer packet;
    Instant since;
  };

  std::optional<Entry> take(Instant now, bool& standing);
  void drop(std::optional<Entry>& entry);
  Instant next_drop(Instant from) const;

  std::deque<Entry> packets_;
  Instant popped_since_{};
  bool dropping_ = false;
  std::uint32_t drop_count_ = 0;       // drops in this dropping state
  std::uint32_t last_drop_count_ = 0;  // drop_count_ when it was entered
  Instant drop_next_{};
  std::optional<Instant> above_until_;  // since kInterval before this, the delay has stayed above the target
  std::uint64_t dropped_ = 0;
};

}  // namespace bamgate::agent
