#include "agent/relays.h"

#include <algorithm>

namespace bamgate::agent {
namespace {

constexpr auto kLook = std::chrono::minutes(1);

turn::Transport transport_to(const stun::Uri& uri) {
  return uri.transport == stun::UriTransport::kUdp ? turn::Transport::kUdp : turn::Transport::kStream;
}

bool is_same(const turn::Credentials& one, const turn::Credentials& other) {
  return one.username == other.username && one.password == other.password;
}

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

// ---- Servers ----

void Relays::add_udp(Instant now, const Endpoint& server) {
  if (has_udp(server)) return;
  add_hub(now, {.server = server, .transport = turn::Transport::kUdp},
          {.scheme = stun::Scheme::kTurn, .host = server.address.to_string(), .port = server.port});
}

void Relays::add_websocket(Instant now) {
  const bool known = std::ranges::any_of(servers_, [](const auto& server) { return server->line == kHubLine; });
  if (!known) add_hub(now, {.server = {}, .transport = turn::Transport::kWebSocket}, {});
}

bool Relays::has_udp(const Endpoint& endpoint) const {
  return std::ranges::any_of(servers_, [&](const auto& server) {
    return server->is_udp() && !server->is_leaving && server->endpoint == endpoint;
  });
}

void Relays::add_hub(Instant now, const turn::ClientOptions& options, const stun::Uri& uri) {
  if (!enabled_) return;
  auto server = std::make_unique<Server>(options, maker_.issue(crypto_, unix_time(now)), random_, crypto_);
  if (!server->is_udp()) server->line = kHubLine;
  server->uri = uri;
  add(now, std::move(server));
}

// Of one's own a server relays where it can to both families; one that does not know how gives IPv4 (RFC 8656 §7.2).
void Relays::add_own(Instant now, const OwnRelay& own, const Endpoint& endpoint) {
  const turn::ClientOptions options{
      .server = endpoint, .transport = transport_to(own.uri), .families = turn::Families::kBoth};
  auto server = std::make_unique<Server>(options, own.credentials, random_, crypto_);
  if (!server->is_udp()) server->line = RelayId{++next_};
  server->own = true;
  server->uri = own.uri;
  add(now, std::move(server));
}

void Relays::add(Instant now, std::unique_ptr<Server> server) {
  servers_.push_back(std::move(server));
  if (next_look_ == kNever) next_look_ = now + kLook;
  pump(now, *servers_.back());
}

const OwnRelay* Relays::find_own(const stun::Uri& uri) const {
  const auto found = std::ranges::find(own_, uri, &OwnRelay::uri);
  return found == own_.end() ? nullptr : &*found;
}

void Relays::set_own(Instant now, std::vector<OwnRelay> own) {
  const std::vector<OwnRelay> former = std::exchange(own_, std::move(own));
  for (const auto& server : servers_) {
    if (!server->own || server->is_leaving) continue;
    const OwnRelay* kept = find_own(server->uri);
    if (kept == nullptr) {
      leave(now, *server);
    } else if (!is_same(server->credentials, kept->credentials)) {
      server->credentials = kept->credentials;
      server->told = false;
      server->client.set_credentials(now, kept->credentials);
      server->client.restart(now);
    }
    pump(now, *server);
  }
  sweep();
  for (const OwnRelay& one : own_) {
    const bool known = std::ranges::find(former, one.uri, &OwnRelay::uri) != former.end();
    if (known) continue;
    if (transport_to(one.uri) == turn::Transport::kStream) {
      add_own(now, one, {});
    } else if (const auto address = IpAddress::parse(one.uri.host)) {
      add_own(now, one, {*address, one.uri.port});
    }
  }
}

void Relays::resolved(Instant now, Whose whose, const stun::Uri& uri, const std::vector<Endpoint>& endpoints) {
  const OwnRelay* own = whose == Whose::kOwn ? find_own(uri) : nullptr;
  if (own == nullptr && whose == Whose::kOwn) return;  // it was taken out meanwhile
  const auto is_of_it = [&](const Server& server) { return server.uri == uri && server.own == (own != nullptr); };
  for (const auto& server : servers_) {
    const bool listed = std::ranges::find(endpoints, server->endpoint) != endpoints.end();
    if (is_of_it(*server) && !listed && !server->is_ready()) leave(now, *server);
  }
  sweep();
  for (const Endpoint& endpoint : endpoints) {
    const bool served = std::ranges::any_of(servers_, [&](const auto& server) {
      return is_of_it(*server) && !server->is_leaving && server->is_ready() &&
             server->endpoint.address.family() == endpoint.address.family();
    });
    if (served || has_udp(endpoint)) continue;
    if (own != nullptr) {
      add_own(now, *own, endpoint);
    } else {
      add_hub(now, {.server = endpoint, .transport = turn::Transport::kUdp}, uri);
    }
  }
}

void Relays::leave(Instant now, Server& server) {
  if (std::exchange(server.is_leaving, true)) return;
  server.client.close(now);
  pump(now, server);
}

// Those that have left. To be called where nobody looks at one of them.
void Relays::sweep() {
  std::erase_if(servers_, [](const auto& server) {
    return server->is_leaving && server->client.state() == turn::Client::State::kClosed;
  });
}

// ---- The ways to them ----

void Relays::set_sockets(Instant now, const std::vector<std::pair<SocketId, Family>>& sockets) {
  sockets_ = sockets;
  for (const auto& server : servers_) {
    if (!server->is_udp()) continue;
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

void Relays::open_line(const Server& server, const turn::TransportWanted& wanted) {
  if (!server.own) {
    wants_connection_ = true;
    return;
  }
  StreamRelay way{.tls = server.uri.scheme == stun::Scheme::kTurns, .host = server.uri.host, .port = server.uri.port};
  if (wanted.alternate) {
    way.to = wanted.server;
    if (!wanted.domain.empty()) way.host = wanted.domain;
  }
  effects_.emplace_back(ConnectRelay{server.line, std::move(way)});
}

void Relays::on_open(Instant now, RelayId line, const Endpoint& remote) {
  for (const auto& server : servers_) {
    if (server->line != line) continue;
    server->client.set_transport(now, {.local = SocketId::kNone, .remote = remote, .relay = line});
    pump(now, *server);
  }
}

void Relays::on_closed(Instant now, RelayId line, std::string_view why) {
  for (const auto& server : servers_) {
    if (server->line != line) continue;
    server->why_closed = why;
    server->client.clear_transport(now);
    pump(now, *server);
  }
}

void Relays::check(Instant now) {
  for (const auto& server : servers_) {
    server->client.check(now);
    pump(now, *server);
  }
}

void Relays::look_again(Instant now) {
  check(now);
  for (const auto& server : servers_) {
    if (!server->own || server->trouble == Server::Trouble::kNoWay) server->client.restart(now);
    pump(now, *server);
  }
}

void Relays::close(Instant now) {
  for (const auto& server : servers_) {
    server->client.close(now);
    pump(now, *server);
    if (!server->is_udp()) effects_.emplace_back(DisconnectRelay{server->line});
  }
}

// ---- Time ----

void Relays::handle_timeout(Instant now) {
  sweep();
  for (const auto& server : servers_) {
    if (server->client.next_timeout() <= now) server->client.handle_timeout(now);
    pump(now, *server);
  }
  if (now < next_look_) return;
  next_look_ = now + kLook;
  for (const auto& server : servers_) {
    forget_peers(now, *server);
    renew_credentials(now, *server);
  }
}

void Relays::renew_credentials(Instant now, Server& server) {
  if (server.own || !turn::HubCredentials::due(unix_time(now), server.credentials.username)) return;
  server.credentials = maker_.issue(crypto_, unix_time(now));
  server.client.set_credentials(now, server.credentials);
  pump(now, server);
}

Instant Relays::next_timeout() const {
  Instant next = next_look_;
  for (const auto& server : servers_) next = std::min(next, server->client.next_timeout());
  return next;
}

std::optional<Relays::Event> Relays::poll_event() {
  if (events_.empty()) return std::nullopt;
  const Event event = events_.front();
  events_.pop_front();
  return event;
}

std::optional<Effect> Relays::poll_effect() {
  if (effects_.empty()) return std::nullopt;
  std::optional<Effect> effect(std::move(effects_.front()));
  effects_.pop_front();
  return effect;
}

turn::ClientCounters Relays::counters() const {
  turn::ClientCounters all;
  for (const auto& server : servers_) all += server->client.counters();
  return all;
}

}  // namespace bamgate::agent
