#include "agent/scripted_hub.h"

#include <algorithm>
#include <array>
#include <utility>
#include <variant>

#include "sim/inner_packet.h"

namespace bamgate::agent {
namespace {

constexpr int kMaxSteps = 200'000;

}  // namespace

std::string Actor::state_of(const std::string& peer, Instant now) const {
  for (const PeerStatus& status : agent->status(now).peers) {
    if (status.id == peer) return status.state;
  }
  return "unknown";
}

ScriptedHub::ScriptedHub() : sctp_(std::move(*sctp::make_engine_factory(random_))) {}

ScriptedHub::~ScriptedHub() {
  for (const auto& actor : actors_) actor->agent.reset();
}

Actor& ScriptedHub::make(const std::string& name, const std::string& address, std::uint64_t key_seed,
                         std::map<std::string, std::vector<IpPrefix>> accepted, std::chrono::seconds ahead,
                         std::vector<config::Pin> pins) {
  actors_.push_back(std::make_unique<Actor>(name, random_.number<std::uint64_t>()));
  Actor& actor = *actors_.back();
  const UnixTime clock{kStartUnix + std::chrono::floor<std::chrono::seconds>(now - kStart + ahead).count()};
  bamgate::testing::SeededRandom key_random(key_seed);
  const wg::PrivateKey key = wg::PrivateKey::generate(key_random);
  actor.info.peer_id = name;
  actor.info.public_key = key.public_key().to_string();
  actor.info.address = address;
  Agent::Options options{.name = name,
                         .private_key = key,
                         .address = IpPrefix::parse(address).value(),
                         .address6 = std::nullopt,
                         .routes = {},
                         .accepted_routes = std::move(accepted),
                         .stun_servers = {},
                         .certificate = dtls::Certificate::generate(actor.random, clock).value(),
                         .clock = {.unix = clock, .at = now},
                         .pins = std::move(pins)};
  actor.agent = std::make_unique<Agent>(std::move(options), actor.random, actor.crypto, actor.pool, *sctp_);
  return actor;
}

void ScriptedHub::kill(Actor& actor) {
  actor.agent.reset();
  actor.sockets.clear();
  actor.said.clear();
}

void ScriptedHub::sleep(Actor& actor, Duration duration) {
  asleep = &actor;
  run_for(duration);
  asleep = nullptr;
}

void ScriptedHub::move(Actor& actor, std::vector<IpAddress> addresses) {
  actor.addresses = std::move(addresses);
  std::vector<IpPrefix> prefixes;
  for (const IpAddress& address : actor.addresses) prefixes.push_back({address, 24});
  actor.agent->network_changed(now, std::move(prefixes));
  drain(actor);
}

void ScriptedHub::rejoin(Actor& actor, const std::vector<signaling::PeerInfo>& others) {
  settle();
  actor.agent->on_hub_open(now);
  drain(actor);
  actor.info.metadata = actor.joins.back().metadata;
  announce(actor, others);
}

void ScriptedHub::bring_online(Actor& actor, const std::vector<signaling::PeerInfo>& others) {
  move(actor, actor.addresses);
  actor.agent->start(now);
  drain(actor);
  actor.agent->on_access_token(now, "token", 3600s);
  drain(actor);
  actor.agent->on_hub_open(now);
  drain(actor);
  ASSERT_EQ(actor.joins.size(), 1U);
  actor.info.metadata = actor.joins.back().metadata;
  announce(actor, others);
}

void ScriptedHub::say(Actor& actor, const signaling::Message& message) {
  actor.agent->on_hub_text(now, signaling::write(message));
  drain(actor);
}

void ScriptedHub::announce(Actor& actor, const std::vector<signaling::PeerInfo>& peers,
                           const std::vector<signaling::PeerRevoked>& revoked) {
  say(actor, signaling::Peers{.peers = peers, .more = false, .revoked = revoked});
}

void ScriptedHub::connect_anna_and_bert() {
  anna = &make("anna", "10.100.0.1/16", 1);
  bert = &make("bert", "10.100.0.2/16", 2);
  bring_online(*anna, {});
  bring_online(*bert, {anna->info});
  announce(*anna, {bert->info});
  run_for(3s);
  ASSERT_EQ(anna->state_of("bert", now), "connected");
  ASSERT_EQ(bert->state_of("anna", now), "connected");
}

void ScriptedHub::send_packet(Actor& from, const std::string& destination, std::size_t size) {
  const auto packet = sim::write_packet({.source = {IpPrefix::parse(from.info.address)->address, 9},
                                         .destination = {*IpAddress::parse(destination), 9},
                                         .payload = std::vector<std::byte>(size - kSmallestPacket)});
  from.agent->handle_tun(now, from.pool.copy(packet));
  drain(from);
}

// ---- The agents' outputs ----

void ScriptedHub::drain(Actor& actor) {
  std::array<std::byte, kBlockSize> buffer{};
  while (actor.agent) {
    while (const auto transmit = actor.agent->poll_transmit(now, buffer)) {
      const auto socket = actor.sockets.find(transmit->path.local);
      ASSERT_NE(socket, actor.sockets.end()) << actor.name << " sends through a socket that is closed";
      const Endpoint& from = socket->second.second;
      largest_datagram = std::max<std::size_t>(largest_datagram, transmit->size);
      // The kernel refuses to send from an address that is gone.
      if (std::ranges::find(actor.addresses, from.address) == actor.addresses.end()) continue;
      in_flight_.push_back({from, transmit->path.remote, {buffer.begin(), buffer.begin() + transmit->size}});
    }
    auto effect = actor.agent->poll_effect();
    if (!effect) return;
    run_effect(actor, std::move(*effect));
  }
}

void ScriptedHub::run_effect(Actor& actor, Effect effect) {
  if (auto* opened = std::get_if<OpenSockets>(&effect)) {
    ++actor.attempts;
    for (const IpAddress& address : actor.addresses) {
      const SocketId id{next_socket_++};
      const Endpoint bound{address, next_port_++};
      actor.sockets[id] = {opened->attempt, bound};
      actor.agent->on_socket(now, opened->attempt, id, bound);
    }
    actor.agent->on_sockets_complete(now, opened->attempt);
  } else if (auto* closed = std::get_if<CloseSockets>(&effect)) {
    std::erase_if(actor.sockets, [&](const auto& entry) { return entry.second.first == closed->attempt; });
  } else if (auto* text = std::get_if<SendToHub>(&effect)) {
    note_text(actor, text->text);
  } else if (auto* packet = std::get_if<WriteTun>(&effect)) {
    const Bytes data = packet->packet.data();
    actor.tun.emplace_back(data.begin(), data.end());
  } else if (auto* connect = std::get_if<ConnectHub>(&effect)) {
    actor.connects.push_back(connect->access_token);
  } else if (auto* set = std::get_if<SetRoutes>(&effect)) {
    actor.routes = set->routes;
  } else if (std::holds_alternative<StorePins>(effect)) {
    actor.pins = actor.agent->pins();
    ++actor.stores;
  } else if (auto* notice = std::get_if<Notice>(&effect)) {
    actor.notices.push_back(notice->text);
  } else if (auto* gone = std::get_if<Stop>(&effect)) {
    actor.stopped = gone->reason;
  } else if (std::holds_alternative<RefreshAccessToken>(effect)) {
    ++actor.refreshes;
  } else if (std::holds_alternative<PingHub>(effect)) {
    ++actor.pings;
    actor.agent->on_hub_pong(now);
  } else if (std::holds_alternative<DisconnectHub>(effect)) {
    ++actor.disconnects;
  }
}

void ScriptedHub::note_text(Actor& actor, const std::string& text) {
  auto message = signaling::parse(text);
  ASSERT_TRUE(message) << text;
  if (auto* join = std::get_if<signaling::Join>(&*message)) {
    actor.joins.push_back(join->self);
  } else {
    actor.said.push_back(std::move(*message));
  }
}

// ---- Between them ----

bool ScriptedHub::deliver_datagram() {
  if (in_flight_.empty()) return false;
  InFlight datagram = std::move(in_flight_.front());
  in_flight_.pop_front();
  if (!wire || (carries && !carries(datagram.from, datagram.data))) return true;
  for (const auto& actor : actors_) {
    for (const auto& [id, socket] : actor->sockets) {
      const bool reachable = std::ranges::find(actor->addresses, socket.second.address) != actor->addresses.end();
      if (!actor->agent || actor.get() == asleep || !reachable || socket.second != datagram.to) continue;
      actor->agent->handle_datagram(now, {.path = {.local = id, .remote = datagram.from}, .data = datagram.data});
      drain(*actor);
      return true;
    }
  }
  return true;
}

bool ScriptedHub::forward_message() {
  for (const auto& actor : actors_) {
    if (!forward || !actor->agent || actor->said.empty()) continue;
    const signaling::Message message = std::move(actor->said.front());
    actor->said.pop_front();
    const std::string to = std::visit(
        [](const auto& content) {
          if constexpr (requires { content.to; }) return content.to;
          return std::string();
        },
        message);
    for (const auto& target : actors_) {
      if (target->agent && target.get() != asleep && target->name == to) say(*target, message);
    }
    return true;
  }
  return false;
}

void ScriptedHub::settle() {
  for (const auto& actor : actors_) drain(*actor);
  for (int i = 0; i < kMaxSteps; ++i) {
    if (deliver_datagram() || forward_message()) continue;
    Actor* due = nullptr;
    for (const auto& actor : actors_) {
      if (actor->agent && actor.get() != asleep && actor->agent->next_timeout() <= now) due = actor.get();
    }
    if (due == nullptr) return;
    due->agent->handle_timeout(now);
    drain(*due);
  }
  FAIL() << "the agents do not come to rest";
}

void ScriptedHub::run_for(Duration duration) {
  const Instant end = now + duration;
  for (int i = 0; i < kMaxSteps && !HasFatalFailure(); ++i) {
    settle();
    Instant next = end;
    for (const auto& actor : actors_) {
      if (actor->agent && actor.get() != asleep) next = std::min(next, actor->agent->next_timeout());
    }
    if (now >= end) return;
    now = std::max(now, next);
  }
  FAIL() << "too many steps";
}

}  // namespace bamgate::agent
