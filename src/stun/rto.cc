#include "stun/rto.h"

#include <algorithm>

namespace bamgate::stun {
namespace {

// RFC 8489 §6.2.1: not rounded to seconds, but kept to 1 ms. This is also G, the grain of the clock, of RFC 6298 §2.
constexpr Duration kGrain = std::chrono::milliseconds(1);

}  // namespace

Duration RtoEstimate::rto(Instant now) const {
  if (!smoothed_ || now - last_used_ >= kRtoMemory) return kInitialRto;
  // RFC 6298 §2.3: RTO = SRTT + max(G, K * RTTVAR), K = 4.
  const Duration rto = smoothed_->mean + std::max(kGrain, 4 * smoothed_->deviation);
  return std::clamp<Duration>(std::chrono::ceil<std::chrono::milliseconds>(rto), kInitialRto, kLongestRto);
}

void RtoEstimate::note_transaction(Instant now, std::optional<Duration> round_trip) {
  if (smoothed_ && now - last_used_ >= kRtoMemory) smoothed_.reset();
  last_used_ = now;
  if (!round_trip) return;
  // RFC 6298 §2.2: the first measurement stands for itself.
  if (!smoothed_) {
    smoothed_ = Smoothed{*round_trip, *round_trip / 2};
    return;
  }
  // RFC 6298 §2.3: alpha is 1/8, beta 1/4; the deviation first, from the old mean.
  const Duration error = std::chrono::abs(smoothed_->mean - *round_trip);
  smoothed_->deviation = (3 * smoothed_->deviation + error) / 4;
  smoothed_->mean = (7 * smoothed_->mean + *round_trip) / 8;
}

}  // namespace bamgate::stun
