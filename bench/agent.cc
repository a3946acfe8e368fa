// The whole packet path of both agents but for sockets and TUN: an IP packet goes in at one, comes out at the other,
// and its share of acknowledgements goes back. The two are connected in the simulated world; then datagrams are carried
// from one to the other without it. The same again where the sender knows a thousand devices and is connected with
// five: those that are silent cost nothing.
#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/buffer_pool.h"
#include "list_texts.h"
#include "signaling/message.h"
#include "sim/world.h"
#include "support/seeded_random.h"
#include "workload.h"

namespace bamgate::bench {
namespace {

using namespace std::chrono_literals;

struct End {
  agent::Agent& agent;
  sim::Datagram packet;  // to the other one
  Path path = {};        // how it sends, and so how the other's datagrams arrive
  int written = 0;       // packets that came out
};

sim::Datagram packet_between(const sim::Device& from, const sim::Device& to, std::size_t size) {
  constexpr std::size_t kHeaders = 28;
  return sim::write_packet({.kind = sim::InnerPacket::Kind::kUdp,
                            .source = {from.address(), 5001},
                            .destination = {to.address(), 5001},
                            .payload = sim::Datagram(size - kHeaders, std::byte{0x5a})});
}

// Devices that are listed and never come: their names sort first, so their offers are awaited.
std::vector<signaling::PeerInfo> listed(std::size_t count) {
  std::vector<signaling::PeerInfo> peers;
  for (std::size_t i = 0; i < count; ++i) {
    testing::SeededRandom random(1000 + i);
    signaling::PeerInfo info;
    info.peer_id = "a" + std::to_string(i);
    info.public_key = wg::PrivateKey::generate(random).public_key().to_string();
    info.address = "10.100." + std::to_string(100 + i / 250) + "." + std::to_string(1 + i % 250) + "/16";
    peers.push_back(std::move(info));
  }
  return peers;
}

struct Pair {
  /// `connected`: so many others are connected with alpha; `known`: of so many it knows.
  Pair(std::size_t bytes, std::size_t connected, std::size_t known) {
    sim::Device& alpha = world.add_device("alpha", world.network.internet(), {"198.51.100.1"});
    sim::Device& beta = world.add_device("beta", world.network.internet(), {"198.51.100.2"});
    for (std::size_t i = 1; i < connected; ++i) {
      world.add_device("other" + std::to_string(i), world.network.internet(), {"198.51.100." + std::to_string(2 + i)});
    }
    require(world.start_all(60s), "all agents connect");
    world.run_for(1s);
    now = world.agenda.now();
    for (const std::string& text : list_texts(listed(known - connected))) alpha.agent().on_hub_text(now, text);
    require(alpha.agent().status(now).peers.size() == known, "alpha knows them all");
    a.emplace(alpha.agent(), packet_between(alpha, beta, bytes));
    b.emplace(beta.agent(), packet_between(beta, alpha, bytes));
    learn_path(*a);
    learn_path(*b);
  }

  // One datagram of each tells, and is lost.
  void learn_path(End& end) {
    end.agent.handle_tun(now, pool.copy(end.packet));
    while (const auto transmit = end.agent.poll_transmit(now, buffer)) end.path = transmit->path;
  }

  void send() {
    now += 10us;
    for (End* end : {&*a, &*b}) {
      if (end->agent.next_timeout() <= now) end->agent.handle_timeout(now);
    }
    a->agent.handle_tun(now, pool.copy(a->packet));
    carry(*a, *b);
    carry(*b, *a);
    require(b->written == 1, "the packet comes out");
    b->written = 0;
  }
  void carry(End& from, End& to) {
    while (const auto transmit = from.agent.poll_transmit(now, buffer)) {
      to.agent.handle_datagram(now, {.path = to.path, .data = MutableBytes(buffer).first(transmit->size)});
    }
    while (const auto effect = to.agent.poll_effect()) {
      if (std::holds_alternative<agent::WriteTun>(*effect)) ++to.written;
    }
  }

  sim::World world{1};
  BufferPool pool;
  std::optional<End> a;
  std::optional<End> b;
  Instant now;
  std::array<std::byte, kBlockSize> buffer{};
};

}  // namespace

void add_agent(Workloads& all) {
  const auto add = [&](const std::string& name, std::size_t bytes, std::size_t connected, std::size_t known) {
    all.push_back({name, bytes, [=] {
                     return Instance{.run = [pair = std::make_shared<Pair>(bytes, connected, known)] { pair->send(); }};
                   }});
  };
  add("agent/packet/64", 64, 1, 1);
  add("agent/packet/1280", 1280, 1, 1);
  add("agent/packet/1280/two", 1280, 2, 2);
  add("agent/packet/1280/crowd", 1280, 5, 1000);
}

}  // namespace bamgate::bench
