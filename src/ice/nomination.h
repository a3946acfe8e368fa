// When the controlling side nominates which pair (RFC 8445 §8.1.1 leaves that to the implementation).
//
// A direct pair between host candidates cannot be beaten by much and is taken at once, unless it is one of IPv4 and
// IPv6 may still work (RFC 8421). Others give better pairs a moment, relayed ones a longer one, because there is no
// later change of mind (no renomination).
#pragma once

#include <chrono>
#include <optional>

#include "ice/checklist.h"

namespace bamgate::ice {

// How long a valid pair waits for a better one; a round trip of the pair where that is longer.
inline constexpr auto kDirectPairWait = std::chrono::milliseconds(100);
// Hole punching needs both sides' candidates and a few round trips; a relay would win that race every time.
inline constexpr auto kRelayedPairWait = std::chrono::seconds(2);

struct NominationInput {
  Instant checks_started;        // when the remote credentials came
  bool remote_complete = false;  // the peer's end-of-candidates was seen
  bool direct_possible = false;  // this side has a candidate that is not relayed
  bool v6_possible = false;      // this side has an IPv6 candidate, and the peer has one or may still send one
};

struct Nomination {
  const Pair* pair = nullptr;  // to be nominated now; nullptr: nothing yet
  Instant next = kNever;       // when to ask again, if nothing changes before
};

/// Chooses among the valid pairs of `checklist`.
Nomination choose_nomination(const Checklist& checklist, const NominationInput& input, Instant now);

}  // namespace bamgate::ice
