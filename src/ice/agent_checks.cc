// Connectivity checks of the agent: sent, received and answered (RFC 8445 §7), and nomination (§8).
#include <algorithm>

#include "ice/agent.h"
#include "ice/pacing.h"
#include "stun/integrity.h"

namespace bamgate::ice {
namespace {

// Neither a flood of candidates nor doubling (RFC 8489 §6.2.1) makes a check rarer than this: behind NATs it gets
// through only while the peer's own is fresh, and a lossy network needs more than 7 attempts. With an RTO of 500 ms the
// 20th transmission comes after 35.5 s and the end after 39.5 s, as with the default schedule.
constexpr auto kLongestCheckRto = std::chrono::seconds(2);
constexpr unsigned kRc = 20;
constexpr unsigned kRm = 8;

// How long the controlled side waits for a nomination after its newest success, when patience has ended meanwhile.
constexpr auto kNominationGrace = std::chrono::seconds(10);

}  // namespace

void Agent::send(const Path& path, const std::vector<std::byte>& datagram) {
  if (!outbox_.push(path, datagram)) ++counters_.dropped_limit;
}

// --- Datagrams in

std::expected<void, Error> Agent::handle_input(Instant now, const Received& received) {
  if (is_final()) return std::unexpected(Error::kClosed);
  std::expected<void, Error> result;
  const std::size_t stride = received.stride == 0 ? received.data.size() : received.stride;
  Bytes rest = received.data;
  do {
    const std::size_t size = std::min(stride, rest.size());
    const auto one = handle_datagram(now, received.path, rest.first(size));
    if (!one) result = one;
    rest = rest.subspan(size);
  } while (!rest.empty());
  run(now);
  return result;
}

std::expected<void, Error> Agent::handle_datagram(Instant now, const Path& path, Bytes datagram) {
  const auto message = stun::Message::parse(datagram);
  if (!message) {
    ++counters_.dropped_malformed;
    return std::unexpected(Error::kNotStun);
  }
  if (message->method() == stun::Method::kBinding) {
    switch (message->message_class()) {
      case stun::Class::kRequest:
        return handle_request(now, path, *message);
      case stun::Class::kSuccess:
      case stun::Class::kError:
        return handle_response(now, path, *message);
      case stun::Class::kIndication:
        return {};  // RFC 8445 §11: a keepalive; it asks for nothing
    }
  }
  ++counters_.dropped_malformed;
  return std::unexpected(Error::kUnexpectedMethod);
}

std::expected<void, Error> Agent::handle_request(Instant now, const Path& path, const stun::Message& request) {
  const auto check = read_check(crypto_, request, options_.local);
  const bool other_session = check && remote_credentials_ && check->remote_ufrag != remote_credentials_->ufrag;
  if (!check || other_session) {
    ++counters_.dropped_unauthenticated;
    return std::unexpected(check ? Error::kBadUsername : check.error());
  }
  const auto usable = check_address(path.remote);
  if (!usable || find_base(path) == nullptr) {
    ++counters_.dropped_excluded;
    return std::unexpected(usable ? Error::kUnknownPath : usable.error());
  }
  if (check->refusal) {
    ++counters_.dropped_malformed;
    send(path, write_check_error(crypto_, check->id, *check->refusal, check->unknown_attributes, options_.local));
    return std::unexpected(Error::kBadRequest);
  }
  ++counters_.checks_received;
  if (!resolve_role_conflict(*check)) {
    send(path, write_check_error(crypto_, check->id, stun::kErrorRoleConflict, {}, options_.local));
    return {};
  }
  send(path, write_check_success(crypto_, check->id, path.remote, options_.local));
  if (remote_credentials_) {
    take_up_check(now, path, *check);
  } else {
    remember_early(path, *check);
  }
  return {};
}

// RFC 8445 §7.3.1.1: the larger tie-breaker keeps its role. False: the peer has to change its own (487).
bool Agent::resolve_role_conflict(const IncomingCheck& check) {
  if (check.role != role_) return true;
  ++counters_.role_conflicts;
  const bool ours_is_larger = tie_breaker_ >= check.tie_breaker;
  if (ours_is_larger == (role_ == Role::kControlling)) return false;
  switch_role(opposite(role_));
  return true;
}

void Agent::switch_role(Role role) {
  if (role_ == role) return;
  role_ = role;
  checklist_.set_role(role);
  for (Pair& pair : checklist_.pairs()) pair.nominate = false;
  if (!selected_) return;
  selected_priority_ = checklist_.find(selected_->path)->priority;
}

void Agent::remember_early(const Path& path, IncomingCheck check) {
  const auto same = std::ranges::find(early_, path, &EarlyCheck::path);
  if (same != early_.end()) {
    check.use_candidate = check.use_candidate || same->check.use_candidate;
    same->check = std::move(check);
    return;
  }
  if (early_.size() >= kMaxEarlyChecks) {
    ++counters_.dropped_limit;
    return;
  }
  early_.push_back({path, std::move(check)});
}

// RFC 8445 §7.3.1.3: a source that no signalled candidate has is a peer-reflexive candidate. nullptr: too many of them.
const Candidate* Agent::remote_candidate_at(const Endpoint& endpoint, std::uint32_t priority, RelayId relay) {
  const auto known =
      std::ranges::find_if(remotes_, [&](const Remote& remote) { return remote.candidate.endpoint == endpoint; });
  if (known != remotes_.end()) return &known->candidate;
  if (std::ranges::count(remotes_, false, &Remote::signalled) >= std::ptrdiff_t{kMaxPeerReflexiveCandidates}) {
    ++counters_.dropped_limit;
    return nullptr;
  }
  // Its foundation is unlike that of any other candidate (§7.3.1.3); '/' keeps it apart from the peer's own numbers.
  const std::string foundation = "prflx/" + std::to_string(remotes_.size());
  const bool relayed = relay != RelayId::kNone && in_relay_network(endpoint.address);
  const auto type = relayed ? CandidateType::kRelayed : CandidateType::kPeerReflexive;
  remotes_.push_back({{type, foundation, priority, endpoint, std::nullopt}, false});
  return &remotes_.back().candidate;
}

// RFC 8445 §7.3.1.4, §7.3.1.5: a check from the peer triggers one of ours on the same pair, and may nominate it.
void Agent::take_up_check(Instant now, const Path& path, const IncomingCheck& check) {
  Pair* pair = checklist_.find(path);
  if (pair == nullptr) {
    const Base* base = find_base(path);
    const Candidate* remote = remote_candidate_at(path.remote, check.priority, path.relay);
    if (base == nullptr || remote == nullptr) return;
    pair = add_pair(*base, *remote);
    if (pair == nullptr) return;
  }
  pair->remote_checked = true;
  if (check.use_candidate && role_ == Role::kControlled) pair->remote_nominated = true;
  if (pair->state == PairState::kSucceeded) {
    if (pair->remote_nominated) select(now, *pair);
    return;
  }
  if (!worth_checking(*pair)) return;
  // A check in flight may have been lost at the peer's NAT before the peer opened it, so it is not waited for; its
  // answer still counts if it comes.
  pair->stop_transaction();
  checklist_.trigger(*pair);
}

// --- Checks out

void Agent::start_check(Instant now, Pair& pair) {
  const OutgoingCheck check{.id = stun::make_transaction_id(random_),
                            .role = role_,
                            .tie_breaker = tie_breaker_,
                            .priority = pair.check_priority,
                            .use_candidate = pair.nominate && role_ == Role::kControlling};
  // RFC 8445 §14.3: the more pairs wait or are in flight, the longer the timeout.
  const auto rto = std::clamp<Duration>(kTa * checklist_.busy(), kShortestRto, kLongestCheckRto);
  pair.request = write_check(crypto_, check, options_.local, *remote_credentials_);
  const stun::RetransmitOptions retransmit{.rto = rto, .rc = kRc, .rm = kRm, .longest_interval = kLongestCheckRto};
  pair.transaction.emplace(now, check.id, retransmit);
  pair.remember({check.id, check.role, check.use_candidate, now});
  if (pair.state != PairState::kSucceeded) pair.state = PairState::kInProgress;
  ++counters_.checks_sent;
  send(pair.path, pair.request);
}

void Agent::fail(Pair& pair) {
  pair.stop_transaction();
  ++counters_.checks_failed;
  // A valid pair stays valid when only the check that nominates it is lost; consent decides about it.
  if (pair.state != PairState::kSucceeded) pair.state = PairState::kFailed;
}

// --- Responses

std::expected<void, Error> Agent::handle_response(Instant now, const Path& path, const stun::Message& response) {
  const bool consent = consent_.is_pending(response.id()) && selected_path() == path;
  Pair* pair = consent ? nullptr : checklist_.find_check(response.id());
  if (!consent && pair == nullptr) {
    ++counters_.dropped_malformed;
    return std::unexpected(Error::kNoTransaction);
  }
  // RFC 8445 §7.2.5: only the peer knows the password; anybody else's answer, also an error, is dropped.
  if (!stun::check_integrity(response, crypto_, as_bytes(remote_credentials_->pwd))) {
    ++counters_.dropped_unauthenticated;
    return std::unexpected(Error::kBadIntegrity);
  }
  if (consent) return handle_consent_response(now, response);
  if (response.message_class() == stun::Class::kError) return handle_check_error(*pair, response);

  const SentCheck check = *pair->find_sent(response.id());
  const auto mapped = read_check_success(response);
  // RFC 8445 §7.2.5.2.1: the answer must come from where the check went. A mapped address inside the tunnel shows that
  // the check went through the tunnel itself.
  if (!mapped || path != pair->path || !check_address(*mapped)) {
    fail(*pair);
    return std::unexpected(Error::kBadResponse);
  }
  succeed(now, *pair, check, *mapped);
  return {};
}

std::expected<void, Error> Agent::handle_consent_response(Instant now, const stun::Message& response) {
  if (response.message_class() == stun::Class::kError) {
    const auto error = response.error_code();
    if (error && error->code == stun::kErrorRoleConflict) yield_role(consent_role_);
    return std::unexpected(Error::kErrorResponse);
  }
  ++counters_.consent_answered;
  consent_.note_answered(now, response.id());
  last_heard_ = now;
  return {};
}

std::expected<void, Error> Agent::handle_check_error(Pair& pair, const stun::Message& response) {
  const SentCheck check = *pair.find_sent(response.id());
  const auto error = response.error_code();
  if (!error || error->code != stun::kErrorRoleConflict) {
    fail(pair);
    return std::unexpected(Error::kErrorResponse);
  }
  yield_role(check.role);
  pair.stop_transaction();
  if (worth_checking(pair)) checklist_.trigger(pair);
  return {};
}

// RFC 8445 §7.2.5.1: take the other role than the refused check claimed, and change the tie-breaker.
void Agent::yield_role(Role claimed) {
  ++counters_.role_conflicts;
  if (role_ != claimed) return;
  switch_role(opposite(claimed));
  tie_breaker_ = random_.number<std::uint64_t>();
}

// RFC 8445 §7.2.5.3.1: the address that the peer saw is a local candidate, known or peer-reflexive.
const Candidate& Agent::local_candidate_at(const Pair& pair, const Endpoint& mapped) {
  const auto known = std::ranges::find(locals_, mapped, &Candidate::endpoint);
  if (known != locals_.end()) return *known;
  if (locals_.size() >= kMaxLocalCandidates) return pair.local;
  constexpr auto kType = CandidateType::kPeerReflexive;
  locals_.push_back(
      {kType, foundation_for(kType, mapped.address, {}), pair.check_priority, mapped, pair.local.endpoint});
  return locals_.back();
}

void Agent::succeed(Instant now, Pair& pair, const SentCheck& check, const Endpoint& mapped) {
  ++counters_.checks_succeeded;
  if (!check.sent_again) {
    pair.round_trip = now - check.when;
    if (selected_ && selected_->path == pair.path) consent_.note_round_trip(*pair.round_trip);
  }
  // The answer ends the check that it belongs to, and any other that only asks whether the pair is valid.
  const bool answered = pair.transaction && pair.transaction->id() == check.id;
  if (answered || pair.state != PairState::kSucceeded) pair.stop_transaction();
  if (pair.state != PairState::kSucceeded) {
    pair.state = PairState::kSucceeded;
    pair.valid_since = now;
    checklist_.untrigger(pair);
    nomination_grace_end_ = now + kNominationGrace;
  }
  pair.last_answer = now;
  pair.mapped = local_candidate_at(pair, mapped);
  checklist_.unfreeze(pair.foundation);
  if (check.nominating && selected_ && selected_->path == pair.path) nomination_confirmed_ = true;
  if (role_ == Role::kControlled && pair.remote_nominated) select(now, pair);
}

// --- Nomination

NominationInput Agent::nomination_input() const {
  const auto is_v6 = [](const auto& known) { return known.candidate.endpoint.address.is_v6(); };
  NominationInput input{.checks_started = checks_started_, .remote_complete = remote_complete_};
  input.direct_possible = std::ranges::any_of(bases_, [](const Base& base) { return base.relay == RelayId::kNone; });
  input.v6_possible = std::ranges::any_of(bases_, is_v6) && (!remote_complete_ || std::ranges::any_of(remotes_, is_v6));
  return input;
}

void Agent::nominate(Instant now) {
  next_nomination_ = kNever;
  if (role_ != Role::kControlling || state_ != State::kChecking) return;
  const Nomination choice = choose_nomination(checklist_, nomination_input(), now);
  next_nomination_ = choice.next;
  if (choice.pair == nullptr) return;
  Pair& pair = *checklist_.find(choice.pair->id);
  select(now, pair);
  if (!selected_) return;
  pair.nominate = true;
  checklist_.trigger(pair);
}

// The controlling side selects when it nominates: the pair is valid, so data may flow at once (RFC 8445 §12.1) and need
// not wait for the answer. The controlled side selects when the nomination comes; among several the best (§8.1.1, RFC
// 5245).
void Agent::select(Instant now, Pair& pair) {
  if (selected_ && selected_->path == pair.path) {
    nomination_confirmed_ = nomination_confirmed_ || pair.remote_nominated;
    return;
  }
  if (selected_ && nomination_confirmed_ && pair.priority < selected_priority_) return;
  // RFC 7675 §5.1: an answer of that age is no consent any more. Ask again; the answer selects.
  if (now >= pair.last_answer + kConsentLifetime) {
    if (!pair.transaction) checklist_.trigger(pair);
    nomination_grace_end_ = now + kNominationGrace;
    return;
  }
  selected_ = PathSelected{pair.path, pair.local_seen(), pair.remote};
  selected_priority_ = pair.priority;
  nomination_confirmed_ = pair.remote_nominated;
  consent_ = Consent();
  consent_.grant(now, pair.last_answer, random_);
  if (pair.round_trip) consent_.note_round_trip(*pair.round_trip);
  last_heard_ = pair.last_answer;
  next_nomination_ = kNever;
  checklist_.stop_below(role_ == Role::kControlling ? UINT64_MAX : pair.priority);
  events_.emplace_back(*selected_);
  enter(State::kConnected);
}

}  // namespace bamgate::ice
