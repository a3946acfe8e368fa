#include "sim/device.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <utility>

namespace bamgate::sim {
namespace {

// As long as net waits for an answer, or for a WebSocket to open, before it gives up.
constexpr auto kHubPatience = std::chrono::seconds(15);

}  // namespace

/// A socket of the simulated kernel.
class Device::BoundSocket : public agent::Socket {
 public:
  BoundSocket(Network& network, Host& host, const Endpoint& bound) : network_(network), host_(host), bound_(bound) {}
  BoundSocket(const BoundSocket&) = delete;
  BoundSocket& operator=(const BoundSocket&) = delete;
  ~BoundSocket() override { network_.unbind(host_, bound_); }

  const Endpoint& base() const override { return bound_; }
  bool send(const Endpoint& remote, Bytes datagram, Ecn /*ecn*/) override {
    network_.send(host_, bound_, remote, {datagram.begin(), datagram.end()});
    return true;
  }

 private:
  Network& network_;
  Host& host_;
  Endpoint bound_;
};

Device::Device(Agenda& agenda, Network& network, Trace& trace, HubNode& hub, Host& host, sctp::EngineFactory& sctp,
               Registration registration, wg::PrivateKey key, std::uint64_t seed)
    : agenda_(agenda),
      network_(network),
      trace_(trace),
      hub_(hub),
      host_(host),
      sctp_(sctp),
      registration_(std::move(registration)),
      key_(std::move(key)),
      random_(seed),
      runner_({.sockets = *this, .hub = *this, .tun = *this, .tokens = *this, .pins = *this, .owner = *this}) {
  agent::begin_refresh_tokens(secrets_, registration_.refresh_token);
  host_.on_change = [this] { network_changed(); };
}

Device::~Device() {
  kill();
  host_.on_change = nullptr;
}

// ---- Beginning and end ----

void Device::start() {
  if (is_up()) return;
  auto certificate = dtls::Certificate::generate(random_, agenda_.unix_now());
  ASSERT_TRUE(certificate);
  agent::Agent::Options options{
      .name = registration_.name,
      .private_key = key_,
      .address = registration_.address,
      .address6 = registration_.address6,
      .routes = registration_.routes,
      .accepted_routes = registration_.accepted_routes,
      .stun_servers = hub_.udp(),
      .certificate = std::move(*certificate),
      .clock = {.unix = agenda_.unix_now(), .at = agenda_.now()},
      .turn_secret = SecretText(registration_.turn_secret),
      .force_relay = registration_.force_relay,
      .pins = pins,
  };
  tell("starts");
  given_up.reset();
  runner_.start(agenda_.now(), std::make_unique<agent::Agent>(std::move(options), random_, crypto_, pool_, sctp_),
                networks());
}

void Device::stop() {
  if (!is_up()) return;
  runner_.stop(agenda_.now());
  end();
}

bool Device::trust(const std::string& name) {
  const auto answer = runner_.trust(agenda_.now(), name);
  return answer && answer->done;
}

void Device::kill() {
  if (!is_up()) return;
  tell("is killed");
  end();
}

void Device::tell(const std::string& what) const {
  trace_.remark(agenda_.now(), registration_.name + ": " + what);
  static const bool verbose = std::getenv("BAMGATE_VERBOSE") != nullptr;
  if (!verbose) return;
  std::cerr << clock_text(agenda_.now()) << "  " << registration_.name << ": " << what << '\n';
}

void Device::end() {
  attempts_of_former_ += attempts_of_this();
  EXPECT_EQ(runner_.counters().socket_gone, 0U) << registration_.name << " sends through a socket that is closed";
  runner_.end();
}

void Device::sleep() {
  asleep_ = true;
  host_.cut = true;
}

void Device::wake() {
  if (!asleep_) return;
  asleep_ = false;
  host_.cut = false;
  handle_timeout();
  if (std::exchange(changed_asleep_, false)) network_changed();
}

// What the kernel says when an address comes or goes; a machine that sleeps reads it when it is awake again.
void Device::network_changed() {
  if (asleep_) changed_asleep_ = true;
  if (asleep_) return;
  runner_.on_network_changed(agenda_.now(), networks());
}

std::vector<IpPrefix> Device::networks() const {
  constexpr std::uint8_t kLanLength = 24;
  constexpr std::uint8_t kLanLength6 = 64;
  std::vector<IpPrefix> all;
  for (const IpAddress& address : host_.addresses()) {
    all.push_back({address, address.is_v4() ? kLanLength : kLanLength6});
  }
  return all;
}

void Device::handle_timeout() { runner_.handle_timeout(agenda_.now()); }

// ---- Programs ----

void Device::send(const InnerPacket& packet) {
  if (!is_up() || asleep_) return;
  const Datagram bytes = write_packet(packet);
  runner_.on_tun(agenda_.now(), pool_.copy(bytes));
  runner_.flush(agenda_.now());
}

std::uint16_t Device::ping(const IpAddress& to, std::size_t size) {
  const std::uint16_t sequence = ++last_ping_;
  send({.kind = InnerPacket::Kind::kEchoRequest,
        .source = {address(to.family()), 0},
        .destination = {to, 0},
        .id = 77,
        .sequence = sequence,
        .payload = Datagram(size, std::byte{0x5a})});
  return sequence;
}

std::optional<Instant> Device::pong_at(std::uint16_t sequence) const {
  const auto found = pongs_.find(sequence);
  if (found == pongs_.end()) return std::nullopt;
  return found->second;
}

bool Device::write_tun(Bytes bytes) {
  trace_.note(agenda_.now(), "tun " + registration_.name, bytes);
  const auto packet = read_packet(bytes);
  if (!packet) {
    ++damaged;
    return false;
  }
  switch (packet->kind) {
    case InnerPacket::Kind::kUdp:
      if (const auto program = programs.find(packet->destination.port); program != programs.end()) {
        agenda_.after({}, [run = program->second, packet = *packet] { run(packet); });
      } else {
        arrivals.push_back({agenda_.now(), *packet});
      }
      return true;
    case InnerPacket::Kind::kEchoReply:
      pongs_.emplace(packet->sequence, agenda_.now());
      return true;
    case InnerPacket::Kind::kEchoRequest: {
      InnerPacket reply = *packet;
      reply.kind = InnerPacket::Kind::kEchoReply;
      std::swap(reply.source, reply.destination);
      // As a program of its own, after the agent has finished.
      agenda_.after({}, [this, reply] { send(reply); });
      return true;
    }
  }
  std::unreachable();
}

void Device::forget_the_past() {
  arrivals.clear();
  arrivals.shrink_to_fit();
  notices.clear();
  notices.shrink_to_fit();
  pongs_.clear();
}

// ---- Sockets, and what a person sees ----

std::unique_ptr<agent::Socket> Device::open_socket(SocketId socket, const IpAddress& address) {
  const auto here = host_.addresses();
  if (std::ranges::find(here, address) == here.end()) return nullptr;
  const auto receive = [this, socket](const Endpoint& from, const std::vector<std::byte>& data) {
    std::vector<std::byte> copy = data;
    runner_.on_datagram(agenda_.now(), {.path = {.local = socket, .remote = from}, .data = copy});
    runner_.flush(agenda_.now());
  };
  return std::make_unique<BoundSocket>(network_, host_, network_.bind(host_, address, 0, receive));
}

void Device::set_routes(std::vector<IpPrefix> wanted) { routes = std::move(wanted); }

void Device::notice(agent::Notice notice) {
  tell(notice.text);
  notices.push_back(std::move(notice.text));
}

void Device::gave_up(agent::StopReason reason) {
  given_up = reason;
  tell("gives up");
  agenda_.after({}, [this] { stop(); });
}

// ---- The hub ----

void Device::refresh_access_token(agent::RunId run) {
  ask_for_token(run, std::make_shared<agent::RefreshExchange>(secrets_));
}

void Device::ask_for_token(agent::RunId run, std::shared_ptr<agent::RefreshExchange> exchange) {
  auto answered = std::make_shared<bool>(false);
  const auto given_up_on = [this, answered, run] { return run != runner_.run() || *answered; };
  const auto settle = [this, run, exchange, answered, given_up_on](const HubAnswer& answer) {
    if (given_up_on()) return;
    *answered = true;
    if (answer.status == 401 && exchange->refused(answer.text("error"))) {
      ++healed_refreshes;
      return ask_for_token(run, exchange);
    }
    if (answer.status == 200) {
      ++refreshes;
      exchange->accepted(answer.text("refresh_token"));
      use_relays(answer.body);
      runner_.on_access_token(agenda_.now(), run, answer.text("access_token"),
                              std::chrono::seconds(answer.body.get_int("expires_in").value_or(0)));
    } else {
      runner_.on_token_failed(agenda_.now(), run, answer.fault());
    }
  };
  hub_.request(host_, "POST", "/auth/refresh",
               json::Object{{"device_id", registration_.device_id}, {"refresh_token", std::string(exchange->token())}},
               given_up_on, settle);
  agenda_.after(kHubPatience, [settle] { settle({}); });
}

void Device::connect_hub(agent::HubGeneration generation, std::string access_token) {
  HubConnection::Handlers handlers;
  handlers.on_open = [this, generation] { runner_.on_hub_open(agenda_.now(), generation); };
  handlers.on_failed = [this, generation](const signaling::HubFault& fault) {
    connection_.reset();
    runner_.on_hub_connect_failed(agenda_.now(), generation, fault);
  };
  handlers.on_text = [this, generation](const std::string& text) {
    runner_.on_hub_text(agenda_.now(), generation, text);
  };
  handlers.on_pong = [this, generation] { runner_.on_hub_pong(agenda_.now(), generation); };
  handlers.on_close = [this, generation](std::uint16_t code) {
    connection_.reset();
    runner_.on_hub_closed(agenda_.now(), generation, code);
  };
  connection_ = hub_.connect(host_, "/connect", std::move(access_token), std::move(handlers));
}

bool Device::send_to_hub(std::string text) {
  connection_->send(std::move(text));
  return true;
}

void Device::ping_hub() { connection_->ping(); }

void Device::disconnect_hub(std::uint16_t /*code*/) { connection_.reset(); }

// ---- The hub's relay: as in src/host/device_relay.cc, with a name server that knows the hub ----

void Device::use_relays(const json::Value& answer) {
  const auto* relays = answer.get_array("turn");
  if (relays == nullptr) return;
  for (const json::Value& relay : *relays) {
    if (relay.as_string()->starts_with("wss:")) {
      runner_.add_websocket_relay(agenda_.now());
    } else {
      for (const Endpoint& endpoint : hub_.udp()) runner_.add_relay(agenda_.now(), endpoint);
    }
  }
}

// Streams to relays of one's own are left out.
void Device::connect_relay(agent::RelayGeneration generation, agent::RelayWay way) {
  auto* hub = std::get_if<agent::HubRelay>(&way);
  if (hub == nullptr) return runner_.on_relay_closed(agenda_.now(), generation, "there is no such server here");
  HubConnection::Handlers handlers;
  const auto opened = std::make_shared<bool>(false);
  const auto lost = [this, generation] {
    if (!runner_.is_current(generation)) return;
    relay_.reset();
    runner_.on_relay_closed(agenda_.now(), generation);
  };
  handlers.on_open = [this, generation, opened] {
    *opened = true;
    runner_.on_relay_open(agenda_.now(), generation);
  };
  handlers.on_failed = [lost](const signaling::HubFault&) { lost(); };
  handlers.on_binary = [this, generation](const std::vector<std::byte>& message) {
    std::vector<std::byte> copy = message;
    runner_.on_relay_message(agenda_.now(), generation, copy);
    runner_.flush(agenda_.now());
  };
  handlers.on_close = [lost](std::uint16_t) { lost(); };
  relay_ = hub_.connect(host_, "/turn?batch=1", std::move(hub->access_token), std::move(handlers));
  agenda_.after(kHubPatience, [lost, opened] {
    if (!*opened) lost();
  });
}

bool Device::send_to_relay(agent::RelayGeneration /*generation*/, Bytes message) {
  constexpr std::size_t kMostUnsent = std::size_t{128} * 1024;
  if (!relay_ || relay_->unsent() >= kMostUnsent) return false;
  relay_->send_binary({message.begin(), message.end()});
  return true;
}

void Device::disconnect_relay(agent::RelayGeneration /*generation*/) { relay_.reset(); }

std::size_t Device::connected_peers() const {
  const auto status = runner_.status(agenda_.now());
  return static_cast<std::size_t>(std::ranges::count(status.peers, "connected", &agent::PeerStatus::state));
}

agent::PeerStatus Device::peer(const std::string& name) const {
  for (agent::PeerStatus& status : runner_.status(agenda_.now()).peers) {
    if (status.id == name) return std::move(status);
  }
  return {};
}

}  // namespace bamgate::sim
