#include "lab/wg_session.h"

#include <algorithm>
#include <array>
#include <utility>

#include "inspect/describe.h"
#include "net/clock.h"
#include "wg/ip_packet.h"

namespace bamgate::lab {
namespace {

constexpr std::size_t kMaxWaiting = 128;
// Sessions whose first message was shown; a peer that makes many must not make memory grow.
constexpr std::size_t kMaxShown = 1024;

wg::WallClock clock_of(const Link& link) {
  const net::WallTime wall = net::wall_now();
  return {.unix = wall.unix, .at = link.now(), .nanoseconds = wall.nanoseconds};
}

inspect::Description event_text(const wg::Event& event) {
  if (const auto* completed = std::get_if<wg::HandshakeCompleted>(&event)) {
    return {std::string("session: handshake completed, ") + (completed->initiator ? "we" : "the peer") + " began it",
            "WireGuard paper §5.4.5"};
  }
  if (std::holds_alternative<wg::HandshakeFailed>(event)) {
    return {"handshake given up: no answer for 90 s", "WireGuard paper §6.4"};
  }
  return {"session expired after 180 s", "WireGuard paper §6.2"};
}

}  // namespace

WgSession::WgSession(Link& link, SocketId socket, const Options& options, std::function<void(PacketBuffer)> deliver,
                     std::function<void()> changed)
    : link_(link),
      socket_(socket),
      options_(options),
      deliver_(std::move(deliver)),
      changed_(std::move(changed)),
      device_({.local = options.private_key, .clock = clock_of(link), .key_log = link.key_log()}, link.random()) {
  const auto added = device_.add_peer(options.peer);
  if (added) peer_ = *added;
  if (options.peer.endpoint) endpoint_ = options.peer.endpoint->remote;
  link_.on_datagram([this](const Received& received) { handle(received); });
}

void WgSession::handle_timeout() { device_.handle_timeout(link_.now()); }

void WgSession::flush() {
  std::array<std::byte, wg::kInitiationSize> room;
  while (true) {
    while (const auto transmit = device_.poll_transmit(link_.now(), room)) {
      const Bytes message = Bytes(room).first(transmit->size);
      link_.steps().message(StepKind::kSent, transmit->path.remote.to_string(), inspect::describe_wireguard(message));
      send(transmit->path, message);
    }
    const auto event = device_.poll_event();
    if (!event) break;
    handle_event(*event);
  }
  show_endpoint();
}

void WgSession::send(const Path& path, Bytes message) {
  // After roaming the device still knows the old socket until the peer has answered at the new one.
  link_.send({.local = socket_, .remote = path.remote, .relay = {}}, message);
}

void WgSession::handle_event(const wg::PeerEvent& event) {
  link_.steps().say(StepKind::kEvent, event_text(event.event));
  if (!std::holds_alternative<wg::HandshakeCompleted>(event.event)) return;
  for (PacketBuffer& packet : std::exchange(waiting_, {})) send_packet(std::move(packet));
}

// Paper §2.1: the endpoint is wherever the last authentic message came from.
void WgSession::show_endpoint() {
  const auto path = peer_ ? device_.endpoint(*peer_) : std::nullopt;
  if (!path || endpoint_ == path->remote) return;
  link_.steps().say(
      StepKind::kEvent,
      {(endpoint_ ? "the peer has moved: its endpoint is now " : "the peer's endpoint is ") + path->remote.to_string(),
       "WireGuard paper §2.1"},
      {{"endpoint", path->remote.to_string()}});
  endpoint_ = path->remote;
}

void WgSession::handle(const Received& received) {
  const inspect::Description step = inspect::describe_wireguard(received.data);
  if (wg::message_type(received.data) == wg::MessageType::kData) {
    open(received, step);
  } else {
    const auto handled = device_.handle_input(link_.now(), received);
    const std::string from = received.path.remote.to_string();
    if (handled) {
      link_.steps().message(StepKind::kReceived, from, step);
    } else {
      link_.steps().message(StepKind::kDropped, from,
                            {step.text + ": dropped, " + wg::to_string(handled.error()), step.section});
    }
  }
  changed_();
}

void WgSession::open(const Received& received, const inspect::Description& step) {
  PacketBuffer packet = link_.pool().copy(received.data);
  const auto opened = device_.open(link_.now(), received.path, packet);
  const std::string from = received.path.remote.to_string();
  if (!opened) {
    link_.steps().message(StepKind::kDropped, from,
                          {step.text + ": dropped, " + wg::to_string(opened.error()), step.section});
    return;
  }
  show_data(StepKind::kReceived, from, received.data);
  if (opened->keepalive) return;
  const auto header = wg::parse_ip_packet(packet.data());
  if (header && is_allowed(header->source)) return deliver_(std::move(packet));
  link_.steps().say(StepKind::kDropped,
                    {"an inner packet that is not from the peer's allowed IPs", "WireGuard paper §2"});
}

/// Keepalives always; of the data of one session only the first message in each direction, unless all are wanted.
void WgSession::show_data(StepKind kind, const std::string& endpoint, Bytes message) {
  const auto header = wg::DataHeader::parse(message);
  if (!header) return;
  if (shown_sessions_.size() >= kMaxShown) shown_sessions_.clear();
  const std::uint64_t direction = kind == StepKind::kSent ? 1 : 0;
  const bool first = shown_sessions_.insert(direction << 32 | static_cast<std::uint32_t>(header->receiver)).second;
  if (!first && !options_.show_packets && message.size() != wg::kDataOverhead) return;
  inspect::Description step = inspect::describe_wireguard(message);
  if (first) step.text += " (the first of this session)";
  link_.steps().message(kind, endpoint, step);
}

bool WgSession::is_allowed(const IpAddress& address) const {
  return std::ranges::any_of(options_.allowed_ips, [&](const IpPrefix& prefix) { return prefix.contains(address); });
}

void WgSession::send_packet(PacketBuffer packet) {
  const auto header = wg::parse_ip_packet(packet.data());
  if (!header || !is_allowed(header->destination)) return;
  const auto path = device_.seal(link_.now(), *peer_, packet);
  if (path) {
    show_data(StepKind::kSent, path->remote.to_string(), packet.data());
    send(*path, packet.data());
  } else if (path.error() == wg::Error::kNoKeypair || path.error() == wg::Error::kNoEndpoint) {
    if (waiting_.size() == kMaxWaiting) waiting_.pop_front();
    waiting_.push_back(std::move(packet));
  } else {
    link_.steps().say(StepKind::kDropped, {std::string("a packet to send: ") + wg::to_string(path.error())});
  }
}

void WgSession::initiate() {
  device_.initiate(link_.now(), *peer_);
  changed_();
}

void WgSession::burst(std::size_t count) {
  const auto path = device_.endpoint(*peer_);
  if (!path) return;
  // All are made first: each costs more to make than to send.
  std::vector<std::array<std::byte, wg::kInitiationSize>> messages(std::min(count, kMaxBurst));
  for (auto& message : messages) {
    device_.initiate(link_.now(), *peer_);
    if (!device_.poll_transmit(link_.now(), message)) return;
  }
  for (const auto& message : messages) send(*path, message);
  link_.steps().say(StepKind::kSent, {std::to_string(messages.size()) + " initiations to " + path->remote.to_string(),
                                      "WireGuard paper §5.3"});
  changed_();
}

void WgSession::roam(SocketId socket) {
  link_.close(std::exchange(socket_, socket));
  link_.steps().say(StepKind::kEvent,
                    {"we have moved: our socket is now " + link_.local(socket_).to_string(), "WireGuard paper §2.1"});
}

void WgSession::set_under_load(bool under_load) {
  device_.set_under_load(under_load);
  link_.steps().say(StepKind::kEvent, {under_load ? "we are under load: handshakes need a cookie" : "no load any more",
                                       "WireGuard paper §5.3"});
}

void WgSession::show_status(json::Object extra) {
  const wg::Tunnel& tunnel = *device_.tunnel(*peer_);
  json::Object fields{{"handshakes", tunnel.handshakes()},
                      {"rx_bytes", tunnel.rx_bytes()},
                      {"tx_bytes", tunnel.tx_bytes()},
                      {"dropped", device_.drops()},
                      {"cookie_replies_sent", device_.cookie_replies()}};
  for (auto& field : extra) fields.push_back(std::move(field));
  std::string text;
  for (const auto& [key, value] : fields) {
    text += (text.empty() ? "" : ", ") + key + " " + std::to_string(value.as_uint().value_or(0));
  }
  link_.steps().say(StepKind::kResult, {text}, std::move(fields));
}

}  // namespace bamgate::lab
