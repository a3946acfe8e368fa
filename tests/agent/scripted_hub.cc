#include "agent/scripted_hub.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "sim/inner_packet.h"

namespace bamgate::agent {
namespace {

constexpr int kMaxSteps = 200'000;

}  // namespace

std::string Actor::state_of(const std::string& peer, Instant now) const {
  for (const PeerStatus& status : runner.status(now).peers) {
    if (status.id == peer) return status.state;
  }
  return "unknown";
}

std::vector<IpPrefix> Actor::networks() const {
  std::vector<IpPrefix> prefixes;
  for (const IpAddress& address : addresses) prefixes.push_back({address, 24});
  return prefixes;
}

// ---- The ports ----

class Actor::ActorSocket : public Socket {
 public:
  ActorSocket(Actor& actor, SocketId id, const Endpoint& base) : actor_(actor), id_(id), base_(base) {}
  ActorSocket(const ActorSocket&) = delete;
  ActorSocket& operator=(const ActorSocket&) = delete;
  ~ActorSocket() override { actor_.sockets.erase(id_); }

  const Endpoint& base() const override { return base_; }
  bool send(const Endpoint& remote, Bytes datagram, Ecn /*ecn*/) override {
    World& shared = actor_.world;
    shared.largest_datagram = std::max(shared.largest_datagram, datagram.size());
    // The kernel refuses to send from an address that is gone.
    if (std::ranges::find(actor_.addresses, base_.address) == actor_.addresses.end()) return false;
    shared.in_flight.push_back({base_, remote, {datagram.begin(), datagram.end()}});
    return true;
  }

