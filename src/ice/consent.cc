#include "ice/consent.h"

#include <algorithm>

namespace bamgate::ice {
namespace {

// At least 4 s lie between two checks, so no more than 8 can be younger than the lifetime of consent.
constexpr std::size_t kMaxPending = 8;

}  // namespace

void Consent::grant(Instant now, Instant answered, Random& random) {
  pending_.clear();
  unanswered_ = 0;
  expires_ = answered + kConsentLifetime;
  schedule(now, random);
  // A pair that was valid for long before it was selected is asked again at once.
  next_check_ = std::min(next_check_, answered + kConsentInterval);
}

void Consent::revoke() {
  pending_.clear();
  expires_ = kNever;
  next_check_ = kNever;
}

void Consent::schedule(Instant now, Random& random) {
  const auto percent = 80 + random.below(41);
  next_check_ = now + kConsentInterval * percent / 100;
}

void Consent::note_sent(Instant now, const stun::TransactionId& id, Random& random) {
  if (pending_.size() >= kMaxPending) pending_.pop_front();
  pending_.push_back({id, now});
  ++unanswered_;
  schedule(now, random);
}

bool Consent::is_pending(const stun::TransactionId& id) const {
  return std::ranges::find(pending_, id, &Pending::id) != pending_.end();
}

void Consent::note_answered(Instant now, const stun::TransactionId& id) {
  const auto found = std::ranges::find(pending_, id, &Pending::id);
  if (found == pending_.end()) return;
  note_round_trip(now - found->sent);
  pending_.erase(pending_.begin(), found + 1);
  unanswered_ = 0;
  expires_ = now + kConsentLifetime;
}

void Consent::note_round_trip(Duration sample) { rtt_ = rtt_ ? (*rtt_ * 7 + sample) / 8 : sample; }

}  // namespace bamgate::ice
