// The timers of a tunnel (paper §6). A handshake or keepalive is never scheduled for its own sake: all of them follow
// from packets that were, or were not, sent and received. In prose:
//
// - An initiation that nobody answers is sent again after REKEY_TIMEOUT and a little jitter (so that two sides that
//   began together fall out of step), each time a new one. After REKEY_ATTEMPT_TIME of this the tunnel gives up, until
//   another packet wants to be sent: each such packet starts the 90 s again.
// - A session is renewed by its initiator when it sends a packet and the keypair is older than REKEY_AFTER_TIME; and
//   when it only receives, shortly before REJECT_AFTER_TIME, so that a peer that sends alone does not run into the end.
//   The responder never renews by age: otherwise both would start at once. Both renew after REKEY_AFTER_MESSAGES.
// - A keypair older than REJECT_AFTER_TIME seals and opens nothing.
// - Passive keepalive: a packet came in and nothing went back for KEEPALIVE_TIMEOUT: an empty message is sent, so the
//   peer knows that we live. Empty messages are no reason for it, so two idle sides fall silent.
// - Dead session: a packet went out and nothing authentic came back for KEEPALIVE_TIMEOUT + REKEY_TIMEOUT (a live peer
//   would have sent its passive keepalive by then): a new handshake is started.
// - Persistent keepalive (§2.1), when switched on: after that long without any authentic message in either direction,
//   an empty one is sent; it keeps NAT bindings and firewalls open.
// - All keys are wiped 3 * REJECT_AFTER_TIME after the last new session, or after giving up.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "core/random.h"
#include "core/time.h"
#include "core/timer_table.h"

namespace bamgate::wg {

// Paper §6.1, table of constants.
inline constexpr auto kRekeyAfterTime = std::chrono::seconds(120);
inline constexpr auto kRejectAfterTime = std::chrono::seconds(180);
inline constexpr auto kRekeyAttemptTime = std::chrono::seconds(90);
inline constexpr auto kRekeyTimeout = std::chrono::seconds(5);
inline constexpr auto kKeepaliveTimeout = std::chrono::seconds(10);
inline constexpr std::uint64_t kRekeyAfterMessages = std::uint64_t{1} << 60;
inline constexpr std::uint64_t kRejectAfterMessages = UINT64_MAX - (std::uint64_t{1} << 13);  // 2^64 - 2^13 - 1
// Paper §6.1: an initiation that a timer causes is jittered, so that two peers do not go on initiating at the same
// time. How much is not said; Linux takes up to a third of a second.
inline constexpr auto kMaxJitter = std::chrono::milliseconds(333);
// Paper §6.3: keys are zeroed after three times REJECT_AFTER_TIME without a new one.
inline constexpr auto kZeroKeysAfter = 3 * kRejectAfterTime;

/// When what of the above is due. It decides nothing else: Tunnel reports what happened and does what poll() says.
class Timers {
 public:
  enum class Action : std::uint8_t {
    kRetransmitInitiation,
    kGiveUp,          // no answer for REKEY_ATTEMPT_TIME
    kSendKeepalive,   // passive or persistent
    kStartHandshake,  // data was sent and nothing came back
    kExpireSession,   // the current session has reached REJECT_AFTER_TIME
    kZeroKeys,
  };

  /// `persistent_keepalive` zero: off. `random` gives the jitter and must outlive it.
  Timers(std::chrono::seconds persistent_keepalive, Random& random)
      : persistent_keepalive_(persistent_keepalive), random_(&random) {}

  /// A handshake is wanted anew: the attempt time starts over. Comes before the first initiation_sent().
  void attempt_started(Instant now) { attempt_started_ = now; }
  void initiation_sent(Instant now);
  /// A keypair was derived, by either side.
  void session_derived(Instant now);
  /// A keypair that was made at `created` is now the one to send with.
  void handshake_completed(Instant created);
  /// Any message of ours that the peer can authenticate.
  void any_sent(Instant now);
  /// Any message of the peer that was authentic.
  void any_received(Instant now);
  /// A message with a packet inside, on top of any_sent() or any_received().
  void data_sent(Instant now);
  void data_received(Instant now);
  /// Cancels everything.
  void clear();

  /// The next thing that is due; nullopt when nothing is. To be repeated.
  std::optional<Action> poll(Instant now);
  Instant next() const { return table_.next(); }

 private:
  enum class Timer : std::uint8_t {
    kRetransmit,
    kPassiveKeepalive,
    kPersistentKeepalive,
    kDeadSession,
    kSessionEnd,
    kZeroKeys,
    kCount
  };
  Action retransmit_or_give_up(Instant now);
  void traversed(Instant now);
  Duration jitter();

  std::chrono::seconds persistent_keepalive_;
  Random* random_;
  TimerTable<Timer> table_;
  Instant attempt_started_;
};

}  // namespace bamgate::wg
