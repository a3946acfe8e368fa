// The bridge: a packet from the TUN becomes a WireGuard message, and a message becomes a packet for the TUN.
// WireGuard's sealing and opening are part of it; wg/seal and wg/open say how much.
#include <array>
#include <memory>
#include <string>
#include <vector>

#include "bridge/bridge.h"
#include "wg/pair.h"
#include "workload.h"

namespace bamgate::bench {
namespace {

constexpr std::size_t kBatch = 256;
constexpr bridge::PeerIndex kPeer{1};

struct Ends {
  explicit Ends(std::size_t bytes) : packet(wg::testing::ipv4_packet(bytes)) {
    const std::array from{std::byte{10}, std::byte{100}, std::byte{0}, std::byte{1}};
    const std::array to{std::byte{10}, std::byte{100}, std::byte{0}, std::byte{2}};
    copy_bytes(from, MutableBytes(packet).subspan(12));
    copy_bytes(to, MutableBytes(packet).subspan(16));
    tunnels.connect();
    a.add_peer(kPeer, tunnels.a);
    b.add_peer(kPeer, tunnels.b);
    a.set_allowed_ips(kPeer, std::array{*IpPrefix::parse("10.100.0.2/32")});
    b.set_allowed_ips(kPeer, std::array{*IpPrefix::parse("10.100.0.1/32")});
  }

  PacketBuffer out() {
    auto outbound = a.from_tun(tunnels.now, pool.copy(packet));
    require(outbound && !outbound->message.empty(), "a packet is sealed");
    return std::move(outbound->message);
  }
  void out_batch() {
    sealed.clear();
    next = 0;
    for (std::size_t i = 0; i < kBatch; ++i) sealed.push_back(out());
  }
  void in_next() {
    const auto opened = b.from_peer(tunnels.now, kPeer, std::move(sealed[next++]));
    require(opened && *opened, "a message is let through");
  }

  wg::testing::Message packet;
  wg::testing::Pair tunnels;
  BufferPool pool;
  bridge::Bridge a;
  bridge::Bridge b;
  std::vector<PacketBuffer> sealed;
  std::size_t next = 0;
};

}  // namespace

void add_bridge(Workloads& all) {
  for (const std::size_t bytes : {64U, 1280U}) {
    const std::string size = std::to_string(bytes);
    all.push_back({"bridge/from_tun/" + size, bytes,
                   [bytes] { return Instance{.run = [ends = std::make_shared<Ends>(bytes)] { (void)ends->out(); }}; }});
    all.push_back({"bridge/from_peer/" + size, bytes, [bytes] {
                     const auto ends = std::make_shared<Ends>(bytes);
                     return Instance{
                         .run = [ends] { ends->in_next(); }, .prepare = [ends] { ends->out_batch(); }, .batch = kBatch};
                   }});
  }
}

}  // namespace bamgate::bench
