// The network of this machine: what becomes of sockets and connections when addresses and routes change or the machine
// has slept.
#include <algorithm>
#include <utility>

#include "agent/agent.h"

namespace bamgate::agent {

void Agent::on_socket(Instant now, SocketId socket, const Endpoint& base) {
  node_.on_socket(now, socket, base);
  pump(now);
}

void Agent::on_socket_failed(SocketId socket) { node_.on_socket_failed(socket); }

void Agent::add_stun_server(Instant now, const Endpoint& server) {
  node_.add_stun_server(now, server);
  pump(now);
}

void Agent::on_stun_resolved(Instant now, const std::string& name, const std::vector<Endpoint>& endpoints) {
  node_.on_stun_resolved(now, name, endpoints);
  pump(now);
}

void Agent::add_relay(Instant now, const Endpoint& server) {
  node_.relays().add_udp(now, server);
  pump(now);
}

void Agent::add_websocket_relay(Instant now) {
  node_.relays().add_websocket(now);
  pump(now);
}

void Agent::on_relay_resolved(Instant now, Relays::Whose whose, const stun::Uri& uri,
                              const std::vector<Endpoint>& endpoints) {
  node_.relays().resolved(now, whose, uri, endpoints);
  pump(now);
}

void Agent::on_relay_open(Instant now, RelayId line, const Endpoint& remote) {
  node_.relays().on_open(now, line, remote);
  pump(now);
}

void Agent::on_relay_closed(Instant now, RelayId line, std::string_view why) {
  node_.relays().on_closed(now, line, why);
  pump(now);
}

// ---- Changes ----

void Agent::network_changed(Instant now, std::vector<IpPrefix> addresses, std::optional<IpAddress> hub_address) {
  hub_address_ = hub_address;
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
  const auto gone = [&](const IpAddress& known) {
    return std::ranges::find(next_addresses_, known, &IpPrefix::address) == next_addresses_.end();
  };
  const bool lost = hub_address_ ? gone(*hub_address_) : std::ranges::any_of(addresses_, gone, &IpPrefix::address);
  addresses_ = next_addresses_;
  update_route_filter();
  node_.set_addresses(now, addresses_);
  earliest_change_ = now + kChangeInterval;
  begin_afresh(now, lost ? signaling::NetworkChange::kAddressGone : signaling::NetworkChange::kOther);
}

void Agent::begin_afresh(Instant now, signaling::NetworkChange change) {
  // The hub first: what it is told next goes over a connection that works.
  signaling_.network_changed(now, change);
  node_.look_again(now);
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
  shared_.route_filter = ice::RouteFilter(routes_, addresses_);
  shared_.route_filter.add_tunnel(options_.address);
  if (options_.address6) shared_.route_filter.add_tunnel(*options_.address6);
}

}  // namespace bamgate::agent
