// The network of this machine: the sockets of each attempt, and what becomes of connections when addresses and routes
// change or the machine has slept.
#include <algorithm>
#include <utility>

#include "agent/agent.h"

namespace bamgate::agent {

void Agent::on_socket(Instant now, AttemptId attempt, SocketId socket, const Endpoint& base) {
  const auto found = by_attempt_.find(attempt);
  if (found == by_attempt_.end()) return;  // it is over already
  Entry& entry = *found->second;
  by_socket_[socket] = &entry;
  entry.sockets.push_back(socket);
  entry.link.add_socket(now, attempt, socket, base);
  touch(entry);
  pump(now);
}

void Agent::on_sockets_complete(Instant now, AttemptId attempt) {
  const auto found = by_attempt_.find(attempt);
  if (found == by_attempt_.end()) return;
  found->second->link.complete_sockets(now, attempt);
  touch(*found->second);
  pump(now);
}

void Agent::add_stun_server(Instant now, const Endpoint& server) {
  auto& servers = shared_.stun_servers;
  if (std::ranges::find(servers, server) != servers.end()) return;
  servers.push_back(server);
  for (const auto& [attempt, entry] : by_attempt_) {
    entry->link.add_stun_server(now, server);
    touch(*entry);
  }
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
  for (auto& [name, entry] : peers_) {
    entry->link.retry_now(now);
    touch(*entry);
  }
}

void Agent::leave_stale_paths(Instant now) {
  for (auto& [name, entry] : peers_) {
    entry->link.leave_stale_path(now);
    touch(*entry);
  }
}

void Agent::update_route_filter() {
  shared_.route_filter = ice::RouteFilter(routes_, shared_.local_addresses);
  shared_.route_filter.add_tunnel(options_.address);
  if (options_.address6) shared_.route_filter.add_tunnel(*options_.address6);
}

}  // namespace bamgate::agent
