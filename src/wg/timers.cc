#include "wg/timers.h"

namespace bamgate::wg {

void Timers::initiation_sent(Instant now) { table_.set(Timer::kRetransmit, now + kRekeyTimeout + jitter()); }

void Timers::session_derived(Instant now) { table_.set(Timer::kZeroKeys, now + kZeroKeysAfter); }

void Timers::handshake_completed(Instant created) {
  table_.cancel(Timer::kRetransmit);
  table_.set(Timer::kSessionEnd, created + kRejectAfterTime);
}

void Timers::any_sent(Instant now) {
  table_.cancel(Timer::kPassiveKeepalive);
  traversed(now);
}

void Timers::any_received(Instant now) {
  table_.cancel(Timer::kDeadSession);
  traversed(now);
}

void Timers::data_sent(Instant now) {
  if (table_.is_set(Timer::kDeadSession)) return;
  table_.set(Timer::kDeadSession, now + kKeepaliveTimeout + kRekeyTimeout + jitter());
}

void Timers::data_received(Instant now) {
  if (table_.is_set(Timer::kPassiveKeepalive)) return;
  table_.set(Timer::kPassiveKeepalive, now + kKeepaliveTimeout);
}

void Timers::clear() { table_.cancel_all(); }

std::optional<Timers::Action> Timers::poll(Instant now) {
  if (table_.next() > now) return std::nullopt;
  // Keys first: what is wiped must not seal a keepalive any more.
  if (table_.take_expired(Timer::kZeroKeys, now)) return Action::kZeroKeys;
  if (table_.take_expired(Timer::kSessionEnd, now)) return Action::kExpireSession;
  if (table_.take_expired(Timer::kRetransmit, now)) return retransmit_or_give_up(now);
  if (table_.take_expired(Timer::kDeadSession, now)) return Action::kStartHandshake;
  if (table_.take_expired(Timer::kPersistentKeepalive, now)) return Action::kSendKeepalive;
  if (table_.take_expired(Timer::kPassiveKeepalive, now)) return Action::kSendKeepalive;
  return std::nullopt;
}

Timers::Action Timers::retransmit_or_give_up(Instant now) {
  if (now - attempt_started_ < kRekeyAttemptTime) return Action::kRetransmitInitiation;
  table_.cancel(Timer::kPassiveKeepalive);
  if (!table_.is_set(Timer::kZeroKeys)) table_.set(Timer::kZeroKeys, now + kZeroKeysAfter);
  return Action::kGiveUp;
}

void Timers::traversed(Instant now) {
  if (persistent_keepalive_.count() > 0) table_.set(Timer::kPersistentKeepalive, now + persistent_keepalive_);
}

Duration Timers::jitter() {
  return std::chrono::milliseconds(random_->below(static_cast<std::uint32_t>(kMaxJitter.count()) + 1));
}

}  // namespace bamgate::wg
