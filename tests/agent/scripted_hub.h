// Agents with their runners on one wire without latency, and a hub that says exactly what a test has it say.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/runner.h"
#include "os/native_crypto.h"
#include "sctp/engine.h"
#include "support/seeded_random.h"

namespace bamgate::agent {

using namespace std::chrono_literals;

struct InFlight {
  Endpoint from;
  Endpoint to;
  std::vector<std::byte> data;
};

/// What all actors of a test share.
struct World {
  Instant now;
  std::deque<InFlight> in_flight;
  std::uint16_t next_port = 5000;
  std::size_t largest_datagram = 0;  // bytes of UDP payload that any of them has sent
};

/// An agent with its runner, all ports of it, and everything that they were asked for.
struct Actor : Sockets, HubLink, TunPort, TokenStore, PinStore, Owner {
  Actor(std::string actor_name, std::uint64_t seed, World& its_world)
      : name(std::move(actor_name)), world(its_world), random(seed) {}
  Actor(const Actor&) = delete;
  Actor& operator=(const Actor&) = delete;
  ~Actor() override { runner.end(); }

  std::string name;
  World& world;
  bamgate::testing::SeededRandom random;
  os::NativeCrypto crypto;
  BufferPool pool;
  signaling::PeerInfo info;        // as the hub lists it
  std::unique_ptr<Agent> waiting;  // for start()

  std::vector<IpAddress> addresses{IpAddress::v4(192, 0, 2, 1)};  // of its machine: a socket on each
  std::map<SocketId, Endpoint> sockets;
  std::deque<signaling::Message> said;  // to the hub, but for joins
  std::vector<signaling::PeerInfo> joins;
  std::vector<std::vector<std::byte>> tun;
  std::vector<std::string> connects;  // access tokens
  HubGeneration connection{};         // the last of them
  std::optional<IpAddress> hub_from;  // as its machine knows it
  std::vector<std::string> notices;
  std::vector<IpPrefix> routes;
  std::vector<config::Pin> pins;  // as they were stored last
  int stores = 0;                 // of pins
  std::optional<StopReason> stopped;
  int refreshes = 0;
  int pings = 0;
  int disconnects = 0;
  Runner runner{{.sockets = *this, .hub = *this, .tun = *this, .tokens = *this, .pins = *this, .owner = *this}};

  /// Attempts of this run that were begun, and those that have not ended.
  int attempts() const { return runner.is_running() ? static_cast<int>(runner.agent().counters().agent.attempts) : 0; }
  int under_way() const { return runner.is_running() ? static_cast<int>(runner.agent().attempts_under_way()) : 0; }
  /// Its machine's addresses, each in a network of 24 bits.
  std::vector<IpPrefix> networks() const;
  void start() { runner.start(world.now, std::move(waiting), networks()); }
  void get_token(std::string token, std::chrono::seconds lifetime) {
    runner.on_access_token(world.now, runner.run(), std::move(token), lifetime);
  }
  void get_no_token(const signaling::HubFault& fault) { runner.on_token_failed(world.now, runner.run(), fault); }
  /// Its WebSocket opens, cannot be opened, ends.
  void hub_opens() { runner.on_hub_open(world.now, connection); }
  void hub_refuses(const signaling::HubFault& fault) { runner.on_hub_connect_failed(world.now, connection, fault); }
  void hub_closes(std::uint16_t code) { runner.on_hub_closed(world.now, connection, code); }
  /// Its user trusts that peer's new key. Needs a running agent.
  TrustAnswer trust(const std::string& peer) { return runner.trust(world.now, peer).value(); }

  std::string state_of(const std::string& peer, Instant now) const;
  /// True when it told its user of something with these words.
  bool noticed(const std::string& words) const {
    return std::ranges::any_of(notices, [&](const std::string& text) { return text.contains(words); });
  }
  std::uint64_t counter(const std::string& which, Instant now) const { return runner.status(now).counters[which]; }
  template <typename T>
  auto count() const {
    return std::ranges::count_if(said, [](const auto& message) { return std::holds_alternative<T>(message); });
  }
  /// The first message of type T that was said, taken out; nullopt when there is none.
  template <typename T>
  std::optional<T> take() {
    for (auto entry = said.begin(); entry != said.end(); ++entry) {
      if (!std::holds_alternative<T>(*entry)) continue;
      T message = std::get<T>(std::move(*entry));
      said.erase(entry);
      return message;
    }
    return std::nullopt;
  }

