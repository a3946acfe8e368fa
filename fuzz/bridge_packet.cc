// IP packets at the bridge, by commands: from the TUN, from a peer (honest, or with any source address), raw bytes from
// a peer, new allowed IPs, peers that come and go.
// Oracle: a packet goes to the peer with the longest prefix, and none comes out whose source is not its peer's.
#include "bridge/bridge.h"

#include <array>
#include <chrono>
#include <utility>

#include "core/buffer_pool.h"
#include "support/decoder.h"
#include "support/require.h"
#include "support/seeded_random.h"
#include "wg/ip_packet.h"

namespace {

using namespace bamgate;
using bridge::PeerIndex;
using fuzz::require;
using std::chrono::milliseconds;

constexpr std::size_t kPeers = 3;

const std::vector<wg::PrivateKey>& keys() {
  static const std::vector<wg::PrivateKey> made = [] {
    testing::SeededRandom random(1);
    std::vector<wg::PrivateKey> all;
    for (std::size_t i = 0; i <= kPeers; ++i) all.push_back(wg::PrivateKey::generate(random));
    return all;
  }();
  return made;
}

wg::Tunnel make_tunnel(std::size_t local, std::size_t remote, Random& random, Instant now) {
  return wg::Tunnel::create(
             {.local = keys()[local], .remote = keys()[remote].public_key(), .clock = {UnixTime{1'700'000'000}, now}},
             random)
      .value();
}

/// Our tunnel to one peer, and that peer's to us. The handshake is done when `session` was asked for.
struct Peer {
  Peer(std::size_t number, bool session, Random& random, Instant now)
      : ours(make_tunnel(0, number, random, now)), theirs(make_tunnel(number, 0, random, now)) {
    if (session) shake_hands(now);
  }

  void shake_hands(Instant now) {
    ours.initiate(now);
    for (int round = 0; round < 3; ++round) {
      carry(ours, theirs, now);
      carry(theirs, ours, now);
    }
  }
  static void carry(wg::Tunnel& from, wg::Tunnel& to, Instant now) {
    std::array<std::byte, 256> buffer{};
    while (const auto transmit = from.poll_transmit(now, buffer)) {
      (void)to.handle_input(now, Received{.path = {}, .data = MutableBytes(buffer).first(transmit->size)});
    }
    while (from.poll_event()) {
    }
  }

  wg::Tunnel ours;
  wg::Tunnel theirs;
  std::vector<IpPrefix> allowed;
  bool present = true;
};

class World {
 public:
  World(fuzz::Decoder& input) : input_(input) {
    peers_.reserve(kPeers);
    for (std::size_t i = 0; i < kPeers; ++i) {
      peers_.emplace_back(i + 1, i != 2, random_, now_);
      bridge_.add_peer(index(i), peers_[i].ours);
      allow(i, {IpPrefix{IpAddress::v4(10, 100, 0, static_cast<std::uint8_t>(i + 1)), 32}});
    }
  }

  void run() {
    for (int steps = 0; !input_.at_end() && steps < 200; ++steps) {
      step();
      for (std::size_t peer = 0; peer < kPeers; ++peer) {
        while (auto outbound = bridge_.poll_held(now_, index(peer))) check(*outbound);
      }
      require(bridge_.held() <= bridge::kMaxHeld * kPeers, "what waits is bounded");
    }
  }

 private:
  static PeerIndex index(std::size_t peer) { return static_cast<PeerIndex>(peer); }

  void step() {
    const std::size_t peer = input_.below(kPeers);
    switch (input_.below(8)) {
      case 0:
      case 1:
        return from_tun(packet());
      case 2:
      case 3:
        return from_peer(peer, sealed(peer));
      case 4:
        return from_peer(peer, pool_.copy(input_.bytes()));
      case 5:
        if (peers_[peer].present) allow(peer, prefixes());
        return;
      case 6:
        now_ += milliseconds(input_.u16());
        peers_[peer].ours.handle_timeout(now_);
        peers_[peer].theirs.handle_timeout(now_);
        return;
      case 7:
        return input_.flag() ? peers_[peer].shake_hands(now_) : come_or_go(peer);
    }
  }

  void come_or_go(std::size_t peer) {
    if (std::exchange(peers_[peer].present, !peers_[peer].present)) {
      bridge_.remove_peer(index(peer));
      peers_[peer].allowed.clear();
    } else {
      bridge_.add_peer(index(peer), peers_[peer].ours);
      allow(peer, prefixes());
    }
  }

  /// Raw bytes, half of the time as a packet with right lengths between addresses that matter.
  std::vector<std::byte> packet() {
    const unsigned form = static_cast<unsigned>(input_.below(3));
    const unsigned ends = input_.u8();
    std::vector<std::byte> bytes = input_.copy();
    if (form == 0) return bytes;
    bytes.resize(std::max<std::size_t>(bytes.size(), form == 1 ? 20 : 40));
    const std::size_t extra = bytes.size() - 40;
    if (form == 1) {
      bytes[0] = std::byte{0x45};
      bytes[2] = static_cast<std::byte>(bytes.size() >> 8);
      bytes[3] = static_cast<std::byte>(bytes.size());
      put(bytes, 12, {10, 100, 0, static_cast<std::uint8_t>(ends >> 4)});
      put(bytes, 16, {10, 100, 0, static_cast<std::uint8_t>(ends & 15)});
    } else {
      bytes[0] = std::byte{0x60};
      bytes[4] = static_cast<std::byte>(extra >> 8);
      bytes[5] = static_cast<std::byte>(extra);
    }
    return bytes;
  }
  static void put(std::vector<std::byte>& bytes, std::size_t at, std::initializer_list<std::uint8_t> values) {
    for (const std::uint8_t value : values) bytes[at++] = std::byte{value};
  }

  std::vector<IpPrefix> prefixes() {
    std::vector<IpPrefix> all;
    for (std::size_t count = input_.below(4); count > 0; --count) {
      const auto host = static_cast<std::uint8_t>(input_.below(16));
      if (input_.flag()) {
        all.push_back({IpAddress::v4(10, 100, 0, host), static_cast<std::uint8_t>(input_.below(33))});
      } else {
        all.push_back({IpAddress::from_bytes(std::array<std::byte, 16>{std::byte{host}}),
                       static_cast<std::uint8_t>(input_.below(129))});
      }
    }
    return all;
  }

  void allow(std::size_t peer, std::vector<IpPrefix> wanted) {
    const auto refused = bridge_.set_allowed_ips(index(peer), wanted);
    for (IpPrefix& prefix : wanted) prefix = prefix.network();
    for (const IpPrefix& prefix : refused) std::erase(wanted, prefix.network());
    peers_[peer].allowed = std::move(wanted);
  }

  /// The longest prefix's peer, by looking at all.
  std::optional<std::size_t> owner(const IpAddress& address) const {
    std::optional<std::size_t> best;
    int longest = -1;
    for (std::size_t peer = 0; peer < kPeers; ++peer) {
      for (const IpPrefix& prefix : peers_[peer].allowed) {
        if (!prefix.contains(address) || prefix.length <= longest) continue;
        longest = prefix.length;
        best = peer;
      }
    }
    return best;
  }

  void from_tun(const std::vector<std::byte>& bytes) {
    const auto parsed = wg::parse_ip_packet(bytes);
    const auto outbound = bridge_.from_tun(now_, pool_.copy(bytes));
    if (!parsed) return require(!outbound, "what is no packet goes nowhere");
    const auto to = owner(parsed->destination);
    if (!to) return require(!outbound, "a packet for nobody goes nowhere");
    if (outbound) require(outbound->peer == index(*to), "a packet goes to the longest prefix");
  }

  PacketBuffer sealed(std::size_t peer) {
    PacketBuffer buffer = pool_.copy(packet());
    if (!peers_[peer].theirs.seal(now_, buffer)) return pool_.take();
    return buffer;
  }

  void from_peer(std::size_t peer, PacketBuffer message) {
    const auto opened = bridge_.from_peer(now_, index(peer), std::move(message));
    if (!opened || !*opened) return;
    const auto parsed = wg::parse_ip_packet((*opened)->data());
    require(parsed.has_value(), "what reaches the TUN is a packet");
    require(owner(parsed->source) == peer, "what reaches the TUN comes from its peer's address");
  }

  void check(const bridge::Outbound& outbound) const {
    require(static_cast<std::size_t>(outbound.peer) < kPeers, "a held packet has a peer");
    require(wg::message_type(outbound.message.data()) == wg::MessageType::kData, "a held packet leaves sealed");
  }

  fuzz::Decoder& input_;
  testing::SeededRandom random_{1};
  BufferPool pool_;
  Instant now_{std::chrono::seconds(1000)};
  std::vector<Peer> peers_;
  bridge::Bridge bridge_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::Decoder input(fuzz::input_of(data, size));
  World(input).run();
  return 0;
}
