// The network of this machine: the sockets of each attempt, and what becomes of connections when addresses and routes
// change or the machine has slept.
#include <algorithm>
#include <utility>

#include "agent/agent.h"

namespace bamgate::agent {

void Agent::on_socket(Instant now, AttemptId attempt, SocketId socket, const Endpoint& base) {
  for (auto& [name, peer] : peers_) {
    if (peer->attempt() != attempt) continue;
    by_socket_[socket] = {peer.get(), attempt};
    peer->add_socket(now, attempt, socket, base);
  }
  pump(now);
}

void Agent::on_sockets_complete(Instant now, AttemptId attempt) {
  for (auto& [name, peer] : peers_) peer->complete_sockets(now, attempt);
  pump(now);
}

void Agent::add_stun_server(Instant now, const Endpoint& server) {
  auto& servers = shared_.stun_servers;
  if (std::ranges::find(servers, server) != servers.end()) return;
  servers.push_back(server);
  for (auto& [name, peer] : peers_) peer->add_stun_server(now, server);
  pump(now);
}

// ---- Changes ----

void Agent::network_changed(Instant now, std::vector<IpPrefix> addresses) {
  std::ranges::sort(addresses);
  next_addresses_ = std::move(addresses);
  timers_.set(Timer::kNetwork, std::max(now, earliest_change_));
  handle_network_timers(now);
  pump(now);
}

void Agent::handle_network_timers(Instant now) {
  if (timers_.take_expired(Timer::kNetwork, now)) take_addresses(now);
}

// While there is no address at all nothing can be done, and what is there may serve again when the cable is back.
void Agent::take_addresses(Instant now) {
  if (next_addresses_.empty()) return;
  const auto gone = [&](const IpPrefix& known) {
    return std::ranges::find(next_addresses_, known.address, &IpPrefix::address) == next_addresses_.end();
  };
  const bool lost = std::ranges::any_of(shared_.local_addresses, gone);
  shared_.local_addresses = next_addresses_;
  update_route_filter();
  earliest_change_ = now + kChangeInterval;
  begin_afresh(now, lost ? signaling::NetworkChange::kAddressGone : signaling::NetworkChange::kOther);
}

void Agent::begin_afresh(Instant now, signaling::NetworkChange change) {
  // The hub first: what it is told next goes over a connection that works.
  signaling_.network_changed(now, change);
  leave_stale_paths(now);
  for (auto& [name, peer] : peers_) peer->retry_now(now);
}

void Agent::leave_stale_paths(Instant now) {
  for (auto& [name, peer] : peers_) peer->leave_stale_path(now);
}

void Agent::update_route_filter() {
  shared_.route_filter = ice::RouteFilter(routes_, shared_.local_addresses);
  shared_.route_filter.add_tunnel(options_.address);
  if (options_.address6) shared_.route_filter.add_tunnel(*options_.address6);
}

}  // namespace bamgate::agent
