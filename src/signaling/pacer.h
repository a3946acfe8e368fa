// Spreads what a device sends, so that it stays below the hub's limit of 200 messages a second (protocol.md) also when
// it makes an offer to everyone of a full room. A leaky bucket, kept as the time at which it will be empty.
#pragma once

#include <algorithm>
#include <chrono>

#include "core/time.h"

namespace bamgate::signaling {

class Pacer {
 public:
  /// What an offer takes: each draws an answer and the candidates of both sides after it.
  static constexpr Duration kOfferCost = std::chrono::milliseconds(25);
  /// What every other message takes: 125 a second.
  static constexpr Duration kMessageCost = std::chrono::milliseconds(8);
  /// How full the bucket may be for one more to go in: 32 small messages or 10 offers leave at once.
  static constexpr Duration kBurst = std::chrono::milliseconds(250);

  /// When the next message may leave.
  Instant ready_at() const { return empty_at_ - kBurst; }
  void sent(Instant now, Duration cost) { empty_at_ = std::max(empty_at_, now) + cost; }

 private:
  Instant empty_at_ = Instant::min() + kBurst;
};

}  // namespace bamgate::signaling
