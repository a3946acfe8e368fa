#include "sim/device.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <iostream>
#include <utility>
#include <variant>

namespace bamgate::sim {

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
      random_(seed) {
  agent::begin_refresh_tokens(secrets_, registration_.refresh_token);
  host_.on_change = [this] { network_changed(); };
}

Device::~Device() {
  kill();
  host_.on_change = nullptr;
}

// ---- Beginning and end ----

void Device::start() {
  if (agent_) return;
  auto certificate = dtls::Certificate::generate(random_, agenda_.unix_now());
  ASSERT_TRUE(certificate);
  agent::Agent::Options options{
      .name = registration_.name,
      .private_key = key_,
      .address = registration_.address,
      .address6 = registration_.address6,
      .routes = registration_.routes,
      .accepted_routes = registration_.accepted_routes,
      .stun_servers = {hub_.stun()},
      .certificate = std::move(*certificate),
      .clock = {.unix = agenda_.unix_now(), .at = agenda_.now()},
  };
  agent_ = std::make_unique<agent::Agent>(std::move(options), random_, crypto_, pool_, sctp_);
  ++run_;
  tell("starts");
  given_up.reset();
  agent_->network_changed(agenda_.now(), networks());
  agent_->start(agenda_.now());
  flush();
}

void Device::stop() {
  if (!agent_) return;
  agent_->stop(agenda_.now());
  flush();
  end();
}

void Device::kill() {
  if (!agent_) return;
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
  ++run_;
  connection_.reset();
  for (const auto& [id, socket] : std::exchange(sockets_, {})) network_.unbind(host_, socket.endpoint);
  agent_.reset();
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
  if (!agent_ || asleep_) return;
  agent_->network_changed(agenda_.now(), networks());
  flush();
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

void Device::handle_timeout() {
  if (!agent_) return;
  agent_->handle_timeout(agenda_.now());
  flush();
}

// ---- Programs ----

void Device::send(const InnerPacket& packet) {
  if (!agent_ || asleep_) return;
  const Datagram bytes = write_packet(packet);
  agent_->handle_tun(agenda_.now(), pool_.copy(bytes));
  flush();
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

void Device::receive(Bytes bytes) {
  trace_.note(agenda_.now(), "tun " + registration_.name, bytes);
  const auto packet = read_packet(bytes);
  if (!packet) {
    ++damaged;
    return;
  }
  switch (packet->kind) {
    case InnerPacket::Kind::kUdp:
      if (const auto program = programs.find(packet->destination.port); program != programs.end()) {
        agenda_.after({}, [run = program->second, packet = *packet] { run(packet); });
      } else {
        arrivals.push_back({agenda_.now(), *packet});
      }
      return;
    case InnerPacket::Kind::kEchoReply:
      pongs_.emplace(packet->sequence, agenda_.now());
      return;
    case InnerPacket::Kind::kEchoRequest: {
      InnerPacket reply = *packet;
      reply.kind = InnerPacket::Kind::kEchoReply;
      std::swap(reply.source, reply.destination);
      // As a program of its own, after the agent has finished.
      agenda_.after({}, [this, reply] { send(reply); });
      return;
    }
  }
}

void Device::forget_the_past() {
  arrivals.clear();
  arrivals.shrink_to_fit();
  notices.clear();
  notices.shrink_to_fit();
  pongs_.clear();
}

// ---- Effects ----

void Device::send_datagrams() {
  std::array<std::byte, kBlockSize> buffer{};
  while (const auto transmit = agent_->poll_transmit(agenda_.now(), buffer)) {
    const auto found = sockets_.find(transmit->path.local);
    ASSERT_NE(found, sockets_.end()) << registration_.name << " sends through a socket that is closed";
    network_.send(host_, found->second.endpoint, transmit->path.remote,
                  {buffer.begin(), buffer.begin() + transmit->size});
  }
}

void Device::flush() {
  if (flushing_ || !agent_) return;
  flushing_ = true;
  while (true) {
    send_datagrams();
    auto effect = agent_->poll_effect();
    if (!effect) break;
    run_effect(std::move(*effect));
  }
  flushing_ = false;
}

void Device::run_effect(agent::Effect effect) {
  if (auto* packet = std::get_if<agent::WriteTun>(&effect)) {
    receive(packet->packet.data());
  } else if (std::holds_alternative<agent::RefreshAccessToken>(effect)) {
    refresh_access_token();
  } else if (auto* connect = std::get_if<agent::ConnectHub>(&effect)) {
    connect_hub(std::move(connect->access_token));
  } else if (auto* text = std::get_if<agent::SendToHub>(&effect)) {
    if (connection_) connection_->send(std::move(text->text));
  } else if (std::holds_alternative<agent::PingHub>(effect)) {
    if (connection_) connection_->ping();
  } else if (std::holds_alternative<agent::DisconnectHub>(effect)) {
    connection_.reset();
  } else if (auto* opened = std::get_if<agent::OpenSockets>(&effect)) {
    open_sockets(opened->attempt);
  } else if (auto* closed = std::get_if<agent::CloseSockets>(&effect)) {
    close_sockets(closed->attempt);
  } else if (auto* set = std::get_if<agent::SetRoutes>(&effect)) {
    routes = std::move(set->routes);
  } else if (auto* notice = std::get_if<agent::Notice>(&effect)) {
    tell(notice->text);
    notices.push_back(std::move(notice->text));
  } else if (auto* gone = std::get_if<agent::Stop>(&effect)) {
    given_up = gone->reason;
    tell("gives up");
    agenda_.after({}, [this] { stop(); });
  }
}

void Device::open_sockets(agent::AttemptId attempt) {
  ++attempts;
  for (const IpAddress& local : host_.addresses()) {
    const SocketId id{next_socket_++};
    const Endpoint bound =
        network_.bind(host_, local, 0, [this, id](const Endpoint& from, const std::vector<std::byte>& data) {
          std::vector<std::byte> copy = data;
          agent_->handle_datagram(agenda_.now(), {.path = {.local = id, .remote = from}, .data = copy});
          flush();
        });
    sockets_.emplace(id, Socket{attempt, bound});
    agent_->on_socket(agenda_.now(), attempt, id, bound);
  }
  agent_->on_sockets_complete(agenda_.now(), attempt);
}

void Device::close_sockets(agent::AttemptId attempt) {
  std::erase_if(sockets_, [&](const auto& entry) {
    if (entry.second.attempt != attempt) return false;
    network_.unbind(host_, entry.second.endpoint);
    return true;
  });
}

// ---- The hub ----

void Device::refresh_access_token() { ask_for_token(std::make_shared<agent::RefreshExchange>(secrets_)); }

void Device::ask_for_token(std::shared_ptr<agent::RefreshExchange> exchange) {
  // As long as net waits for an answer before it gives up.
  constexpr auto kPatience = std::chrono::seconds(15);
  auto answered = std::make_shared<bool>(false);
  const auto given_up_on = [this, answered, run = run_] { return run != run_ || *answered; };
  const auto settle = [this, exchange, answered, given_up_on](const HubAnswer& answer) {
    if (given_up_on()) return;
    *answered = true;
    if (answer.status == 401 && exchange->refused(answer.text("error"))) {
      ++healed_refreshes;
      return ask_for_token(exchange);
    }
    if (answer.status == 200) {
      ++refreshes;
      exchange->accepted(answer.text("refresh_token"));
      agent_->on_access_token(agenda_.now(), answer.text("access_token"),
                              std::chrono::seconds(answer.body.get_int("expires_in").value_or(0)));
    } else {
      agent_->on_token_failed(agenda_.now(), answer.status == 401 ? signaling::TokenFailure::kUnauthorised
                                                                  : signaling::TokenFailure::kUnreachable);
    }
    flush();
  };
  hub_.request(host_, "POST", "/auth/refresh",
               json::Object{{"device_id", registration_.device_id}, {"refresh_token", std::string(exchange->token())}},
               given_up_on, settle);
  agenda_.after(kPatience, [settle] { settle({}); });
}

void Device::connect_hub(std::string access_token) {
  HubConnection::Handlers handlers;
  handlers.on_open = [this] {
    agent_->on_hub_open(agenda_.now());
    flush();
  };
  handlers.on_failed = [this](int status) {
    connection_.reset();
    agent_->on_hub_connect_failed(agenda_.now(), status);
    flush();
  };
  handlers.on_text = [this](const std::string& text) {
    agent_->on_hub_text(agenda_.now(), text);
    flush();
  };
  handlers.on_pong = [this] {
    agent_->on_hub_pong(agenda_.now());
    flush();
  };
  handlers.on_close = [this](std::uint16_t code) {
    connection_.reset();
    agent_->on_hub_closed(agenda_.now(), code);
    flush();
  };
  connection_ = hub_.connect(host_, std::move(access_token), std::move(handlers));
}

agent::PeerStatus Device::peer(const std::string& name) const {
  if (!agent_) return {};
  for (agent::PeerStatus& status : agent_->status(agenda_.now()).peers) {
    if (status.id == name) return std::move(status);
  }
  return {};
}

}  // namespace bamgate::sim
