// Two bridges with a tunnel each (and a third peer that only owns addresses): packets from TUN to TUN in virtual time.
#include "bridge/bridge.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/buffer_pool.h"
#include "support/seeded_random.h"
#include "wg/ip_packet.h"

namespace bamgate::bridge {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr PeerIndex kPeer{7};
constexpr PeerIndex kThird{9};

std::vector<std::byte> packet(std::string_view source, std::string_view destination, std::size_t payload = 20,
                              std::uint8_t mark = 0) {
  const IpAddress from = IpAddress::parse(source).value();
  const IpAddress to = IpAddress::parse(destination).value();
  const std::size_t header = from.is_v4() ? 20 : 40;
  std::vector<std::byte> bytes(header + payload, std::byte{mark});
  bytes[0] = std::byte{from.is_v4() ? std::uint8_t{0x45} : std::uint8_t{0x60}};
  const std::size_t length = from.is_v4() ? bytes.size() : payload;
  const std::size_t at = from.is_v4() ? 2 : 4;
  bytes[at] = static_cast<std::byte>(length >> 8);
  bytes[at + 1] = static_cast<std::byte>(length & 0xff);
  copy_bytes(from.bytes(), MutableBytes(bytes).subspan(from.is_v4() ? 12 : 8));
  copy_bytes(to.bytes(), MutableBytes(bytes).subspan(from.is_v4() ? 16 : 24));
  return bytes;
}

std::vector<IpPrefix> prefixes(std::initializer_list<std::string_view> texts) {
  std::vector<IpPrefix> list;
  for (const std::string_view text : texts) list.push_back(IpPrefix::parse(text).value());
  return list;
}

/// Two devices, 10.100.0.1 and 10.100.0.2, each with a bridge that knows the other as kPeer.
class WgBridge : public ::testing::Test {
 protected:
  struct Device {
    explicit Device(wg::Tunnel owned) : tunnel(std::move(owned)) { bridge.add_peer(kPeer, tunnel); }
    wg::Tunnel tunnel;
    Bridge bridge;
    std::vector<std::vector<std::byte>> tun;  // packets that came out
  };

  WgBridge() : a_(make(key_a_, key_b_)), b_(make(key_b_, key_a_)) {
    EXPECT_TRUE(a_.bridge.set_allowed_ips(kPeer, prefixes({"10.100.0.2/32", "fd00::2/128"})).empty());
    EXPECT_TRUE(b_.bridge.set_allowed_ips(kPeer, prefixes({"10.100.0.1/32", "fd00::1/128"})).empty());
  }

