#include "sim/reno_sender.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace bamgate::sim {

// RFC 6675 §4, SetPipe: what is neither lost nor arrived, and what was sent again.
std::size_t RenoSender::pipe() const {
  return static_cast<std::size_t>(std::ranges::count_if(
      in_flight_, [](const Segment& segment) { return !segment.sacked && (!segment.lost || segment.again); }));
}

std::optional<std::uint32_t> RenoSender::poll_segment(Instant now) {
  if (static_cast<double>(pipe()) + 1 > window_) return std::nullopt;
  if (in_flight_.empty()) deadline_ = now + timeout_;
  const auto lost = std::ranges::find_if(in_flight_, [](const Segment& s) { return s.lost && !s.again && !s.sacked; });
  if (lost != in_flight_.end()) {
    lost->again = true;
    lost->sent = now;
    ++counters_.sent;
    ++counters_.retransmitted;
    return first_ + static_cast<std::uint32_t>(lost - in_flight_.begin());
  }
  if (in_flight_.size() >= options_.window) return std::nullopt;
  in_flight_.push_back({.sent = now});
  ++counters_.sent;
  return end() - 1;
}

void RenoSender::handle_ack(Instant now, std::uint32_t next, std::span<const SackBlock> blocks) {
  if (next < first_ || next > end()) return;
  const std::uint32_t acknowledged = next - first_;
  const double flight = static_cast<double>(in_flight_.size());
  if (acknowledged > 0) {
    const Segment& last = in_flight_[acknowledged - 1];
    // RFC 6298 §3, Karn's rule; and one that was SACKed has waited for others.
    if (!last.again && !last.lost && !last.sacked) measure(now - last.sent);
    in_flight_.erase(in_flight_.begin(), in_flight_.begin() + acknowledged);
    first_ = next;
    deadline_ = now + timeout_;  // RFC 6298 §5.3
  }
  mark_sacked(blocks);
  recovering_ = recovering_ && first_ < recovery_point_;
  // Growth belongs to what was acknowledged before the loss was seen.
  if (!recovering_) grow(acknowledged);
  if (mark_lost() && first_ >= recovery_point_) {
    // RFC 6675 §5, step 4.
    recovering_ = true;
    recovery_point_ = end();
    window_ = threshold_ = std::max(std::min(flight, window_) / 2, 2.0);
    ++counters_.recoveries;
  }
}

void RenoSender::mark_sacked(std::span<const SackBlock> blocks) {
  for (const SackBlock& block : blocks) {
    for (std::uint32_t i = std::max(block.begin, first_); i < std::min(block.end, end()); ++i) {
      in_flight_[i - first_].sacked = true;
    }
  }
}

// RFC 6675 §4, IsLost. Returns whether anything was not known to be lost before.
bool RenoSender::mark_lost() {
  bool found = false;
  int above = 0;
  for (auto segment = in_flight_.rbegin(); segment != in_flight_.rend(); ++segment) {
    if (segment->sacked) {
      ++above;
    } else if (above >= kDuplicateThreshold && !segment->lost) {
      segment->lost = found = true;
    }
  }
  return found;
}

void RenoSender::grow(std::uint32_t acknowledged) {
  const double count = acknowledged;
  // RFC 3465 §2.2: two segments for one acknowledgment at the most. RFC 5681 §3.1: else one segment per round trip.
  window_ += window_ < threshold_ ? std::min(count, 2.0) : count / window_;
}

// RFC 6298 §2.2 to §2.4; the clock is as fine as it gets.
void RenoSender::measure(Duration round_trip) {
  if (smoothed_ == Duration{}) {
    smoothed_ = round_trip;
    variation_ = round_trip / 2;
  } else {
    variation_ += (std::chrono::abs(smoothed_ - round_trip) - variation_) / 4;
    smoothed_ += (round_trip - smoothed_) / 8;
  }
  timeout_ = std::clamp(smoothed_ + 4 * variation_, options_.min_timeout, kMaxTimeout);
}

void RenoSender::handle_timeout(Instant now) {
  if (now < next_timeout()) return;
  ++counters_.timeouts;
  // RFC 5681 §3.1: only for the first timeout of a segment.
  if (timed_out_ != first_) threshold_ = std::max(static_cast<double>(pipe()) / 2, 2.0);
  timed_out_ = first_;
  window_ = 1;
  recovering_ = false;
  recovery_point_ = end();
  for (Segment& segment : in_flight_) {
    if (segment.sacked) continue;
    segment.lost = true;
    segment.again = false;
  }
  timeout_ = std::min(timeout_ * 2, kMaxTimeout);  // RFC 6298 §5.5
  deadline_ = now + timeout_;
}

}  // namespace bamgate::sim
