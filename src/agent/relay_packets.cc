// What passes through the relays, in both directions.
#include <algorithm>

#include "agent/relays.h"
#include "stun/message.h"
#include "turn/channel_data.h"

namespace bamgate::agent {

Relays::Server* Relays::find(const Path& path) const {
  const auto is_it = [&](const auto& server) {
    return std::ranges::find(server->addresses, path.relay, &RelayFound::relay) != server->addresses.end();
  };
  const auto found = std::ranges::find_if(servers_, is_it);
  return found == servers_.end() ? nullptr : found->get();
}

bool Relays::is_from_relay(const Path& path, Bytes datagram) const {
  const auto is_server = [&](const auto& server) { return server->is_udp() && server->client.transport() == path; };
  if (std::ranges::none_of(servers_, is_server)) return false;
  if (turn::is_channel_data(datagram)) return true;
  const auto message = stun::Message::parse(datagram);
  return message && message->method() != stun::Method::kBinding;
}

std::optional<Received> Relays::receive(Instant now, const Path& path, MutableBytes message) {
  for (const auto& server : servers_) {
    const bool is_it = is_line(path) ? server->line == path.relay : server->client.transport() == path;
    if (!is_it || server->client.state() == turn::Client::State::kClosed) continue;
    server->heard = now;
    const auto taken = server->client.receive(now, message);
    pump(now, *server);
    if (!taken || !*taken) return std::nullopt;  // what was dropped is counted there
    const Endpoint& peer = (*taken)->peer;
    for (const RelayFound& address : server->addresses) {
      if (address.relayed.address.family() != peer.address.family()) continue;
      return Received{
          .path = {address.socket, peer, address.relay}, .data = (*taken)->data, .stride = 0, .ecn = Ecn::kNotCapable};
    }
    return std::nullopt;
  }
  return std::nullopt;
}

std::optional<Transmit> Relays::seal(Instant now, const Transmit& transmit, MutableBytes buffer) {
  Server* server = find(transmit.path);
  if (server == nullptr) return std::nullopt;
  const Endpoint& peer = transmit.path.remote;
  PacketBuffer packet = pool_.copy(Bytes(buffer).first(transmit.size));
  const auto [known, fresh] = server->peers.try_emplace(peer, now);
  known->second = now;
  // Without room for one more channel nothing is lost but the few bytes that an indication is longer.
  if (fresh) (void)server->client.bind(now, peer);
  if (!server->client.has_permission(now, peer.address)) {
    if (server->waiting.size() == kMaxWaiting) server->waiting.pop_front();
    server->waiting.emplace_back(peer, std::move(packet));
    return std::nullopt;
  }
  if (!server->client.seal(now, peer, packet) || packet.size() > buffer.size()) return std::nullopt;
  doubt(now, *server);
  copy_bytes(packet.data(), buffer);
  return Transmit{.path = server->client.transport(),
                  .size = static_cast<std::uint32_t>(packet.size()),
                  .segment_size = 0,
                  .ecn = transmit.ecn};
}

void Relays::doubt(Instant now, Server& server) {
  if (now - std::max(server.heard, server.checked) < kSilence) return;
  server.checked = now;
  server.client.check(now);
}

void Relays::send_waiting(Instant now, Server& server) {
  auto waiting = std::exchange(server.waiting, {});
  for (auto& [peer, packet] : waiting) {
    if (!server.client.has_permission(now, peer.address)) {
      server.waiting.emplace_back(peer, std::move(packet));
    } else if (server.client.seal(now, peer, packet)) {
      out_.emplace_back(server.client.transport(), std::move(packet));
    }
  }
}

void Relays::forget_peers(Instant now, Server& server) {
  std::vector<Endpoint> forgotten;
  for (const auto& [peer, sent] : server.peers) {
    if (now - sent >= kPeerMemory) forgotten.push_back(peer);
  }
  for (const Endpoint& peer : forgotten) {
    server.peers.erase(peer);
    server.client.unbind(peer);
    // A permission is for an address, whatever the port.
    const auto shares = [&](const auto& other) { return other.first.address == peer.address; };
    if (std::ranges::none_of(server.peers, shares)) server.client.forbid(peer.address);
  }
}

std::vector<RelayFound> Relays::found() const {
  std::vector<RelayFound> all;
  for (const auto& server : servers_) all.insert(all.end(), server->addresses.begin(), server->addresses.end());
  return all;
}

bool Relays::has(SocketId socket) const {
  return std::ranges::any_of(servers_, [&](const auto& server) {
    return std::ranges::find(server->addresses, socket, &RelayFound::socket) != server->addresses.end();
  });
}

std::optional<RelayUse> Relays::use_of(const Path& path) const {
  const Server* server = find(path);
  if (server == nullptr) return std::nullopt;
  RelayUse use{.server = server->name(), .transport = "udp"};
  if (server->transport == turn::Transport::kWebSocket) use.transport = "websocket";
  if (server->transport == turn::Transport::kStream) {
    use.transport = server->uri.scheme == stun::Scheme::kTurns ? "tls" : "tcp";
  }
  return use;
}

std::optional<Transmit> Relays::poll_transmit(Instant now, MutableBytes buffer) {
  while (!out_.empty()) {
    const auto [path, packet] = std::move(out_.front());
    out_.pop_front();
    if (packet.size() > buffer.size()) continue;
    copy_bytes(packet.data(), buffer);
    return Transmit{.path = path, .size = static_cast<std::uint32_t>(packet.size()), .segment_size = 0, .ecn = {}};
  }
  for (const auto& server : servers_) {
    if (const auto transmit = server->client.poll_transmit(now, buffer)) return transmit;
  }
  return std::nullopt;
}

}  // namespace bamgate::agent
