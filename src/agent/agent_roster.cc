// What the hub tells about others: whom the agent knows, believes and refuses, and which addresses are whose.
#include <algorithm>
#include <utility>

#include "agent/agent.h"
#include "agent/routes.h"

namespace bamgate::agent {
namespace {

// Revoked keys are kept as long as the run lasts; the hub names those of 90 days.
constexpr std::size_t kMaxRevoked = 4096;

}  // namespace

void Agent::handle_list(Instant now, const signaling::PeerList& list) {
  for (const signaling::PeerRevoked& revoked : list.revoked) handle_revoked(now, revoked);
  if (list.complete) {
    refused_.clear();
    std::set<std::string> listed;
    for (const signaling::PeerInfo& info : list.peers) listed.insert(info.peer_id);
    for (auto& [name, entry] : peers_) {
      if (listed.contains(name)) continue;
      entry->link.handle_left(now);
      touch(*entry);
    }
  }
  // All are known, and so are their routes, before the first attempt asks what leads into the tunnel.
  // By index: one that is listed under two names is forgotten under the first.
  std::vector<bridge::PeerIndex> present;
  for (const signaling::PeerInfo& info : list.peers) {
    if (const Entry* entry = take_info(now, info)) present.push_back(entry->carrier.index());
  }
  claims_.share_out();
  const bool rerouted = update_routes();
  for (const bridge::PeerIndex index : present) {
    const auto found = by_index_.find(index);
    if (found == by_index_.end()) continue;
    found->second->link.handle_present(now);
    touch(*found->second);
  }
  if (rerouted) leave_stale_paths(now);
  store_pins(now);
}

// The peer that this entry of a list is about; nullptr when it is refused.
Agent::Entry* Agent::take_info(Instant now, const signaling::PeerInfo& info) {
  const auto key = wg::PublicKey::parse(info.public_key);
  if (!key || info.peer_id == options_.name || revoked_.contains(*key)) {
    ++shared_.counters.refused_messages;
    return nullptr;
  }
  if (!take_key(now, info, *key)) {
    ++shared_.counters.refused_messages;
    return nullptr;
  }
  const auto found = peers_.find(info.peer_id);
  if (found == peers_.end()) forget_former_name(now, *key);
  Entry* entry = found != peers_.end() ? found->second.get() : add_peer(info, *key);
  if (entry == nullptr) return nullptr;
  for (const IpPrefix& refused : claim_addresses(*entry, info)) {
    notice(NoticeLevel::kWarning, info.peer_id + ": " + refused.to_string() + " belongs to another device already");
  }
  entry->link.set_info(now, info);
  return entry;
}

// A device is its key: one that comes under another name was renamed, and its addresses are no longer the old name's.
void Agent::forget_former_name(Instant now, const wg::PublicKey& key) {
  const auto former = by_key_.find(key);
  if (former == by_key_.end()) return;
  const std::string name = former->second;
  notice(NoticeLevel::kInfo, name + ": has another name now");
  remove_peer(now, name, "renamed");
}

// Returns those that another peer has.
std::vector<IpPrefix> Agent::claim_addresses(const Entry& entry, const signaling::PeerInfo& info) {
  const auto accepted = options_.accepted_routes.find(info.peer_id);
  const bool routed = accepted != options_.accepted_routes.end();
  routes_stale_ = routes_stale_ || routed;
  return claims_.set(
      info.peer_id, entry.carrier.index(),
      allowed_ips(info, options_.address.network(), options_.address6 ? options_.address6->network() : IpPrefix{},
                  routed ? accepted->second : std::vector<IpPrefix>{}));
}

Agent::Entry* Agent::add_peer(const signaling::PeerInfo& info, const wg::PublicKey& key) {
  if (peers_.size() >= kMaxPeers) {
    ++shared_.counters.refused_messages;
    return nullptr;
  }
  auto tunnel = wg::Tunnel::create({.local = options_.private_key,
                                    .remote = key,
                                    .preshared = std::nullopt,
                                    .persistent_keepalive = std::nullopt,
                                    .clock = options_.clock,
                                    .key_log = options_.observer.keys},
                                   shared_.random);
  if (!tunnel) {
    ++shared_.counters.refused_messages;
    notice(NoticeLevel::kWarning, info.peer_id + ": refused, its key is no usable key");
    return nullptr;
  }
  const bridge::PeerIndex index{next_index_++};
  auto entry = std::make_unique<Entry>(shared_, index, info, std::move(*tunnel));
  Entry* added = entry.get();
  added->deadline = deadlines_.add(added);
  peers_[info.peer_id] = std::move(entry);
  by_index_[index] = added;
  by_key_[key] = info.peer_id;
  return added;
}

void Agent::remove_peer(Instant now, const std::string& name, std::string_view why) {
  const auto found = peers_.find(name);
  if (found == peers_.end()) return;
  Entry& entry = *found->second;
  entry.link.disconnect(now, why);
  follow_attempts(entry, {});
  std::erase(touched_, &entry);
  std::erase(sending_, &entry);
  deadlines_.remove(entry.deadline);
  by_index_.erase(entry.carrier.index());
  by_key_.erase(entry.key());
  peers_.erase(found);
  routes_stale_ = routes_stale_ || options_.accepted_routes.contains(name);
  claims_.remove(name);
  claims_.share_out();
}

void Agent::handle_revoked(Instant now, const signaling::PeerRevoked& revoked) {
  const auto key = wg::PublicKey::parse(revoked.public_key);
  if (!key) {
    ++shared_.counters.refused_messages;
    return;
  }
  if (revoked_.size() < kMaxRevoked) revoked_.insert(*key);
  pins_.forget_refused(key->bytes);
  store_pins(now);
  const auto found = peers_.find(revoked.peer_id);
  if (found == peers_.end() || found->second->key() != *key) return;
  notice(NoticeLevel::kWarning, revoked.peer_id +
                                    ": revoked; its tunnel is closed, and no other key is taken under this name unless "
                                    "you say so with 'bamgate devices trust " +
                                    revoked.peer_id + "'");
  remove_peer(now, revoked.peer_id, "revoked");
  if (update_routes()) leave_stale_paths(now);
}

Agent::Entry* Agent::find_sender(const std::string& from, const std::string& public_key) {
  const auto found = peers_.find(from);
  if (found == peers_.end() || (!public_key.empty() && public_key != found->second->key().to_string())) {
    ++shared_.counters.refused_messages;
    return nullptr;
  }
  return found->second.get();
}

void Agent::handle_message(Instant now, signaling::Message message) {
  Entry* entry = nullptr;
  if (const auto* offer = std::get_if<signaling::Offer>(&message)) {
    entry = find_sender(offer->from, offer->public_key);
    if (entry) entry->link.handle_offer(now, *offer);
  } else if (const auto* answer = std::get_if<signaling::Answer>(&message)) {
    entry = find_sender(answer->from, answer->public_key);
    if (entry) entry->link.handle_answer(now, *answer);
  } else if (const auto* candidate = std::get_if<signaling::IceCandidate>(&message)) {
    entry = find_sender(candidate->from, {});
    if (entry) entry->link.handle_candidate(now, *candidate);
  } else if (const auto* left = std::get_if<signaling::PeerLeft>(&message)) {
    refused_.erase(left->peer_id);
    entry = find_sender(left->peer_id, {});
    if (entry) entry->link.handle_left(now);
  } else if (const auto* revoked = std::get_if<signaling::PeerRevoked>(&message)) {
    handle_revoked(now, *revoked);
  }
  if (entry) touch(*entry);
}

// True when other routes lead into the tunnel now.
bool Agent::update_routes() {
  if (!std::exchange(routes_stale_, false)) return false;
  std::vector<IpPrefix> routes;
  for (const auto& [name, accepted] : options_.accepted_routes) {
    const auto found = peers_.find(name);
    if (found == peers_.end()) continue;
    std::ranges::copy(accepted_routes(found->second->link.info(), accepted), std::back_inserter(routes));
  }
  std::ranges::sort(routes);
  routes.erase(std::unique(routes.begin(), routes.end()), routes.end());
  if (routes == routes_) return false;
  routes_ = routes;
  shared_.effects.emplace_back(SetRoutes{std::move(routes)});
  update_route_filter();
  return true;
}

}  // namespace bamgate::agent
