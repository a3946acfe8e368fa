// One agent in a large room, and a hub that is played: what the list messages cost that name each of many members, as
// when one more joins, and as when the hub has restarted and all come back one after the other. Half of the members
// offer and are awaited, to the others the agent offers; none answers. And what is kept in memory for a peer.
#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "agent/agent.h"
#include "list_texts.h"
#include "os/native_crypto.h"
#include "sctp/engine.h"
#include "signaling/message.h"
#include "sim/world.h"
#include "support/seeded_random.h"
#include "workload.h"

namespace bamgate::bench {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kMembers = 990;
constexpr std::int64_t kStartUnix = 1'800'000'000;

// A key of its own, an address of its own; every other name sorts before "member".
signaling::PeerInfo member(std::size_t number) {
  testing::SeededRandom random(number);
  signaling::PeerInfo info;
  info.peer_id = (number % 2 == 0 ? "a" : "z") + std::to_string(number);
  info.public_key = wg::PrivateKey::generate(random).public_key().to_string();
  info.address = "10.100." + std::to_string(1 + number / 250) + "." + std::to_string(1 + number % 250) + "/16";
  return info;
}

class Room {
 public:
  Room() {
    const UnixTime clock{kStartUnix};
    agent::Agent::Options options{.name = "member",
                                  .private_key = wg::PrivateKey::generate(random_),
                                  .address = *IpPrefix::parse("10.100.0.1/16"),
                                  .address6 = std::nullopt,
                                  .routes = {},
                                  .accepted_routes = {},
                                  .stun_servers = {},
                                  .certificate = dtls::Certificate::generate(random_, clock).value(),
                                  .clock = {.unix = clock, .at = now_}};
    agent_ = std::make_unique<agent::Agent>(std::move(options), random_, crypto_, pool_, *sctp_);
    agent_->network_changed(now_, {*IpPrefix::parse("192.0.2.1/24")});
    agent_->start(now_);
    drain();
    require(connects_ == 1, "the agent connects to the hub");
    agent_->on_hub_open(now_);
    drain();
    say({});
    while (members_.size() < kMembers) join();
    require(agent_->status(now_).peers.size() == kMembers, "the agent knows all members");
  }

  /// One more member joins.
  void join() {
    members_.push_back(member(members_.size()));
    say({members_.back()});
  }

  /// One more is listed that offers, and so is known and not connected.
  void learn() {
    members_.push_back(member(2 * members_.size()));
    say({members_.back()});
  }

  /// The hub is gone and comes back: it lists all, and then each member as it joins again.
  void restart() {
    agent_->on_hub_closed(now_, 1006);
    drain();
    for (const int before = connects_; connects_ == before;) {
      now_ = agent_->next_timeout();
      agent_->handle_timeout(now_);
      drain();
    }
    agent_->on_hub_open(now_);
    drain();
    say(members_);
    for (const signaling::PeerInfo& one : members_) say({one});
  }

 private:
  void say(const std::vector<signaling::PeerInfo>& peers) {
    now_ += 1ms;
    for (const std::string& text : list_texts(peers)) agent_->on_hub_text(now_, text);
    drain();
  }
  // The host: it has sockets and a token, and nobody is at the other end of the network.
  void drain() {
    do {
      while (agent_->poll_transmit(now_, buffer_)) {
      }
    } while (run_effect());
  }
  bool run_effect() {
    const auto effect = agent_->poll_effect();
    if (!effect) return false;
    if (const auto* open = std::get_if<agent::OpenSocket>(&*effect)) {
      agent_->on_socket(now_, open->socket, {open->address, 5000});
    } else if (std::holds_alternative<agent::RefreshAccessToken>(*effect)) {
      agent_->on_access_token(now_, "token", 3600s);
    } else if (std::holds_alternative<agent::ConnectHub>(*effect)) {
      ++connects_;
    }
    return true;
  }

  testing::SeededRandom random_{1};
  os::NativeCrypto crypto_;
  BufferPool pool_;
  std::unique_ptr<sctp::EngineFactory> sctp_ = std::move(*sctp::make_engine_factory(random_));
  std::unique_ptr<agent::Agent> agent_;
  Instant now_ = Instant(1h);
  std::vector<signaling::PeerInfo> members_;
  std::array<std::byte, kBlockSize> buffer_{};
  int connects_ = 0;
};

/// Two devices that know each other. In each run their cables come back and they are connected again, both ends in this
/// process; then nothing is said for a minute.
class Reunion {
 public:
  Reunion() {
    world_.add_device("alpha", world_.network.internet(), {"198.51.100.1"});
    world_.add_device("beta", world_.network.internet(), {"198.51.100.2"});
    require(world_.start_all(60s), "both agents connect");
  }
  void part() {
    for (const auto& device : world_.devices()) device->host().cut = true;
    const auto apart = [&] {
      return std::ranges::all_of(world_.devices(),
                                 [](const auto& device) { return device->agent().attempts_under_way() == 0; });
    };
    require(world_.run_until(apart, 10min), "both agents wait for their next attempt");
  }
  void meet() {
    for (const auto& device : world_.devices()) device->host().cut = false;
    require(world_.run_until([&] { return world_.all_connected(); }, 10min), "both agents connect again");
    world_.run_for(60s);
    for (const auto& device : world_.devices()) device->forget_the_past();
  }

 private:
  sim::World world_{1};
};

}  // namespace

void add_room(Workloads& all) {
  const auto add = [&](const std::string& name, void (Room::*what)()) {
    all.push_back(
        {name, 0, [what] { return Instance{.run = [=, room = std::make_shared<Room>()] { (*room.*what)(); }}; }});
  };
  add("agent/room/join", &Room::join);
  add("agent/room/restart", &Room::restart);
  add("agent/memory/known", &Room::learn);
  all.push_back({"agent/memory/connected", 0, [] {
                   const auto two = std::make_shared<Reunion>();
                   return Instance{.run = [two] { two->meet(); }, .prepare = [two] { two->part(); }, .batch = 1};
                 }});
}

}  // namespace bamgate::bench
