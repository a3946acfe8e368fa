#include "os/tun.h"

#include <gtest/gtest.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include "core/buffer_pool.h"
#include "core/ip_address.h"
#include "core/writer.h"
#include "os/netlink.h"
#include "os/network_sandbox.h"

namespace bamgate::os {
namespace {

using testing::in_empty_network;

constexpr const char* kName = "bamtest0";

Tun make_tun(const char* prefix = "10.100.0.2/16", std::uint32_t mtu = 1280) {
  auto tun = Tun::create(kName);
  if (!tun) {
    ADD_FAILURE() << tun.error().text;
    std::abort();
  }
  EXPECT_TRUE(set_mtu(kName, mtu));
  EXPECT_TRUE(set_up(kName));
  EXPECT_TRUE(add_address(kName, *IpPrefix::parse(prefix)));
  return std::move(*tun);
}

/// Sends one UDP datagram of `size` bytes from this namespace to 10.100.0.1.
void send_datagram(std::size_t size) {
  const FileDescriptor socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(9);
  to.sin_addr.s_addr = htonl(0x0a640001);
  const std::string content(size, 'x');
  ASSERT_EQ(sendto(socket.get(), content.data(), size, 0, reinterpret_cast<const sockaddr*>(&to), sizeof to),
            static_cast<ssize_t>(size));
}

bool readable(int fd) {
  pollfd waiting{fd, POLLIN, 0};
  return poll(&waiting, 1, 2000) == 1 && (waiting.revents & POLLIN) != 0;
}

TEST(Tun, ReadsThePacketThatTheKernelRoutesIntoIt) {
  in_empty_network([] {
    Tun tun = make_tun();
    BufferPool pool;
    PacketBuffer packet = pool.take();
    EXPECT_EQ(tun.read(packet), TunRead::kNone);
    send_datagram(100);
    ASSERT_TRUE(readable(tun.fd()));
    EXPECT_EQ(tun.read(packet), TunRead::kPacket);
    ASSERT_EQ(packet.size(), 128u);
    EXPECT_EQ(packet.headroom(), kHeadroom);
    EXPECT_EQ(packet.data()[0], std::byte{0x45});
    EXPECT_EQ(IpAddress::from_bytes(packet.data().subspan(16, 4)), IpAddress::v4(10, 100, 0, 1));
  });
}

TEST(Tun, DropsAndCountsAPacketThatDoesNotFit) {
  in_empty_network([] {
    Tun tun = make_tun();
    BufferPool pool;
    PacketBuffer packet = pool.take(64, 0);
    packet.append(packet.tailroom() - 100);
    const std::size_t before = packet.size();
    send_datagram(500);
    ASSERT_TRUE(readable(tun.fd()));
    EXPECT_EQ(tun.read(packet), TunRead::kNone);
    EXPECT_EQ(packet.size(), before);
    EXPECT_EQ(tun.counters().read_oversized, 1u);
  });
}

TEST(Tun, HandsAWrittenPacketToTheSocketThatListens) {
  in_empty_network([] {
    Tun tun = make_tun();
    const FileDescriptor socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_in own{};
    own.sin_family = AF_INET;
    own.sin_port = htons(4000);
    ASSERT_EQ(bind(socket.get(), reinterpret_cast<const sockaddr*>(&own), sizeof own), 0);

    std::array<std::byte, 32> packet{};
    Writer writer(packet);
    writer.u32(0x45000020);  // version 4, header 20 bytes, 32 in all
    writer.u32(0);
    writer.u32(0x40110000 | 0x6603);  // TTL 64, UDP, checksum of this very header
    writer.bytes(IpAddress::v4(10, 100, 0, 1).bytes());
    writer.bytes(IpAddress::v4(10, 100, 0, 2).bytes());
    writer.u32(0x00090fa0);  // from port 9 to 4000
    writer.u32(0x000c0000);  // 12 bytes, no checksum
    writer.bytes(as_bytes("ping"));
    ASSERT_TRUE(writer.ok());
    EXPECT_EQ(tun.write(packet), true);
    ASSERT_TRUE(readable(socket.get()));
    std::array<char, 16> received{};
    ASSERT_EQ(recv(socket.get(), received.data(), received.size(), 0), 4);
    EXPECT_STREQ(received.data(), "ping");
  });
}

TEST(Tun, WriteOfSomethingThatIsNoIpPacketIsACountedDrop) {
  in_empty_network([] {
    Tun tun = make_tun();
    EXPECT_EQ(tun.counters().write_failures, 0U);
    EXPECT_EQ(tun.write(as_bytes("x")), false);
    EXPECT_EQ(tun.counters().write_failures, 1U);
  });
}

TEST(Tun, VanishesWithItsDescriptor) {
  in_empty_network([] {
    {
      Tun tun = make_tun();
      EXPECT_EQ(if_nametoindex(kName), tun.index());
      EXPECT_EQ(route_to(IpAddress::v4(10, 100, 7, 7))->interface, kName);
    }
    EXPECT_EQ(if_nametoindex(kName), 0u);
    EXPECT_EQ(route_to(IpAddress::v4(10, 100, 7, 7)).error().code, Error::kUnreachable);
  });
}

TEST(Tun, ASecondOwnerIsRefusedAndToldWhy) {
  in_empty_network([] {
    Tun tun = make_tun();
    const auto second = Tun::create(kName);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, Error::kBusy);
    EXPECT_NE(second.error().text.find("another bamgate"), std::string::npos) << second.error().text;
  });
}

TEST(Tun, RefusesNamesThatTheKernelCannotTake) {
  for (const char* name : {"", ".", "a/b", "sixteen-letters-", "two words", "tun%d"}) {
    const auto tun = Tun::create(name);
    ASSERT_FALSE(tun) << name;
    EXPECT_EQ(tun.error().code, Error::kInvalid) << name;
  }
}

TEST(Tun, TheNameOfAnotherKindOfInterfaceIsRefused) {
  in_empty_network([] {
    const auto tun = Tun::create("lo");
    ASSERT_FALSE(tun);
    EXPECT_EQ(tun.error().code, Error::kInvalid) << tun.error().text;
    EXPECT_NE(tun.error().text.find("another kind of interface has this name"), std::string::npos) << tun.error().text;
  });
}

}  // namespace
}  // namespace bamgate::os
