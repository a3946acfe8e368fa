#include "agent/relays.h"

#include <algorithm>

#include "stun/message.h"
#include "turn/channel_data.h"

namespace bamgate::agent {
namespace {

// Sockets of the system have smaller numbers.
constexpr std::uint32_t kFirstSocket = 0x8000'0000;
constexpr auto kLook = std::chrono::minutes(1);

}  // namespace

Relays::Relays(std::string device, SecretText turn_secret, const wg::WallClock& clock, Random& random, Crypto& crypto,
               BufferPool& pool)
    : maker_(device, turn_secret),
      enabled_(!turn_secret.empty()),
      clock_(clock),
      random_(random),
      crypto_(crypto),
      pool_(pool) {}

Relays::~Relays() = default;

UnixTime Relays::unix_time(Instant now) const {
  return {clock_.unix.seconds + std::chrono::duration_cast<std::chrono::seconds>(now - clock_.at).count()};
}

// ---- Servers and the ways to them ----

void Relays::add_udp(Instant now, const Endpoint& server) {
  add(now, {.server = server, .transport = turn::Transport::kUdp});
}

void Relays::add_websocket(Instant now) { add(now, {.server = {}, .transport = turn::Transport::kWebSocket}); }

void Relays::add(Instant now, const turn::ClientOptions& options) {
  const bool known = std::ranges::any_of(servers_, [&](const auto& server) {
    return server->transport == options.transport && server->endpoint == options.server;
  });
  if (!enabled_ || known) return;
  servers_.push_back(std::make_unique<Server>(options, maker_.issue(crypto_, unix_time(now)), random_, crypto_));
  if (next_look_ == kNever) next_look_ = now + kLook;
  pump(now, *servers_.back());
}

void Relays::set_sockets(Instant now, const std::vector<std::pair<SocketId, Family>>& sockets) {
  sockets_ = sockets;
  for (const auto& server : servers_) {
    if (server->transport != turn::Transport::kUdp) continue;
    choose_socket(now, *server);
    pump(now, *server);
  }
}

// A socket that is still there is kept: the allocation belongs to it.
void Relays::choose_socket(Instant now, Server& server) {
  const Family family = server.endpoint.address.family();
  const SocketId current = server.client.transport().local;
  const auto fits = [&](const auto& socket) { return socket.second == family; };
  const bool there = std::ranges::any_of(sockets_, [&](const auto& socket) { return socket.first == current; });
  if (there && server.client.state() != turn::Client::State::kWantsTransport) return;
  const auto best = std::ranges::find_if(sockets_, fits);
  if (best == sockets_.end()) return server.client.clear_transport(now);
  server.client.set_transport(now, {.local = best->first, .remote = server.endpoint, .relay = {}});
}

void Relays::on_open(Instant now) {
  for (const auto& server : servers_) {
    if (server->transport != turn::Transport::kWebSocket) continue;
    server->client.set_transport(now, kWebSocket);
    pump(now, *server);
  }
}

void Relays::on_closed(Instant now) {
  for (const auto& server : servers_) {
    if (server->transport != turn::Transport::kWebSocket) continue;
    server->client.clear_transport(now);
    pump(now, *server);
  }
}

void Relays::look_again(Instant now) {
  for (const auto& server : servers_) {
    server->client.check(now);
    server->client.restart(now);
    pump(now, *server);
  }
}

void Relays::close(Instant now) {
  for (const auto& server : servers_) {
    server->client.close(now);
    pump(now, *server);
  }
}

// ---- What the clients say ----

void Relays::pump(Instant now, Server& server) {
  while (const auto event = server.client.poll_event()) handle_event(now, server, *event);
}

void Relays::handle_event(Instant now, Server& server, const turn::Event& event) {
  if (std::holds_alternative<turn::TransportWanted>(event)) {
    if (server.transport == turn::Transport::kWebSocket) {
      wants_connection_ = true;
    } else {
      choose_socket(now, server);
    }
  } else if (const auto* allocated = std::get_if<turn::Allocated>(&event)) {
    lose(server);
    if (!allocated->relayed4) return;
    const std::uint32_t number = ++next_;
    server.allocation = RelayFound{.relay = RelayId{number},
                                   .socket = SocketId{kFirstSocket + number},
                                   .relayed = *allocated->relayed4,
                                   .mapped = allocated->mapped,
                                   .transport = server.transport};
    events_.emplace_back(*server.allocation);
  } else if (std::holds_alternative<turn::Lost>(event) || std::holds_alternative<turn::Closed>(event)) {
    lose(server);
  } else if (std::holds_alternative<turn::PermissionInstalled>(event) ||
             std::holds_alternative<turn::ChannelBound>(event)) {
    send_waiting(now, server);
  }
}

void Relays::lose(Server& server) {
  server.waiting.clear();
  if (!server.allocation) return;
  events_.emplace_back(RelayGone{server.allocation->socket});
  server.allocation.reset();
}

// ---- Packets ----

Relays::Server* Relays::find(const Path& path) const {
  const auto is_it = [&](const auto& server) { return server->allocation && server->allocation->relay == path.relay; };
  const auto found = std::ranges::find_if(servers_, is_it);
  return found == servers_.end() ? nullptr : found->get();
}

bool Relays::is_from_relay(const Path& path, Bytes datagram) const {
  const auto is_server = [&](const auto& server) {
    return server->transport == turn::Transport::kUdp && server->client.transport().remote == path.remote &&
           server->client.transport().local == path.local;
  };
  if (std::ranges::none_of(servers_, is_server)) return false;
  if (turn::is_channel_data(datagram)) return true;
  const auto message = stun::Message::parse(datagram);
  return message && message->method() != stun::Method::kBinding;
}

std::optional<Received> Relays::receive(Instant now, const Path& path, MutableBytes message) {
  for (const auto& server : servers_) {
    if (server->client.transport() != path) continue;
    const auto taken = server->client.receive(now, message);
    pump(now, *server);
    if (!taken || !*taken || !server->allocation) return std::nullopt;  // what was dropped is counted there
    return Received{.path = {server->allocation->socket, (*taken)->peer, server->allocation->relay},
                    .data = (*taken)->data,
                    .stride = 0,
                    .ecn = Ecn::kNotCapable};
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
  copy_bytes(packet.data(), buffer);
  return Transmit{.path = server->client.transport(),
                  .size = static_cast<std::uint32_t>(packet.size()),
                  .segment_size = 0,
                  .ecn = transmit.ecn};
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

std::vector<RelayFound> Relays::found() const {
  std::vector<RelayFound> all;
  for (const auto& server : servers_) {
    if (server->allocation) all.push_back(*server->allocation);
  }
  return all;
}

bool Relays::has(SocketId socket) const {
  return std::ranges::any_of(
      servers_, [&](const auto& server) { return server->allocation && server->allocation->socket == socket; });
}

std::optional<turn::Transport> Relays::transport_of(const Path& path) const {
  const Server* server = find(path);
  return server == nullptr ? std::nullopt : std::optional(server->transport);
}

// ---- Time ----

void Relays::handle_timeout(Instant now) {
  for (const auto& server : servers_) {
    if (server->client.next_timeout() <= now) server->client.handle_timeout(now);
    pump(now, *server);
  }
  if (now < next_look_) return;
  next_look_ = now + kLook;
  for (const auto& server : servers_) {
    forget_peers(now, *server);
    if (!turn::HubCredentials::due(unix_time(now), server->username)) continue;
    turn::Credentials fresh = maker_.issue(crypto_, unix_time(now));
    server->username = fresh.username;
    server->client.set_credentials(now, std::move(fresh));
    pump(now, *server);
  }
}

void Relays::forget_peers(Instant now, Server& server) {
  std::erase_if(server.peers, [&](const auto& peer) {
    if (now - peer.second < kPeerMemory) return false;
    server.client.unbind(peer.first);
    server.client.forbid(peer.first.address);
    return true;
  });
}

Instant Relays::next_timeout() const {
  Instant next = next_look_;
  for (const auto& server : servers_) next = std::min(next, server->client.next_timeout());
  return next;
}

// ---- Outputs ----

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

std::optional<Relays::Event> Relays::poll_event() {
  if (events_.empty()) return std::nullopt;
  const Event event = events_.front();
  events_.pop_front();
  return event;
}

turn::ClientCounters Relays::counters() const {
  turn::ClientCounters all;
  for (const auto& server : servers_) all += server->client.counters();
  return all;
}

}  // namespace bamgate::agent
