#include "virtual_network.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "stun/binding.h"

namespace bamgate::testing {
namespace {

constexpr auto kBindingLifetime = std::chrono::seconds(60);
constexpr int kMaxSteps = 2'000'000;

}  // namespace

Endpoint Nat::outbound(Instant now, const Endpoint& inner, const Endpoint& remote) {
  const auto same = [&](const Binding& binding) {
    return binding.inner == inner && (mapping_ != Mapping::kAddressAndPortDependent || binding.remote == remote);
  };
  auto found = std::ranges::find_if(bindings_, same);
  if (found == bindings_.end()) {
    const Endpoint external = mapping_ == Mapping::kNone ? inner : Endpoint{external_, next_port_++};
    found = bindings_.insert(bindings_.end(), {inner, external, remote, {}});
  }
  found->allowed[remote] = now;
  return found->external;
}

std::optional<Endpoint> Nat::inbound(Instant now, const Endpoint& remote, const Endpoint& external) const {
  for (const Binding& binding : bindings_) {
    if (binding.external != external) continue;
    for (const auto& [allowed, used] : binding.allowed) {
      if (now - used > kBindingLifetime) continue;
      if (filtering_ == Filtering::kEndpointIndependent || allowed == remote) return binding.inner;
    }
  }
  return std::nullopt;
}

Peer& Network::add_peer(const std::string& name, ice::StartOptions options) {
  peers_.push_back(std::make_unique<Peer>(name, random_.number<std::uint64_t>()));
  Peer& peer = *peers_.back();
  if (!options.local.valid()) options.local = ice::Credentials::generate(peer.random);
  peer.agent = std::make_unique<ice::WithGatherer<ice::Agent>>(peer.random, options.stun_servers, options, peer.random,
                                                               peer.crypto);
  return peer;
}

Nat& Network::add_nat(std::string_view external, Mapping mapping, Filtering filtering) {
  nats_.push_back(std::make_unique<Nat>(*IpAddress::parse(external), mapping, filtering));
  return *nats_.back();
}

SocketId Network::add_socket(Peer& peer, std::string_view endpoint) {
  const auto socket = static_cast<SocketId>(next_socket_++);
  const Endpoint base = *Endpoint::parse(endpoint);
  peer.sockets[socket] = base;
  peer.agent->add_local_address(now, socket, base);
  drain(peer);
  return socket;
}

RelayId Network::add_relay(Peer& peer, SocketId socket, std::string_view relayed) {
  const auto relay = static_cast<RelayId>(next_relay_++);
  const Endpoint endpoint = *Endpoint::parse(relayed);
  peer.relays[relay] = endpoint;
  peer.agent->add_relayed(now,
                          {.relay = relay, .socket = socket, .relayed = endpoint, .related = peer.sockets[socket]});
  drain(peer);
  return relay;
}

Peer* Network::other(const Peer& peer) {
  for (const auto& candidate : peers_) {
    if (candidate.get() != &peer) return candidate.get();
  }
  return nullptr;
}

void Network::give_credentials(const Peer& from, Peer& to) {
  to.agent->set_remote_credentials(now, from.agent->local_credentials());
  drain(to);
}

void Network::signal() {
  signaling_open_ = true;
  for (const auto& entry : peers_) {
    Peer& peer = *entry;
    Peer& remote = *other(peer);
    peer.agent->set_local_addresses_complete(now);
    at(now + signaling, [this, &peer, &remote] {
      give_credentials(peer, remote);
      for (const std::string& line : peer.trickles ? peer.lines : std::vector<std::string>{}) {
        (void)remote.agent->add_remote_candidate(now, ice::parse_candidate(line)->candidate);
        drain(remote);
      }
      if (peer.gathering_complete && peer.trickles) remote.agent->set_remote_candidates_complete(now);
      drain(remote);
    });
    drain(peer);
  }
}

void Network::log(Peer& peer, const ice::Agent::Event& event) {
  if (const auto* local = std::get_if<ice::LocalCandidate>(&event)) {
    const std::string line = local->candidate.to_string(peer.agent->local_credentials().ufrag);
    peer.lines.push_back(line);
    Peer* remote = other(peer);
    if (!signaling_open_ || !peer.trickles) return;
    at(now + signaling, [this, remote, line] {
      (void)remote->agent->add_remote_candidate(now, ice::parse_candidate(line)->candidate);
      drain(*remote);
    });
  } else if (std::holds_alternative<ice::GatheringComplete>(event)) {
    peer.gathering_complete = true;
    Peer* remote = other(peer);
    if (!signaling_open_ || !peer.trickles) return;
    at(now + signaling, [this, remote] {
      remote->agent->set_remote_candidates_complete(now);
      drain(*remote);
    });
  } else if (const auto* changed = std::get_if<ice::StateChanged>(&event)) {
    peer.states.push_back(changed->state);
    if (changed->state == ice::State::kConnected) peer.connected_at = now;
  } else {
    peer.selections.push_back(std::get<ice::PathSelected>(event));
  }
}

void Network::drain(Peer& peer) {
  std::array<std::byte, 1200> buffer{};
  while (const auto out = peer.agent->poll_transmit(now, buffer)) {
    ++peer.datagrams_sent;
    peer.last_sent = now;
    if (peer.keep_sent) peer.sent.emplace_back(now, out->path);
    transmit(peer, out->path, {buffer.begin(), buffer.begin() + out->size});
  }
  while (const auto event = peer.agent->poll_event()) log(peer, *event);
}

void Network::transmit(Peer& peer, const Path& path, const std::vector<std::byte>& data) {
  if (blackhole && blackhole(peer, path)) return;
  if (random_.below(100) < loss_percent) return;
  const bool twice = duplicate_percent != 0 && random_.below(100) < duplicate_percent;
  for (int copy = 0; copy < (twice ? 2 : 1); ++copy) carry(peer, path, data);
}

Duration Network::lateness() {
  if (jitter.count() == 0) return Duration{};
  return std::chrono::milliseconds(random_.below(static_cast<std::uint32_t>(jitter.count())));
}

void Network::carry(Peer& peer, const Path& path, std::vector<std::byte> data) {
  if (path.relay != RelayId::kNone) {
    // The relay hands the datagram to the allocation with that address.
    const Endpoint from = peer.relays.at(path.relay);
    for (const auto& candidate : peers_) {
      for (const auto& [relay, address] : candidate->relays) {
        if (address != path.remote) continue;
        Packet packet{from, address, relay, std::move(data)};
        Peer* receiver = candidate.get();
        const SocketId socket = receiver->sockets.begin()->first;
        at(now + 2 * delay + lateness(), [this, receiver, socket, packet] { hand_over(*receiver, socket, packet); });
        return;
      }
    }
    return;
  }
  const Endpoint inner = peer.sockets.at(path.local);
  SocketId socket{};
  // On the same side of the same NAT nothing is translated.
  if (Peer* receiver = peer_at(path.remote, peer.nat, socket)) {
    Packet packet{inner, path.remote, RelayId::kNone, std::move(data)};
    const Instant arrival = now + std::chrono::milliseconds(1) + lateness();
    at(arrival, [this, receiver, socket, packet] { hand_over(*receiver, socket, packet); });
    return;
  }
  const Endpoint from = peer.nat != nullptr ? peer.nat->outbound(now, inner, path.remote) : inner;
  at(now + delay + lateness(),
     [this, packet = Packet{from, path.remote, RelayId::kNone, std::move(data)}] { deliver(packet); });
}

Peer* Network::peer_at(const Endpoint& endpoint, const Nat* nat, SocketId& socket) {
  for (const auto& candidate : peers_) {
    if (candidate->nat != nat) continue;
    for (const auto& [id, base] : candidate->sockets) {
      if (base != endpoint) continue;
      socket = id;
      return candidate.get();
    }
  }
  return nullptr;
}

void Network::inject(const Endpoint& from, const Endpoint& to, std::vector<std::byte> data) {
  deliver({from, to, RelayId::kNone, std::move(data)});
}

void Network::deliver(Packet packet) {
  if (std::ranges::find(servers_, packet.to) != servers_.end()) {
    std::vector<std::byte> reply(200);
    const auto size = stun::answer_binding(packet.from, packet.data, reply);
    if (!size) return;
    reply.resize(*size);
    at(now + delay, [this, back = Packet{packet.to, packet.from, RelayId::kNone, reply}] { deliver(back); });
    return;
  }
  SocketId socket{};
  for (const auto& nat : nats_) {
    const auto inner = nat->inbound(now, packet.from, packet.to);
    if (!inner) continue;
    if (Peer* receiver = peer_at(*inner, nat.get(), socket)) hand_over(*receiver, socket, packet);
    return;
  }
  if (Peer* receiver = peer_at(packet.to, nullptr, socket)) hand_over(*receiver, socket, packet);
}

void Network::hand_over(Peer& peer, SocketId socket, const Packet& packet) {
  auto data = packet.data;
  (void)peer.agent->handle_input(now, {.path = {socket, packet.from, packet.relay}, .data = data});
  drain(peer);
}

void Network::run_for(Duration duration) {
  run_until([] { return false; }, duration);
}

bool Network::run_until(const std::function<bool()>& done, Duration limit) {
  const Instant end = now + limit;
  for (int step = 0; step < kMaxSteps; ++step) {
    if (done()) return true;
    Instant next = agenda_.empty() ? kNever : agenda_.begin()->first;
    for (const auto& peer : peers_) next = std::min(next, peer->agent->next_timeout());
    if (next > end) {
      now = end;
      return done();
    }
    now = std::max(now, next);
    while (!agenda_.empty() && agenda_.begin()->first <= now) {
      const auto action = std::move(agenda_.begin()->second);
      agenda_.erase(agenda_.begin());
      action();
    }
    for (const auto& peer : peers_) {
      if (peer->agent->next_timeout() > now) continue;
      peer->agent->handle_timeout(now);
      drain(*peer);
      EXPECT_GT(peer->agent->next_timeout(), now) << "a timer that never ends";
    }
  }
  ADD_FAILURE() << "too many steps";
  return false;
}

bool Network::connected() const {
  return std::ranges::all_of(peers_, [](const auto& peer) { return peer->agent->state() == ice::State::kConnected; });
}

}  // namespace bamgate::testing
