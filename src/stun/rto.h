// The estimate of the round trip to one server that sets the first retransmission (RFC 8489 §6.2.1, RFC 6298 §2).
// Adds no jitter: no RFC asks for it.
#pragma once

#include <chrono>
#include <optional>

#include "core/time.h"

namespace bamgate::stun {

// RFC 8489 §6.2.1: RTO starts at 500 ms or more, and is that where nothing is known.
inline constexpr Duration kInitialRto = std::chrono::milliseconds(500);
// RFC 6298 §2.5: a maximum may be set; 60 s is the least that it may be.
inline constexpr Duration kLongestRto = std::chrono::seconds(60);
// RFC 8489 §6.2.1: the estimate is stale when there was no transaction for 10 minutes.
inline constexpr Duration kRtoMemory = std::chrono::minutes(10);

class RtoEstimate {
 public:
  /// The RTO for a request that goes out now: from 500 ms to 60 s, in whole milliseconds.
  Duration rto(Instant now) const;
  /// A transaction ended. `round_trip` is nullopt when it was not measured (Karn's rule): that keeps the estimate
  /// fresh, but does not change it.
  void note_transaction(Instant now, std::optional<Duration> round_trip);

 private:
  struct Smoothed {
    Duration mean;
    Duration deviation;
  };
  std::optional<Smoothed> smoothed_;
  Instant last_used_;
};

}  // namespace bamgate::stun
