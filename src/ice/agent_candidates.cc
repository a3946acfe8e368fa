// Candidates and pairs of the agent (RFC 8445 §5, §6.1.2): which addresses count, what is announced, what is paired.
// Leaves out names (mDNS) and TCP: see candidate.h. The rest of the agent is in agent.cc and agent_checks.cc.
#include <algorithm>

#include "ice/agent.h"

namespace bamgate::ice {
namespace {

// RFC 8421 §4: the families take turns in the local preferences, IPv6 first.
constexpr std::uint16_t kFirstV6Preference = 65535;
constexpr std::uint16_t kFirstV4Preference = 65534;
constexpr std::uint16_t kPreferenceStep = 2;
// Relays that are reached by a stream come behind all others.
constexpr std::uint16_t kStreamPreferences = 0x7fff;

std::uint16_t local_preference(const Candidate& candidate) {
  return static_cast<std::uint16_t>(candidate.priority >> 8 & 0xffff);
}

}  // namespace

// --- Local candidates

std::expected<void, Error> Agent::check_address(const Endpoint& endpoint) const {
  const IpAddress& address = endpoint.address;
  // RFC 8445 §5.1.1.1: no loopback, link-local or IPv4-mapped addresses.
  const bool unusable = address.family() == Family::kNone || address.is_unspecified() || address.is_multicast() ||
                        address.is_link_local() || address.is_v4_mapped() || endpoint.port == 0 ||
                        (address.is_loopback() && !options_.allow_loopback);
  if (unusable) return std::unexpected(Error::kUnusableAddress);
  if (options_.route_filter.through_tunnel(address)) return std::unexpected(Error::kExcludedAddress);
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

// RFC 8445 §5.1.2.1, RFC 8421 §4: each base has its own local preference; the order in which the caller adds addresses
// decides among those of one family.
std::uint16_t Agent::next_local_preference(Family family, bool in_stream) const {
  std::uint16_t preference = family == Family::kV6 ? kFirstV6Preference : kFirstV4Preference;
  if (in_stream) preference &= kStreamPreferences;
  for (const Base& base : bases_) {
    if (base.candidate.endpoint.address.family() != family || base.in_stream != in_stream) continue;
    preference = std::min(preference, static_cast<std::uint16_t>(local_preference(base.candidate) - kPreferenceStep));
  }
  return preference;
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

// RFC 8838 §13: no candidate follows the end-of-candidates, nor a nomination.
bool Agent::may_announce() const { return !is_final() && !gathering_complete_ && !selected_; }

bool Agent::add_local_address(Instant now, SocketId socket, const Endpoint& base) {
  if (!may_announce() || !check_address(base)) return false;
  if (locals_.size() >= kMaxLocalCandidates) {
    ++counters_.dropped_limit;
    return false;
  }
  const auto same = [&](const Base& known) { return known.candidate.endpoint == base; };
  if (std::ranges::any_of(bases_, same)) return false;
  const std::uint16_t preference = next_local_preference(base.address.family());
  const Candidate candidate{CandidateType::kHost, foundation_for(CandidateType::kHost, base.address, {}),
                            candidate_priority(CandidateType::kHost, preference), base, std::nullopt};
  add_base({socket, RelayId::kNone, candidate, candidate_priority(CandidateType::kPeerReflexive, preference)});
  run(now);
  return true;
}

void Agent::add_relayed(Instant now, const Relayed& found) {
  if (!may_announce() || found.relay == RelayId::kNone || !check_address(found.relayed)) return;
  if (locals_.size() >= kMaxLocalCandidates) {
    ++counters_.dropped_limit;
    return;
  }
  if (std::ranges::any_of(bases_, [&](const Base& known) { return known.relay == found.relay; })) return;
  const std::uint16_t preference = next_local_preference(found.relayed.address.family(), found.in_stream);
  const std::uint32_t priority = candidate_priority(CandidateType::kRelayed, preference);
  const Candidate candidate{CandidateType::kRelayed, foundation_for(CandidateType::kRelayed, found.relayed.address, {}),
                            priority, found.relayed, found.related};
  // What a peer learns from a check through a relay is a relayed address, and should not be preferred to direct ones.
  add_base({found.socket, found.relay, candidate, priority, found.in_stream});
  run(now);
}

void Agent::remove_local_address(Instant now, SocketId socket) {
  if (is_final()) return;
  for (const Base& base : bases_) {
    if (base.socket != socket) continue;
    const Endpoint& gone = base.candidate.endpoint;
    std::erase_if(locals_, [&](const Candidate& local) { return local.endpoint == gone || local.related == gone; });
  }
  std::erase_if(bases_, [&](const Base& base) { return base.socket == socket; });
  std::erase_if(early_, [&](const EarlyCheck& early) { return early.path.local == socket; });
  checklist_.remove(socket);
  outbox_.remove(socket);
  if (selected_path() && selected_->path.local == socket) end(State::kDisconnected);
  run(now);
}

void Agent::add_reflexive(Instant now, const Reflexive& reflexive) {
  if (!may_announce() || locals_.size() >= kMaxLocalCandidates || !check_address(reflexive.mapped)) return;
  // RFC 8445 §5.1.3: redundant when it equals a known candidate, as without NAT or from a second server.
  const auto same = [&](const Candidate& known) { return known.endpoint == reflexive.mapped; };
  if (std::ranges::any_of(locals_, same)) return;
  const auto base =
      std::ranges::find_if(bases_, [&](const Base& known) { return known.candidate.endpoint == reflexive.base; });
  if (base == bases_.end()) return;
  constexpr auto kType = CandidateType::kServerReflexive;
  announce({kType, foundation_for(kType, reflexive.base.address, reflexive.server.address),
            candidate_priority(kType, local_preference(base->candidate)), reflexive.mapped, reflexive.base});
  run(now);
}

void Agent::set_local_candidates_complete(Instant now) {
  if (is_final() || gathering_complete_) return;
  gathering_complete_ = true;
  events_.emplace_back(GatheringComplete{});
  run(now);
}

// --- Remote candidates and pairs

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
    if (selected_ && selected_->path.remote == candidate.endpoint) {
      selected_->remote = candidate;
      selected_priority_ = checklist_.find(selected_->path)->priority;
    }
    run(now);
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

std::expected<void, Error> Agent::add_remote_candidate_line(Instant now, std::string_view line) {
  const auto parsed = parse_candidate(line);
  if (parsed) return add_remote_candidate(now, parsed->candidate);
  ++counters_.ignored_candidates;
  return std::unexpected(parsed.error());
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

}  // namespace bamgate::ice