 private:
  class ActorSocket;

  std::unique_ptr<Socket> open_socket(SocketId socket, const IpAddress& address) override;
  void connect_hub(HubGeneration generation, std::string access_token) override;
  bool send_to_hub(std::string text) override;
  void ping_hub() override;
  std::optional<IpAddress> hub_address() const override { return hub_from; }
  void disconnect_hub(std::uint16_t code) override;
  bool write_tun(Bytes packet) override;
  void set_routes(std::vector<IpPrefix> now_routed) override;
  void refresh_access_token(RunId run) override;
  void store_pins(std::vector<config::Pin> now_known) override;
  void notice(Notice said_notice) override;
  void gave_up(StopReason reason) override;
};

/// The candidates of a description, as messages would bring them, taken out of it.
std::vector<std::string> take_candidates(std::string& sdp);

class ScriptedHub : public ::testing::Test {
 protected:
  ScriptedHub();
  ~ScriptedHub() override;

  /// A device with a key that `key_seed` decides. Its clock is `ahead` of the true time.
  Actor& make(const std::string& name, const std::string& address, std::uint64_t key_seed,
              std::map<std::string, std::vector<IpPrefix>> accepted = {}, std::chrono::seconds ahead = {},
              std::vector<config::Pin> pins = {});
  /// Takes an agent down without a word.
  void kill(Actor& actor);
  /// Time passes, but not for this agent: its machine sleeps.
  void sleep(Actor& actor, Duration duration);
  /// Gives it a token, opens its WebSocket and sends the first list.
  void bring_online(Actor& actor, const std::vector<signaling::PeerInfo>& others);
  /// Its machine has these addresses now, each in a network of 24 bits; sockets on others lead nowhere.
  void move(Actor& actor, std::vector<IpAddress> addresses);
  /// The hub takes its new connection: its token is at hand.
  void rejoin(Actor& actor, const std::vector<signaling::PeerInfo>& others);
  /// One text from the hub.
  void say(Actor& actor, const signaling::Message& message);
  /// "peers" with these entries, as after somebody's join.
  void announce(Actor& actor, const std::vector<signaling::PeerInfo>& peers,
                const std::vector<signaling::PeerRevoked>& revoked = {});
  /// anna and bert online and connected; the hub forwards.
  void connect_anna_and_bert();
  /// A UDP packet within the tunnel, of `size` bytes altogether.
  void send_packet(Actor& from, const std::string& destination, std::size_t size = kSmallestPacket);

  /// Carries datagrams and, when `forward` is set, messages between agents until all are silent.
  void settle();
  void run_for(Duration duration);

  static constexpr std::size_t kSmallestPacket = 28;  // the headers of IPv4 and UDP
  static constexpr Instant kStart = Instant(1h);
  static constexpr std::int64_t kStartUnix = 1'800'000'000;
  World world{.now = kStart, .in_flight = {}};
  Instant& now = world.now;
  std::size_t& largest_datagram = world.largest_datagram;
  bool forward = true;  // the hub passes offers, answers and candidates on
  bool wire = true;     // datagrams arrive
  /// When set, a datagram for which it is false is lost.
  std::function<bool(const Endpoint& from, Bytes datagram)> carries;
  Actor* asleep = nullptr;
  Actor* anna = nullptr;  // makes the offers
  Actor* bert = nullptr;

 private:
  bool deliver_datagram();
  bool forward_message();

  bamgate::testing::SeededRandom random_{42};
  std::unique_ptr<sctp::EngineFactory> sctp_;
  std::vector<std::unique_ptr<Actor>> actors_;
};

}  // namespace bamgate::agent