 private:
  Actor& actor_;
  SocketId id_;
  Endpoint base_;
};

std::unique_ptr<Socket> Actor::open_socket(SocketId socket, const IpAddress& address) {
  if (std::ranges::find(addresses, address) == addresses.end()) return nullptr;
  const Endpoint bound{address, world.next_port++};
  sockets[socket] = bound;
  return std::make_unique<ActorSocket>(*this, socket, bound);
}

void Actor::connect_hub(HubGeneration generation, std::string access_token) {
  connection = generation;
  connects.push_back(std::move(access_token));
}

bool Actor::send_to_hub(std::string text) {
  auto message = signaling::parse(text);
  EXPECT_TRUE(message) << text;
  if (!message) return false;
  if (auto* join = std::get_if<signaling::Join>(&*message)) {
    joins.push_back(join->self);
  } else {
    said.push_back(std::move(*message));
  }
  return true;
}

void Actor::ping_hub() {
  ++pings;
  runner.on_hub_pong(world.now, connection);
}

void Actor::disconnect_hub(std::uint16_t /*code*/) { ++disconnects; }
bool Actor::write_tun(Bytes packet) {
  tun.emplace_back(packet.begin(), packet.end());
  return true;
}

void Actor::set_routes(std::vector<IpPrefix> now_routed) { routes = std::move(now_routed); }
void Actor::refresh_access_token(RunId /*run*/) { ++refreshes; }

void Actor::store_pins(std::vector<config::Pin> now_known) {
  pins = std::move(now_known);
  ++stores;
}

void Actor::notice(Notice said_notice) { notices.push_back(std::move(said_notice.text)); }
void Actor::gave_up(StopReason reason) { stopped = reason; }

// ---- The hub's words ----

std::vector<std::string> take_candidates(std::string& sdp) {
  const auto description = peer::parse_description(sdp).value();
  std::vector<std::string> lines;
  std::string rest;
  for (std::size_t begin = 0; begin < sdp.size();) {
    const std::string line = sdp.substr(begin, sdp.find('\n', begin) + 1 - begin);
    begin += line.size();
    if (!line.starts_with("a=candidate")) rest += line;
  }
  sdp = rest;
  for (const ice::Candidate& one : description.candidates) lines.push_back(one.to_string(description.ice.ufrag));
  return lines;
}

ScriptedHub::ScriptedHub() : sctp_(std::move(*sctp::make_engine_factory(random_))) {}

ScriptedHub::~ScriptedHub() {
  for (const auto& actor : actors_) {
    actor->runner.end();
    EXPECT_EQ(actor->runner.counters().socket_gone, 0U) << actor->name << " sent through a socket that was closed";
  }
}

Actor& ScriptedHub::make(const std::string& name, const std::string& address, std::uint64_t key_seed,
                         std::map<std::string, std::vector<IpPrefix>> accepted, std::chrono::seconds ahead,
                         std::vector<config::Pin> pins) {
  actors_.push_back(std::make_unique<Actor>(name, random_.number<std::uint64_t>(), world));
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
  actor.waiting = std::make_unique<Agent>(std::move(options), actor.random, actor.crypto, actor.pool, *sctp_);
  return actor;
}

void ScriptedHub::kill(Actor& actor) {
  actor.runner.end();
  actor.said.clear();
}

void ScriptedHub::sleep(Actor& actor, Duration duration) {
  asleep = &actor;
  run_for(duration);
  asleep = nullptr;
}

void ScriptedHub::move(Actor& actor, std::vector<IpAddress> addresses) {
  actor.addresses = std::move(addresses);
  actor.runner.on_network_changed(now, actor.networks());
}

void ScriptedHub::rejoin(Actor& actor, const std::vector<signaling::PeerInfo>& others) {
  settle();
  actor.hub_opens();
  actor.info.metadata = actor.joins.back().metadata;
  announce(actor, others);
}

void ScriptedHub::bring_online(Actor& actor, const std::vector<signaling::PeerInfo>& others) {
  actor.start();
  actor.get_token("token", 3600s);
  actor.hub_opens();
  ASSERT_EQ(actor.joins.size(), 1U);
  actor.info.metadata = actor.joins.back().metadata;
  announce(actor, others);
}

void ScriptedHub::say(Actor& actor, const signaling::Message& message) {
  actor.runner.on_hub_text(now, actor.connection, signaling::write(message));
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
  from.runner.on_tun(now, from.pool.copy(packet));
  from.runner.flush(now);
}

// ---- Between them ----

bool ScriptedHub::deliver_datagram() {
  if (world.in_flight.empty()) return false;
  InFlight datagram = std::move(world.in_flight.front());
  world.in_flight.pop_front();
  if (!wire || (carries && !carries(datagram.from, datagram.data))) return true;
  for (const auto& actor : actors_) {
    for (const auto& [id, base] : actor->sockets) {
      const bool reachable = std::ranges::find(actor->addresses, base.address) != actor->addresses.end();
      if (actor.get() == asleep || !reachable || base != datagram.to) continue;
      actor->runner.on_datagram(now, {.path = {.local = id, .remote = datagram.from}, .data = datagram.data});
      actor->runner.flush(now);
      return true;
    }
  }
  return true;
}

bool ScriptedHub::forward_message() {
  for (const auto& actor : actors_) {
    if (!forward || !actor->runner.is_running() || actor->said.empty()) continue;
    const signaling::Message message = std::move(actor->said.front());
    actor->said.pop_front();
    const std::string to = std::visit(
        [](const auto& content) {
          if constexpr (requires { content.to; }) return content.to;
          return std::string();
        },
        message);
    for (const auto& target : actors_) {
      if (target.get() != asleep && target->name == to) say(*target, message);
    }
    return true;
  }
  return false;
}

void ScriptedHub::settle() {
  for (const auto& actor : actors_) actor->runner.flush(now);
  for (int i = 0; i < kMaxSteps; ++i) {
    if (deliver_datagram() || forward_message()) continue;
    Actor* due = nullptr;
    for (const auto& actor : actors_) {
      if (actor.get() != asleep && actor->runner.next_timeout() <= now) due = actor.get();
    }
    if (due == nullptr) return;
    due->runner.handle_timeout(now);
  }
  FAIL() << "the agents do not come to rest";
}

void ScriptedHub::run_for(Duration duration) {
  const Instant end = now + duration;
  for (int i = 0; i < kMaxSteps && !HasFatalFailure(); ++i) {
    settle();
    Instant next = end;
    for (const auto& actor : actors_) {
      if (actor.get() != asleep) next = std::min(next, actor->runner.next_timeout());
    }
    if (now >= end) return;
    now = std::max(now, next);
  }
  FAIL() << "too many steps";
}

}  // namespace bamgate::agent
