// The sending half of reno_flow.h: what may be sent when, and what is lost. Pure: time is an argument.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <limits>
#include <optional>
#include <span>

#include "core/time.h"
#include "sim/reno_flow.h"

namespace bamgate::sim {

/// Segments [begin, end) have arrived.
struct SackBlock {
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
  bool operator==(const SackBlock&) const = default;
};

class RenoSender {
 public:
  explicit RenoSender(const RenoOptions& options) : options_(options) {}

  /// The number of the next segment to put on the wire now; nullopt when the window has no room. Ask until then after
  /// every other call.
  std::optional<std::uint32_t> poll_segment(Instant now);
  /// All segments below `next` have arrived, and those in `blocks`.
  void handle_ack(Instant now, std::uint32_t next, std::span<const SackBlock> blocks);
  void handle_timeout(Instant now);
  /// kNever when nothing is on its way.
  Instant next_timeout() const { return in_flight_.empty() ? kNever : deadline_; }

  double congestion_window() const { return window_; }
  const RenoCounters& counters() const { return counters_; }

 private:
  struct Segment {
    Instant sent;
    bool sacked = false;
    bool lost = false;
    bool again = false;  // retransmitted since it was lost
  };

  std::uint32_t end() const { return first_ + static_cast<std::uint32_t>(in_flight_.size()); }
  std::size_t pipe() const;
  void mark_sacked(std::span<const SackBlock> blocks);
  bool mark_lost();
  void grow(std::uint32_t acknowledged);
  void measure(Duration round_trip);

  // RFC 6928 §2: ten segments.
  static constexpr double kInitialWindow = 10;
  // RFC 6298 §2.1: until a round trip has been measured.
  static constexpr Duration kInitialTimeout = std::chrono::seconds(1);
  // RFC 6298 §2.5: an upper bound is at least 60 s.
  static constexpr Duration kMaxTimeout = std::chrono::seconds(60);
  // RFC 6675 §2: DupThresh.
  static constexpr int kDuplicateThreshold = 3;

  RenoOptions options_;
  std::uint32_t first_ = 0;  // the lowest segment that is not acknowledged
  std::deque<Segment> in_flight_;
  double window_ = kInitialWindow;
  double threshold_ = std::numeric_limits<double>::infinity();  // ssthresh
  std::uint32_t recovery_point_ = 0;                            // nothing below it is a new congestion signal
  bool recovering_ = false;
  std::optional<std::uint32_t> timed_out_;  // the segment whose timer ended last
  Duration smoothed_{};                     // 0: not measured yet
  Duration variation_{};
  Duration timeout_ = kInitialTimeout;
  Instant deadline_{};
  RenoCounters counters_;
};

}  // namespace bamgate::sim
