// Pacing, timers and states of the agent. Candidates and pairs are in agent_candidates.cc, what happens to checks in
// agent_checks.cc.
#include "ice/agent.h"

#include <algorithm>

#include "ice/pacing.h"

namespace bamgate::ice {
namespace {

// RFC 8445 §14.2: no two transactions start closer to each other. Consent checks have a pace of their own, of seconds.
constexpr auto kLeastGap = std::chrono::milliseconds(5);
// Late candidates get their time after that, but not for ever.
constexpr auto kLongestChecking = 2 * kPatience;

}  // namespace

std::string_view to_string(State state) {
  switch (state) {
    case State::kNew:
      return "new";
    case State::kChecking:
      return "checking";
    case State::kConnected:
      return "connected";
    case State::kDisconnected:
      return "disconnected";
    case State::kFailed:
      return "failed";
    case State::kClosed:
      return "closed";
  }
  return "unknown";
}

Agent::Agent(Options options, Random& random, Crypto& crypto)
    : options_(std::move(options)),
      random_(random),
      crypto_(crypto),
      role_(options_.role),
      tie_breaker_(random.number<std::uint64_t>()) {}

// --- Time

std::expected<void, Error> Agent::set_remote_credentials(Instant now, Credentials remote) {
  if (is_final()) return std::unexpected(Error::kClosed);
  if (!remote.valid()) return std::unexpected(Error::kBadCredentials);
  if (remote_credentials_) return {};
  remote_credentials_ = std::move(remote);
  checks_started_ = now;
  patience_end_ = now + kPatience;
  enter(State::kChecking);
  for (const EarlyCheck& early : early_) {
    if (early.check.remote_ufrag == remote_credentials_->ufrag) take_up_check(now, early.path, early.check);
  }
  early_.clear();
  run(now);
  return {};
}

void Agent::handle_timeout(Instant now) { run(now); }

void Agent::run(Instant now) {
  if (is_final()) return;
  retransmit(now);
  nominate(now);
  start_transaction(now);
  keep_consent(now);
  give_up_when_hopeless(now);
}

void Agent::retransmit(Instant now) {
  for (Pair& pair : checklist_.pairs()) {
    if (!pair.transaction) continue;
    switch (pair.transaction->handle_timeout(now)) {
      case stun::Transaction::Step::kWait:
        break;
      case stun::Transaction::Step::kSend:
        ++counters_.retransmissions;
        pair.note_sent_again();
        send(pair.path, pair.request);
        break;
      case stun::Transaction::Step::kFail:
        fail(pair);
        break;
    }
  }
}

// A triggered check answers a check of the peer and is at most as frequent as those, so it goes first and does not wait
// for Ta: hole punching depends on it.
void Agent::start_transaction(Instant now) {
  if (now < next_transaction_) return;
  if (Pair* pair = remote_credentials_ ? checklist_.take_triggered() : nullptr) {
    next_transaction_ = now + kLeastGap;
    return start_check(now, *pair);
  }
  if (now < next_ordinary_ || !remote_credentials_) return;
  Pair* pair = checklist_.take_ordinary();
  if (pair == nullptr) return;
  next_ordinary_ = now + kTa;
  next_transaction_ = now + kLeastGap;
  start_check(now, *pair);
}

void Agent::keep_consent(Instant now) {
  if (state_ != State::kConnected) return;
  if (!consent_.alive(now)) {
    end(State::kDisconnected);
    return;
  }
  if (!consent_.check_due(now)) return;
  const OutgoingCheck check{.id = stun::make_transaction_id(random_),
                            .role = role_,
                            .tie_breaker = tie_breaker_,
                            .priority = checklist_.find(selected_->path)->check_priority,
                            .use_candidate = role_ == Role::kControlling && !nomination_confirmed_};
  consent_.note_sent(now, check.id, random_);
  consent_role_ = role_;
  ++counters_.consent_sent;
  send(selected_->path, write_check(crypto_, check, options_.local, *remote_credentials_));
}

// RFC 8863 §4: pairs may all have failed, yet a check of the peer can still reveal a new one until patience ends.
void Agent::give_up_when_hopeless(Instant now) {
  if (state_ != State::kChecking || now < patience_end_) return;
  const bool hope = checklist_.any_open() || checklist_.has_triggered() || now < nomination_grace_end_;
  if (!hope || now >= checks_started_ + kLongestChecking) end(State::kFailed);
}

Instant Agent::next_timeout() const {
  if (is_final()) return kNever;
  Instant next = kNever;
  const bool checks = remote_credentials_.has_value();
  if (checks && checklist_.has_triggered()) next = std::min(next, next_transaction_);
  if (checks && checklist_.has_ordinary()) next = std::min(next, std::max(next_ordinary_, next_transaction_));
  for (const Pair& pair : checklist_.pairs()) {
    if (pair.transaction) next = std::min(next, pair.transaction->next_timeout());
  }
  next = std::min(next, next_nomination_);
  if (state_ == State::kConnected) next = std::min(next, consent_.next_timeout());
  if (state_ == State::kChecking) {
    const Instant last = checks_started_ + kLongestChecking;
    next = std::min(next, last);
    // The pairs' own timers come first while any of them is open; after that, patience and grace decide.
    const Instant hope_end = std::max(patience_end_, nomination_grace_end_);
    if (!checklist_.any_open() && !checklist_.has_triggered()) next = std::min(next, hope_end);
  }
  return next;
}

// --- States

bool Agent::is_final() const {
  return state_ == State::kDisconnected || state_ == State::kFailed || state_ == State::kClosed;
}

void Agent::enter(State state) {
  if (state_ == state) return;
  state_ = state;
  events_.emplace_back(StateChanged{state});
}

void Agent::end(State state) {
  outbox_.clear();
  checklist_.stop_all();
  consent_.revoke();
  early_.clear();
  next_nomination_ = kNever;
  enter(state);
}

void Agent::close(Instant) {
  if (!is_final()) end(State::kClosed);
}

std::optional<Path> Agent::selected_path() const {
  if (state_ != State::kConnected) return std::nullopt;
  return selected_->path;
}

bool Agent::may_send(Instant now) const { return state_ == State::kConnected && consent_.alive(now); }

bool Agent::is_valid_path(const Path& path) const {
  const Pair* pair = checklist_.find(path);
  return pair != nullptr && pair->state == PairState::kSucceeded;
}

bool Agent::awaits(const stun::TransactionId& id) const {
  return consent_.is_pending(id) || checklist_.find_check(id) != nullptr;
}

bool Agent::has_remote_check(const Path& path) const {
  const Pair* pair = checklist_.find(path);
  return (pair != nullptr && pair->remote_checked) ||
         std::ranges::find(early_, path, &EarlyCheck::path) != early_.end();
}

void Agent::note_authenticated(Instant now, const Path& path) {
  if (selected_path() != path) return;
  last_heard_ = now;
  consent_.note_heard();
}

std::optional<Transmit> Agent::poll_transmit(Instant, MutableBytes buffer) {
  if (outbox_.empty()) return std::nullopt;
  const auto transmit = outbox_.pop(buffer);
  counters_.dropped_oversized = outbox_.oversized();
  return transmit;
}

std::optional<Agent::Event> Agent::poll_event() {
  if (events_.empty()) return std::nullopt;
  Event event = std::move(events_.front());
  events_.pop_front();
  return event;
}

}  // namespace bamgate::ice
