// Consent freshness (RFC 7675): data may flow only while the peer keeps answering checks on the selected path.
// Here are the schedule and the bookkeeping; the agent writes the checks.
#pragma once

#include <chrono>
#include <deque>
#include <optional>

#include "core/random.h"
#include "core/time.h"
#include "stun/attribute.h"

namespace bamgate::ice {

// RFC 7675 §5.1: consent expires 30 s after the last valid response; nothing may be sent after that.
inline constexpr auto kConsentLifetime = std::chrono::seconds(30);
// RFC 7675 §5.1: a check every 5 s, each interval stretched by a random factor from 0.8 to 1.2.
inline constexpr auto kConsentInterval = std::chrono::seconds(5);

class Consent {
 public:
  /// Consent begins with the connectivity check that was answered at `answered` (RFC 7675 §5.1). Answers to older
  /// consent checks no longer count, since they went another path.
  void grant(Instant now, Instant answered, Random& random);
  /// Forgets everything; no timer runs.
  void revoke();
  bool granted() const { return expires_ != kNever; }
  bool alive(Instant now) const { return granted() && now < expires_; }

  bool check_due(Instant now) const { return now >= next_check_; }
  /// A check with this id leaves now; each is sent once and never again (RFC 7675 §5.1).
  void note_sent(Instant now, const stun::TransactionId& id, Random& random);
  bool is_pending(const stun::TransactionId& id) const;
  /// A valid response to that check: consent lives on.
  void note_answered(Instant now, const stun::TransactionId& id);
  /// Another sign of life: clears unanswered(), and nothing else.
  void note_heard() { unanswered_ = 0; }

  /// Takes a measured round trip into the smoothed one (RFC 6298 §2: 7/8 old, 1/8 new).
  void note_round_trip(Duration sample);
  std::optional<Duration> rtt() const { return rtt_; }
  unsigned unanswered() const { return unanswered_; }
  Instant expires() const { return expires_; }
  Instant next_timeout() const { return next_check_ < expires_ ? next_check_ : expires_; }

 private:
  struct Pending {
    stun::TransactionId id;
    Instant sent;
  };
  void schedule(Instant now, Random& random);

  Instant expires_ = kNever;
  Instant next_check_ = kNever;
  std::deque<Pending> pending_;  // those of the last 30 s; at most kMaxPending
  unsigned unanswered_ = 0;
  std::optional<Duration> rtt_;
};

}  // namespace bamgate::ice
