// The receiving half of reno_flow.h: what has arrived, and when to say so.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "core/time.h"
#include "sim/reno_sender.h"

namespace bamgate::sim {

class RenoReceiver {
 public:
  explicit RenoReceiver(const RenoOptions& options) : options_(options) {}

  /// A segment has arrived. Acknowledge when wants_ack().
  void handle_segment(Instant now, std::uint32_t number);
  /// Whether an acknowledgment has to leave by now.
  bool wants_ack(Instant now) const { return now >= deadline_; }
  /// kNever when nothing is to be acknowledged.
  Instant next_timeout() const { return deadline_; }
  /// What the acknowledgment says, which leaves now.
  std::vector<SackBlock> take_ack();

  /// All segments below this have arrived.
  std::uint32_t next() const { return next_; }
  std::uint64_t received() const { return received_; }

 private:
  // RFC 2018 §3: as many blocks as fit beside the timestamps that real systems send.
  static constexpr std::size_t kMaxBlocks = 3;

  RenoOptions options_;
  std::uint32_t next_ = 0;
  std::map<std::uint32_t, std::uint32_t> blocks_;  // begin to end, beyond next_
  std::uint32_t latest_ = 0;                       // the block with it arrived last
  Instant deadline_ = kNever;
  std::uint64_t received_ = 0;
};

}  // namespace bamgate::sim
