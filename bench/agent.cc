// The whole packet path of both agents but for sockets and TUN: an IP packet goes in at one, comes out at the other,
// and its share of acknowledgements goes back. The two are connected in the simulated world; then datagrams are carried
// from one to the other without it.
#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string>

#include "core/buffer_pool.h"
#include "sim/world.h"
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

struct Pair {
  explicit Pair(std::size_t bytes) {
    sim::Device& alpha = world.add_device("alpha", world.network.internet(), {"198.51.100.1"});
    sim::Device& beta = world.add_device("beta", world.network.internet(), {"198.51.100.2"});
    require(world.start_all(60s), "both agents connect");
    world.run_for(1s);
    now = world.agenda.now();
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
  for (const std::size_t bytes : {64U, 1280U}) {
    all.push_back({"agent/packet/" + std::to_string(bytes), bytes,
                   [bytes] { return Instance{.run = [pair = std::make_shared<Pair>(bytes)] { pair->send(); }}; }});
  }
}

}  // namespace bamgate::bench