  wg::Tunnel make(const wg::PrivateKey& local, const wg::PrivateKey& remote) {
    return std::move(
        wg::Tunnel::create({.local = local, .remote = remote.public_key(), .clock = {UnixTime{1'700'000'000}, now_}},
                           random_)
            .value());
  }

  /// Reads a packet from the TUN of `from` and carries what it causes back and forth until nothing is left.
  void send(Device& from, const std::vector<std::byte>& bytes) {
    auto sealed = from.bridge.from_tun(now_, pool_.copy(bytes));
    ASSERT_TRUE(sealed);
    if (!sealed->message.empty()) carry(from, std::move(sealed->message));
    settle();
  }
  void settle() {
    for (int i = 0; i < 8; ++i) {
      for (Device* device : {&a_, &b_}) {
        std::array<std::byte, 256> buffer{};
        while (const auto transmit = device->tunnel.poll_transmit(now_, buffer)) {
          carry(*device, pool_.copy(Bytes(buffer).first(transmit->size)));
        }
        while (auto held = device->bridge.poll_held(now_, kPeer)) {
          EXPECT_EQ(held->peer, kPeer);
          carry(*device, std::move(held->message));
        }
      }
    }
  }
  void carry(Device& from, PacketBuffer message) {
    if (cut_) return;
    Device& to = &from == &a_ ? b_ : a_;
    auto opened = to.bridge.from_peer(now_, kPeer, std::move(message));
    if (opened && *opened) to.tun.emplace_back((*opened)->data().begin(), (*opened)->data().end());
  }

  bamgate::testing::SeededRandom random_{4};
  BufferPool pool_;
  Instant now_{seconds(50)};
  bool cut_ = false;
  wg::PrivateKey key_a_ = wg::PrivateKey::generate(random_);
  wg::PrivateKey key_b_ = wg::PrivateKey::generate(random_);
  Device a_;
  Device b_;
};

TEST_F(WgBridge, FirstPacketWaitsForTheHandshakeAndArrives) {
  const auto ping = packet("10.100.0.1", "10.100.0.2");
  const auto pong = packet("10.100.0.2", "10.100.0.1");
  send(a_, ping);
  send(b_, pong);
  ASSERT_EQ(b_.tun.size(), 1U);
  EXPECT_EQ(b_.tun[0], ping);
  ASSERT_EQ(a_.tun.size(), 1U);
  EXPECT_EQ(a_.tun[0], pong);
  EXPECT_EQ(a_.bridge.counters().held, 1U);
  EXPECT_EQ(b_.bridge.counters().held, 0U);
  EXPECT_EQ(a_.bridge.held(), 0U);
}

TEST_F(WgBridge, V6PacketsAndOddSizesPassUnchanged) {
  for (std::size_t payload = 0; payload < 70; ++payload) {
    send(a_, packet("fd00::1", "fd00::2", payload, 5));
    send(a_, packet("10.100.0.1", "10.100.0.2", payload, 6));
  }
  ASSERT_EQ(b_.tun.size(), 140U);
  EXPECT_EQ(b_.tun[138], packet("fd00::1", "fd00::2", 69, 5));
  EXPECT_EQ(b_.tun[139], packet("10.100.0.1", "10.100.0.2", 69, 6));
}

TEST_F(WgBridge, PacketWithoutAPeerIsDropped) {
  EXPECT_EQ(a_.bridge.from_tun(now_, pool_.copy(packet("10.100.0.1", "10.100.0.3"))).error(), Error::kNoPeer);
  EXPECT_EQ(a_.bridge.from_tun(now_, pool_.copy(packet("fd00::1", "fd00::3"))).error(), Error::kNoPeer);
  EXPECT_EQ(a_.bridge.drops(Error::kNoPeer), 2U);
  std::array<std::byte, 256> buffer{};
  EXPECT_FALSE(a_.tunnel.poll_transmit(now_, buffer));
}

TEST_F(WgBridge, MalformedPacketsFromTheTunAreDropped) {
  const auto whole = packet("10.100.0.1", "10.100.0.2");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_EQ(a_.bridge.from_tun(now_, pool_.copy(Bytes(whole).first(size))).error(), Error::kMalformedPacket);
  }
  EXPECT_EQ(a_.bridge.drops(Error::kMalformedPacket), whole.size());
}

TEST_F(WgBridge, SourceThatIsNotThePeersIsDropped) {
  send(a_, packet("10.100.0.1", "10.100.0.2"));
  b_.bridge.set_allowed_ips(kThird, prefixes({"10.100.0.3/32"}));
  send(a_, packet("10.100.0.3", "10.100.0.2"));  // owned by another peer
  send(a_, packet("192.0.2.1", "10.100.0.2"));   // owned by nobody
  send(a_, packet("fd00::9", "fd00::2"));
  EXPECT_EQ(b_.bridge.drops(Error::kWrongSource), 3U);
  EXPECT_EQ(b_.tun.size(), 1U);
}

TEST_F(WgBridge, HeldPacketsAreSentInTheirOrder) {
  cut_ = true;
  for (std::uint8_t i = 0; i < 10; ++i) send(a_, packet("10.100.0.1", "10.100.0.2", 20, i));
  EXPECT_EQ(a_.bridge.held(), 10U);
  cut_ = false;
  a_.tunnel.initiate(now_);
  settle();
  ASSERT_EQ(b_.tun.size(), 10U);
  for (std::uint8_t i = 0; i < 10; ++i) EXPECT_EQ(b_.tun[i], packet("10.100.0.1", "10.100.0.2", 20, i));
}

TEST_F(WgBridge, PacketsThatWaitedThroughAnOutageAreNeverSent) {
  cut_ = true;
  send(a_, packet("10.100.0.1", "10.100.0.2", 20, 1));
  now_ += milliseconds(2900);
  send(a_, packet("10.100.0.1", "10.100.0.2", 20, 2));
  now_ += milliseconds(101);
  cut_ = false;
  a_.tunnel.initiate(now_);
  settle();
  ASSERT_EQ(b_.tun.size(), 1U);
  EXPECT_EQ(b_.tun[0], packet("10.100.0.1", "10.100.0.2", 20, 2));
  EXPECT_EQ(a_.bridge.counters().held_expired, 1U);
}

TEST_F(WgBridge, NoMoreThan128PacketsWaitAndTheOldestGiveWay) {
  cut_ = true;
  for (int i = 0; i < 200; ++i) {
    send(a_, packet("10.100.0.1", "10.100.0.2", 20, static_cast<std::uint8_t>(i)));
    EXPECT_LE(a_.bridge.held(), kMaxHeld);
  }
  EXPECT_EQ(a_.bridge.counters().held_overflow, 72U);
  cut_ = false;
  a_.tunnel.initiate(now_);
  settle();
  ASSERT_EQ(b_.tun.size(), 128U);
  EXPECT_EQ(b_.tun[0], packet("10.100.0.1", "10.100.0.2", 20, 72));
}

TEST_F(WgBridge, PrefixOfAnotherPeerIsRefusedUntilThatPeerIsGone) {
  send(a_, packet("10.100.0.1", "10.100.0.2"));
  a_.bridge.add_peer(kThird, a_.tunnel);
  const auto claimed = prefixes({"10.100.0.2/32", "192.168.1.0/24"});
  const auto refused = a_.bridge.set_allowed_ips(kThird, claimed);
  EXPECT_EQ(refused, prefixes({"10.100.0.2/32"}));
  send(a_, packet("10.100.0.1", "10.100.0.2"));
  EXPECT_EQ(b_.tun.size(), 2U) << "still the old peer's";
  EXPECT_FALSE(a_.bridge.add_allowed_ip(kThird, claimed[0]));
  a_.bridge.remove_peer(kPeer);
  EXPECT_TRUE(a_.bridge.add_allowed_ip(kThird, claimed[0]));
  EXPECT_TRUE(a_.bridge.set_allowed_ips(kThird, claimed).empty());
}

TEST_F(WgBridge, SettingAllowedIpsReplacesTheOldOnes) {
  send(a_, packet("10.100.0.1", "10.100.0.2"));
  EXPECT_TRUE(a_.bridge.set_allowed_ips(kPeer, prefixes({"192.168.1.7/24"})).empty());
  EXPECT_EQ(a_.bridge.from_tun(now_, pool_.copy(packet("10.100.0.1", "10.100.0.2"))).error(), Error::kNoPeer);
  EXPECT_TRUE(a_.bridge.from_tun(now_, pool_.copy(packet("10.100.0.1", "192.168.1.200"))));
}

TEST_F(WgBridge, RemovedPeerGetsAndGivesNothing) {
  cut_ = true;
  send(a_, packet("10.100.0.1", "10.100.0.2"));
  EXPECT_EQ(a_.bridge.held(), 1U);
  a_.bridge.remove_peer(kPeer);
  EXPECT_EQ(a_.bridge.held(), 0U);
  EXPECT_EQ(a_.bridge.from_tun(now_, pool_.copy(packet("10.100.0.1", "10.100.0.2"))).error(), Error::kNoPeer);
  EXPECT_EQ(a_.bridge.from_peer(now_, kPeer, pool_.take()).error(), Error::kUnknownPeer);
  EXPECT_FALSE(a_.bridge.poll_held(now_, kPeer));
  a_.bridge.remove_peer(kPeer);
}

TEST_F(WgBridge, GarbageFromAPeerIsCountedAndForgotten) {
  send(a_, packet("10.100.0.1", "10.100.0.2"));
  for (std::size_t size = 0; size < 300; ++size) {
    std::vector<std::byte> garbage(size);
    random_.fill(garbage);
    if (size > 3) garbage[1] = garbage[2] = garbage[3] = std::byte{0};
    if (size > 0) garbage[0] = static_cast<std::byte>(size % 6);
    EXPECT_EQ(b_.bridge.from_peer(now_, kPeer, pool_.copy(garbage)).error(), Error::kRefused);
  }
  EXPECT_EQ(b_.bridge.drops(Error::kRefused), 300U);
  send(a_, packet("10.100.0.1", "10.100.0.2"));
  EXPECT_EQ(b_.tun.size(), 2U);
}

TEST_F(WgBridge, PacketPathAllocatesNothingAfterWarmUp) {
  send(a_, packet("10.100.0.1", "10.100.0.2", 1000));
  const std::size_t blocks = pool_.allocations();
  for (int i = 0; i < 100; ++i) {
    send(a_, packet("10.100.0.1", "10.100.0.2", 1000));
    b_.tun.clear();
  }
  EXPECT_EQ(pool_.allocations(), blocks);
}

}  // namespace
}  // namespace bamgate::bridge
