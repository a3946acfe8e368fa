// WireGuard: a whole handshake of both sides, transport messages of three sizes, and allowed IPs with 1,000 routes.
#include <array>
#include <memory>
#include <string>
#include <vector>

#include "wg/allowed_ips.h"
#include "wg/pair.h"
#include "workload.h"

namespace bamgate::bench {
namespace {

using wg::testing::Pair;
using namespace std::chrono_literals;

constexpr std::size_t kBatch = 256;

struct Handshakes {
  Pair pair;
  std::array<std::byte, 256> buffer{};

  void run() {
    pair.now += 6s;  // REKEY_TIMEOUT is 5 s
    pair.a.handle_timeout(pair.now);
    pair.b.handle_timeout(pair.now);
    pair.a.initiate(pair.now);
    const std::uint64_t before = pair.a.handshakes() + pair.b.handshakes();
    while (carry(pair.a, pair.b) || carry(pair.b, pair.a)) {
    }
    require(pair.a.handshakes() + pair.b.handshakes() == before + 2, "the handshake completes on both sides");
  }
  bool carry(wg::Tunnel& from, wg::Tunnel& to) {
    const auto transmit = from.poll_transmit(pair.now, buffer);
    while (from.poll_event()) {
    }
    if (!transmit) return false;
    const Received received{.path = {}, .data = MutableBytes(buffer).first(transmit->size)};
    require(to.handle_input(pair.now, received).has_value(), "a handshake message is taken");
    while (to.poll_event()) {
    }
    return true;
  }
};

struct Messages {
  explicit Messages(std::size_t bytes) : packet(wg::testing::ipv4_packet(bytes)) { pair.connect(); }

  PacketBuffer seal() {
    PacketBuffer message = pool.copy(packet);
    require(pair.a.seal(pair.now, message).has_value(), "a packet is sealed");
    return message;
  }
  void seal_batch() {
    sealed.clear();
    next = 0;
    for (std::size_t i = 0; i < kBatch; ++i) sealed.push_back(seal());
  }
  void open_next() { require(pair.b.open(pair.now, sealed[next++]).has_value(), "a message is opened"); }

  wg::testing::Message packet;
  Pair pair;
  BufferPool pool;
  std::vector<PacketBuffer> sealed;
  std::size_t next = 0;
};

/// Half of the routes are single addresses, half are networks; all of them are different.
struct Routes {
  explicit Routes(Family family) {
    testing::SeededRandom random(1);
    for (std::uint32_t i = 0; i < 1000; ++i) {
      const bool single = i % 2 == 0;
      const std::uint32_t host = random.below(256);
      const std::uint32_t net = single ? i : i + 10'000;
      if (family == Family::kV4) {
        const IpAddress address = IpAddress::v4(0x0a000000U + (net << 8) + host);
        table.insert({address, static_cast<std::uint8_t>(single ? 32 : 24)}, i);
        addresses.push_back(address);
      } else {
        std::array<std::byte, 16> bytes{std::byte{0xfd}};
        bytes[6] = static_cast<std::byte>(net >> 8);
        bytes[7] = static_cast<std::byte>(net);
        bytes[15] = static_cast<std::byte>(host);
        const IpAddress address = IpAddress::from_bytes(bytes);
        table.insert({address, static_cast<std::uint8_t>(single ? 128 : 64)}, i);
        addresses.push_back(address);
      }
    }
  }

  void look_up() {
    next = (next + 389) % addresses.size();
    require(table.lookup(addresses[next]) == next, "a route is found");
  }

  wg::AllowedIps<std::uint32_t> table;
  std::vector<IpAddress> addresses;
  std::size_t next = 0;
};

}  // namespace

void add_wg(Workloads& all) {
  all.push_back({"wg/handshake", 0,
                 [] { return Instance{.run = [handshakes = std::make_shared<Handshakes>()] { handshakes->run(); }}; }});
  for (const std::size_t bytes : {64U, 512U, 1280U}) {
    const std::string size = std::to_string(bytes);
    all.push_back({"wg/seal/" + size, bytes, [bytes] {
                     return Instance{.run = [messages = std::make_shared<Messages>(bytes)] { (void)messages->seal(); }};
                   }});
    all.push_back({"wg/open/" + size, bytes, [bytes] {
                     const auto messages = std::make_shared<Messages>(bytes);
                     return Instance{.run = [messages] { messages->open_next(); },
                                     .prepare = [messages] { messages->seal_batch(); },
                                     .batch = kBatch};
                   }});
  }
  for (const Family family : {Family::kV4, Family::kV6}) {
    all.push_back({std::string("wg/allowed_ips/") + (family == Family::kV4 ? "v4" : "v6"), 0, [family] {
                     return Instance{.run = [routes = std::make_shared<Routes>(family)] { routes->look_up(); }};
                   }});
  }
}

}  // namespace bamgate::bench
