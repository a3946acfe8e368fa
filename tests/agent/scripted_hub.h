// Agents on one wire without latency, and a hub that says exactly what a test has it say.
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

#include "agent/agent.h"
#include "os/native_crypto.h"
#include "sctp/engine.h"
#include "support/seeded_random.h"

namespace bamgate::agent {

using namespace std::chrono_literals;

/// An agent, what it holds open, and everything that it asked for.
struct Actor {
  Actor(std::string actor_name, std::uint64_t seed) : name(std::move(actor_name)), random(seed) {}

  std::string name;
  bamgate::testing::SeededRandom random;
  os::NativeCrypto crypto;
  BufferPool pool;
  signaling::PeerInfo info;  // as the hub lists it
  std::unique_ptr<Agent> agent;

  std::vector<IpAddress> addresses{IpAddress::v4(192, 0, 2, 1)};  // of its machine: a socket on each
  std::map<SocketId, std::pair<AttemptId, Endpoint>> sockets;
  std::deque<signaling::Message> said;  // to the hub, but for joins
  std::vector<signaling::PeerInfo> joins;
  std::vector<std::vector<std::byte>> tun;
  std::vector<std::string> connects;  // access tokens
  std::vector<std::string> notices;
  std::vector<IpPrefix> routes;
  std::vector<config::Pin> pins;  // as they were stored last
  int stores = 0;                 // of pins
  std::optional<StopReason> stopped;
  int refreshes = 0;
  int attempts = 0;
  int pings = 0;
  int disconnects = 0;

  std::string state_of(const std::string& peer, Instant now) const;
  /// True when it told its user of something with these words.
  bool noticed(const std::string& words) const {
    return std::ranges::any_of(notices, [&](const std::string& text) { return text.contains(words); });
  }
  std::uint64_t counter(const std::string& which, Instant now) const { return agent->status(now).counters[which]; }
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
};

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
  Instant now = kStart;
  bool forward = true;  // the hub passes offers, answers and candidates on
  bool wire = true;     // datagrams arrive
  /// When set, a datagram for which it is false is lost.
  std::function<bool(const Endpoint& from, Bytes datagram)> carries;
  Actor* asleep = nullptr;
  std::size_t largest_datagram = 0;  // bytes of UDP payload that any of them has sent
  Actor* anna = nullptr;             // makes the offers
  Actor* bert = nullptr;

 private:
  struct InFlight {
    Endpoint from;
    Endpoint to;
    std::vector<std::byte> data;
  };
  void drain(Actor& actor);
  void run_effect(Actor& actor, Effect effect);
  void note_text(Actor& actor, const std::string& text);
  bool deliver_datagram();
  bool forward_message();

  bamgate::testing::SeededRandom random_{42};
  std::unique_ptr<sctp::EngineFactory> sctp_;
  std::vector<std::unique_ptr<Actor>> actors_;
  std::deque<InFlight> in_flight_;
  std::uint32_t next_socket_ = 1;
  std::uint16_t next_port_ = 5000;
};

}  // namespace bamgate::agent
