#include "ice/nomination.h"

#include <algorithm>

namespace bamgate::ice {
namespace {

Instant earliest_nomination(const Checklist& checklist, const Pair& pair, const NominationInput& input) {
  const Instant valid = *pair.valid_since;
  if (pair.is_host_to_host() && (pair.remote.endpoint.address.is_v6() || !input.v6_possible)) return valid;
  if (input.remote_complete && !checklist.any_open_above(pair)) return valid;
  const Instant wait_end = valid + std::max<Duration>(kDirectPairWait, pair.round_trip.value_or(Duration{}));
  if (!pair.is_relayed() || !input.direct_possible) return wait_end;
  return std::max(wait_end, input.checks_started + kRelayedPairWait);
}

}  // namespace

Nomination choose_nomination(const Checklist& checklist, const NominationInput& input, Instant now) {
  Nomination nomination;
  bool ripe = false;
  for (const Pair& pair : checklist.pairs()) {
    if (pair.state != PairState::kSucceeded || !pair.valid_since) continue;
    const Instant earliest = earliest_nomination(checklist, pair, input);
    ripe = ripe || earliest <= now;
    nomination.next = std::min(nomination.next, earliest);
    if (nomination.pair == nullptr || pair.priority > nomination.pair->priority) nomination.pair = &pair;
  }
  // As soon as one pair has waited long enough, the best valid one is taken, be it younger.
  if (ripe) {
    nomination.next = kNever;
  } else {
    nomination.pair = nullptr;
  }
  return nomination;
}

}  // namespace bamgate::ice
