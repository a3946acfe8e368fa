// Candidates, pacing, timers and states of the agent. What happens to checks is in agent_checks.cc.
#include "ice/agent.h"

#include <algorithm>

#include "ice/nomination.h"

namespace bamgate::ice {
namespace {

// RFC 8445 §14.2: the agent starts one new transaction every Ta, 50 ms by default.
constexpr auto kTa = std::chrono::milliseconds(50);
// RFC 8445 §14.2: Ta may be as small as 5 ms. A triggered check answers a check of the peer and is at most as frequent
// as those, so it need not wait in the line of ordinary ones: hole punching depends on it.
constexpr auto kTriggeredGap = std::chrono::milliseconds(5);
// RFC 8863 §4: patience lasts as long as one transaction with default timers, 39.5 s; no failure before that.
constexpr auto kPatience = std::chrono::milliseconds(39'500);
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
      tie_breaker_(random.number<std::uint64_t>()) {
  for (const Endpoint& server : options_.stun_servers) gatherer_.add_server(server);
}

// --- Local candidates

std::expected<void, Error> Agent::check_address(const Endpoint& endpoint) const {
  const IpAddress& address = endpoint.address;
  // RFC 8445 §5.1.1.1: no loopback, link-local or IPv4-mapped addresses.
  const bool unusable = address.family() == Family::kNone || address.is_unspecified() || address.is_multicast() ||
                        address.is_link_local() || address.is_v4_mapped() || endpoint.port == 0 ||
                        (address.is_loopback() && !options_.allow_loopback);
  if (unusable) return std::unexpected(Error::kUnusableAddress);
  const auto contains = [&](const IpPrefix& prefix) { return prefix.contains(address); };
  if (std::ranges::any_of(options_.excluded, contains)) return std::unexpected(Error::kExcludedAddress);
  return {};
}

// RFC 8445 §5.1.1.3: one foundation for each combination of type, base address and server.
std::string Agent::foundation_for(CandidateType type, const IpAddress& base, const IpAddress& server) {
  std::string key(to_string(type));
  key += ' ' + base.to_string() + ' ' + server.to_string();
  auto found = std::ranges::find(foundations_, key);
  if (found == foundations_.end()) found = foundations_.insert(foundations_.end(), std::move(key));
  return std::to_string(found - foundations_.begin() + 1);
}

// RFC 8445 §5.1.2.1, RFC 8421 §4: each base has its own local preference; IPv6 stands before IPv4, and the order in
// which the caller adds addresses decides among those of one family.
std::uint16_t Agent::next_local_preference(Family family) const {
  const auto same = std::ranges::count_if(
      bases_, [&](const Base& base) { return base.candidate.endpoint.address.family() == family; });
  return static_cast<std::uint16_t>((family == Family::kV6 ? 65535 : 65534) - 2 * same);
}

void Agent::announce(const Candidate& candidate) {
  locals_.push_back(candidate);
  events_.emplace_back(LocalCandidate{candidate});
}

void Agent::add_base(Base base) {
  announce(base.candidate);
  bases_.push_back(std::move(base));
  for (const Remote& remote : remotes_) add_pair(bases_.back(), remote.candidate);
}

void Agent::add_local_address(Instant now, SocketId socket, const Endpoint& base) {
  if (is_final() || gathering_complete_ || !check_address(base)) return;
  if (locals_.size() >= kMaxLocalCandidates) {
    ++counters_.dropped_limit;
    return;
  }
  const auto same = [&](const Base& known) { return known.candidate.endpoint == base; };
  if (std::ranges::any_of(bases_, same)) return;
  const std::uint16_t preference = next_local_preference(base.address.family());
  const Candidate candidate{CandidateType::kHost, foundation_for(CandidateType::kHost, base.address, {}),
                            candidate_priority(CandidateType::kHost, preference), base, std::nullopt};
  add_base({socket, RelayId::kNone, candidate, candidate_priority(CandidateType::kPeerReflexive, preference)});
  gatherer_.add_base(socket, base);
  run(now);
}

void Agent::add_relayed(Instant now, RelayId relay, SocketId socket, const Endpoint& relayed, const Endpoint& related) {
  if (is_final() || gathering_complete_ || relay == RelayId::kNone || !check_address(relayed)) return;
  if (locals_.size() >= kMaxLocalCandidates) {
    ++counters_.dropped_limit;
    return;
  }
  if (std::ranges::any_of(bases_, [&](const Base& known) { return known.relay == relay; })) return;
  const std::uint16_t preference = next_local_preference(relayed.address.family());
  const std::uint32_t priority = candidate_priority(CandidateType::kRelayed, preference);
  const Candidate candidate{CandidateType::kRelayed, foundation_for(CandidateType::kRelayed, relayed.address, {}),
                            priority, relayed, related};
  // What a peer learns from a check through a relay is a relayed address, and should not be preferred to direct ones.
  add_base({socket, relay, candidate, priority});
  run(now);
}

void Agent::learn_reflexive(const Reflexive& reflexive) {
  if (gathering_complete_ || locals_.size() >= kMaxLocalCandidates || !check_address(reflexive.mapped)) return;
  // RFC 8445 §5.1.3: redundant when it equals a known candidate, as without NAT or from a second server.
  const auto same = [&](const Candidate& known) { return known.endpoint == reflexive.mapped; };
  if (std::ranges::any_of(locals_, same)) return;
  const auto base =
      std::ranges::find_if(bases_, [&](const Base& known) { return known.candidate.endpoint == reflexive.base; });
  if (base == bases_.end()) return;
  const auto preference = static_cast<std::uint16_t>(base->candidate.priority >> 8 & 0xffff);
  constexpr auto kType = CandidateType::kServerReflexive;
  announce({kType, foundation_for(kType, reflexive.base.address, reflexive.server.address),
            candidate_priority(kType, preference), reflexive.mapped, reflexive.base});
}

void Agent::add_stun_server(Instant now, const Endpoint& server) {
  if (is_final() || gathering_complete_) return;
  gatherer_.add_server(server);
  run(now);
}

void Agent::set_local_addresses_complete(Instant now) {
  addresses_complete_ = true;
  run(now);
}

void Agent::finish_gathering() {
  if (gathering_complete_ || !addresses_complete_ || !gatherer_.complete()) return;
  gathering_complete_ = true;
  events_.emplace_back(GatheringComplete{});
}

// --- Remote candidates and pairs

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

std::expected<void, Error> Agent::add_remote_candidate(Instant now, const Candidate& candidate) {
  if (is_final()) return std::unexpected(Error::kClosed);
  if (const auto checked = check_address(candidate.endpoint); !checked) {
    ++counters_.dropped_excluded;
    return checked;
  }
  const auto known = std::ranges::find_if(
      remotes_, [&](const Remote& remote) { return remote.candidate.endpoint == candidate.endpoint; });
  if (known != remotes_.end()) {
    // RFC 8445 §7.3.1.3: a candidate that was learnt from a check gets its real type and priority when it is signalled.
    if (known->signalled) return {};
    *known = {candidate, true};
    checklist_.update_remote(candidate, role_);
    if (selected_ && selected_->path.remote == candidate.endpoint) selected_->remote = candidate;
    return {};
  }
  if (std::ranges::count(remotes_, true, &Remote::signalled) >= std::ptrdiff_t{kMaxRemoteCandidates}) {
    ++counters_.dropped_limit;
    return std::unexpected(Error::kTooMany);
  }
  remotes_.push_back({candidate, true});
  for (const Base& base : bases_) add_pair(base, candidate);
  run(now);
  return {};
}

void Agent::set_remote_candidates_complete(Instant now) {
  remote_complete_ = true;
  run(now);
}

const Agent::Base* Agent::find_base(const Path& path) const {
  const auto found = std::ranges::find_if(bases_, [&](const Base& base) {
    if (base.relay != path.relay || base.socket != path.local) return false;
    return base.candidate.endpoint.address.family() == path.remote.address.family();
  });
  return found == bases_.end() ? nullptr : &*found;
}

// Addresses of a relay network exist only behind relays, so they pair with each other only.
bool Agent::may_pair(const Base& base, const Candidate& remote) const {
  const IpAddress& local = base.candidate.endpoint.address;
  const IpAddress& other = remote.endpoint.address;
  if (local.family() != other.family()) return false;
  if (base.relay != RelayId::kNone) return in_relay_network(local) == in_relay_network(other);
  return remote.type != CandidateType::kRelayed || !in_relay_network(other);
}

bool Agent::in_relay_network(const IpAddress& address) const {
  const auto contains = [&](const IpPrefix& prefix) { return prefix.contains(address); };
  return std::ranges::any_of(options_.relay_networks, contains);
}

Pair* Agent::add_pair(const Base& base, const Candidate& remote) {
  if (!may_pair(base, remote)) return nullptr;
  Pair pair;
  pair.path = {base.socket, remote.endpoint, base.relay};
  pair.local = base.candidate;
  pair.remote = remote;
  pair.check_priority = base.check_priority;
  // Two bases may share a socket; the network then decides which of their addresses a packet carries.
  if (Pair* known = checklist_.find(pair.path)) return known;
  Pair* added = checklist_.add(std::move(pair), role_);
  if (added == nullptr) ++counters_.dropped_limit;
  if (added != nullptr && !worth_checking(*added)) added->state = PairState::kFailed;
  return added;
}

// RFC 8445 §8.1.2: with a nominated pair, the controlling side is done; the controlled side still checks better pairs,
// since a peer of RFC 5245 may nominate several.
bool Agent::worth_checking(const Pair& pair) const {
  if (!selected_ || pair.nominate) return true;
  return role_ == Role::kControlled && (pair.priority > selected_priority_ || !nomination_confirmed_);
}

// --- Time

void Agent::handle_timeout(Instant now) { run(now); }

void Agent::run(Instant now) {
  if (is_final()) return;
  gatherer_.handle_timeout(now, random_, outbox_);
  retransmit(now);
  nominate(now);
  start_transaction(now);
  finish_gathering();
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

void Agent::start_transaction(Instant now) {
  if (remote_credentials_ && checklist_.has_triggered() && now >= next_triggered_) {
    if (Pair* pair = checklist_.take_triggered()) start_check(now, *pair);
    next_triggered_ = now + kTriggeredGap;
  }
  const bool checks_wait = remote_credentials_ && checklist_.has_ordinary();
  const bool gathering_waits = gatherer_.has_waiting();
  if (now < next_ordinary_ || (!checks_wait && !gathering_waits)) return;
  next_ordinary_ = now + kTa;
  // Checks and gathering take turns.
  last_was_check_ = checks_wait && (!gathering_waits || !last_was_check_);
  if (last_was_check_) {
    if (Pair* pair = checklist_.take_ordinary()) start_check(now, *pair);
  } else {
    gatherer_.start_next(now, random_, outbox_);
  }
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
  Instant next = gatherer_.next_timeout();
  const bool checks = remote_credentials_.has_value();
  if (checks && checklist_.has_triggered()) next = std::min(next, next_triggered_);
  if (gatherer_.has_waiting() || (checks && checklist_.has_ordinary())) next = std::min(next, next_ordinary_);
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
  gatherer_.stop();
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

void Agent::note_authenticated(Instant now, const Path& path) {
  if (selected_path() != path) return;
  last_heard_ = now;
  consent_.note_heard();
}

std::optional<Transmit> Agent::poll_transmit(Instant, MutableBytes buffer) { return outbox_.pop(buffer); }

std::optional<Agent::Event> Agent::poll_event() {
  if (events_.empty()) return std::nullopt;
  Event event = std::move(events_.front());
  events_.pop_front();
  return event;
}

}  // namespace bamgate::ice
