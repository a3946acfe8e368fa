// One other device of the network as this one sees it: what the hub says of it, the present attempt to be connected
// with it, and its signs of life. What travels over the connection is a Carrier's business. The states and all
// transitions stand in peer_state.cc; what is done on them stands in link.cc.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "agent/attempt.h"
#include "agent/carrier.h"
#include "agent/early_candidates.h"
#include "agent/peer_state.h"
#include "agent/restart_policy.h"
#include "agent/shared.h"
#include "agent/status.h"
#include "core/timer_table.h"
#include "ice/pacing.h"

namespace bamgate::agent {

class Link {
 public:
  /// Without an answer to our offer after this time an attempt is given up.
  static constexpr auto kAnswerTime = std::chrono::seconds(30);
  /// From the exchange of descriptions to a carrier that is secured: longer than ICE's patience, which nobody may cut
  /// short (RFC 8863 §4), by a little for what comes after a path that was found late.
  static constexpr auto kAttemptTime = ice::kPatience + std::chrono::milliseconds(5'500);
  /// After a failure the side that only answers waits so much longer than it would as the offerer; then it offers
  /// itself: the peer may not have noticed that anything failed.
  static constexpr auto kOfferPatience = std::chrono::seconds(10);

  /// Not listed yet: handle_present() follows. `shared` and `carrier` outlive it.
  Link(Shared& shared, Carrier& carrier, signaling::PeerInfo info);
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;
  ~Link() = default;

  // What the hub says.

  /// What a list says about it; handle_present() follows.
  void set_info(Instant now, signaling::PeerInfo info);
  void handle_present(Instant now) { apply(now, PeerInput::kListed); }
  void handle_left(Instant now) { apply(now, PeerInput::kLeft); }
  void handle_offer(Instant now, const signaling::Offer& offer);
  void handle_answer(Instant now, const signaling::Answer& answer);
  void handle_candidate(Instant now, const signaling::IceCandidate& candidate);

  // What the node says.
  void learn(Instant now, const Node::Event& event);
  /// The attempt with this id, if it is one of this link.
  Attempt* find(AttemptId attempt);
  /// Addresses or routes have changed: an attempt that leads nowhere any more (Attempt::is_stale) is replaced.
  void leave_stale_path(Instant now);
  /// A wait for the next attempt ends; we offer, whoever's turn it is.
  void retry_now(Instant now) { apply(now, PeerInput::kRetry); }

  /// Sends one message of the carrier over the data channel. It is dropped when there is none.
  void send(Instant now, PacketBuffer message) { carry(now, {.message = std::move(message)}); }
  /// Ends the connection and tells the peer so.
  void disconnect(Instant now, std::string_view why) { apply(now, PeerInput::kEnd, why); }

  void handle_timeout(Instant now);
  /// The next datagram of its connections.
  std::optional<Transmit> poll_transmit(Instant now, MutableBytes buffer);
  Instant next_timeout() const;
  /// Moves messages between connection and carrier until both are idle. Called after everything that may change them.
  void pump(Instant now);

  const signaling::PeerInfo& info() const { return info_; }
  PeerState state() const { return state_; }
  std::optional<AttemptId> attempt() const { return attempt_ ? std::optional(attempt_->id()) : std::nullopt; }
  /// Those that datagrams may be for.
  using AttemptIds = std::array<std::optional<AttemptId>, 2>;
  AttemptIds attempts() const;
  /// What is known without the carrier.
  PeerStatus status(Instant now) const;
  /// Of the present attempts; what was before stands in Shared.
  AttemptCounters counters() const;

 private:
  enum class Timer : std::uint8_t { kAttempt, kRetry, kCount };

  bool sorts_first() const;
  PeerRole role() const;
  void apply(Instant now, PeerInput input, std::string_view why = {});
  Attempt::Role answering_role() const;
  void begin_attempt(Instant now, Attempt::Role role);
  void begin_beside(Instant now);
  void make_offer(Instant now);
  void end_attempt(Instant now, bool tell_peer);
  void end_next(Instant now);
  void take_next(Instant now);
  bool is_old(const Attempt& attempt) const { return next_ != nullptr && &attempt == attempt_.get(); }
  Attempt* newest() const { return next_ ? next_.get() : attempt_.get(); }
  void handle_closed(Instant now, const Attempt& attempt, peer::Error reason);
  void schedule_retry(Instant now, std::string_view why);

  Attempt* owner_of(const peer::Description& offer);
  void answer_within(Instant now, Attempt& attempt, const signaling::Offer& offer);
  bool take_restart_answer(Instant now, const signaling::Answer& answer);
  void use_early_candidates(Instant now, Attempt& attempt);
  bool pump_connection(Instant now, Attempt* attempt);
  bool pump_carrier(Instant now);
  void carry(Instant now, CarrierMessage message);
  void handle_event(Instant now, Attempt& attempt, peer::PeerConnection::Event event);
  void handle_message(Instant now, Attempt& attempt, PacketBuffer message);
  void show(bool ours, Bytes message) const;
  void handle_opened(Instant now, Attempt& attempt, sctp::ChannelId channel);
  void handle_secured(Instant now);
  void handle_timers(Instant now);
  void notice(NoticeLevel level, std::string text);

  Shared& shared_;
  Carrier& carrier_;
  signaling::PeerInfo info_;
  PeerState state_ = PeerState::kAway;
  std::unique_ptr<Attempt> attempt_;  // there exactly when has_connection(state_)
  std::unique_ptr<Attempt> next_;     // there exactly when kRenewing: it answers, and attempt_ carries packets
  EarlyCandidates early_candidates_{shared_.counters.candidates_unused};
  RestartPolicy policy_;
  bool answers_passive_ = false;  // as the DTLS client we heard nothing: the other role is next
  TimerTable<Timer> timers_;
  std::optional<Instant> connected_since_;
  std::string last_error_;  // why the last attempt failed; empty while connected
};

}  // namespace bamgate::agent
