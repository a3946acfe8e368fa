// The simulated world itself: a test behind a NAT is worth something only if the NAT is in force.
#include <gtest/gtest.h>

#include "sim/inner_packet.h"
#include "sim/network.h"
#include "sim/pipe.h"

namespace bamgate::sim {
namespace {

using namespace std::chrono_literals;

Endpoint endpoint(std::string_view text) { return Endpoint::parse(text).value(); }

class SimulatedNetwork : public ::testing::Test {
 protected:
  /// A socket that notes who sent to it.
  Endpoint open(Host& host, std::uint16_t port) {
    return network.bind(host, host.addresses.front(), port,
                        [this](const Endpoint& from, const auto&) { heard.push_back(from); });
  }
  void send(Host& host, const Endpoint& from, const Endpoint& to) { network.send(host, from, to, {std::byte{1}}); }
  void run() {
    while (agenda.next() != kNever) agenda.run_next();
  }

  Agenda agenda;
  Trace trace;
  Network network{agenda, trace};
  Host& server = network.add_host("server", network.internet(), {"203.0.113.1"});
  Host& stranger = network.add_host("stranger", network.internet(), {"203.0.113.66"});
  std::vector<Endpoint> heard;
};

TEST_F(SimulatedNetwork, ANatLetsInOnlyAnswers) {
  Segment& lan = network.add_lan("lan", "198.51.100.1");
  Host& host = network.add_host("host", lan, {"192.168.1.2"});
  const Endpoint inner = open(host, 1000);
  const Endpoint outer = open(server, 53);
  const Endpoint other_port = open(server, 54);
  const Endpoint strange = open(stranger, 53);
  send(host, inner, outer);
  run();
  ASSERT_EQ(heard, std::vector{endpoint("198.51.100.1:20001")});
  const Endpoint mapped = heard.front();
  heard.clear();

  send(stranger, strange, mapped);
  send(server, other_port, mapped);
  send(server, outer, inner);
  run();
  EXPECT_TRUE(heard.empty());
  EXPECT_EQ(network.counters().filtered, 2U);
  EXPECT_EQ(network.counters().unreachable, 1U);
  send(server, outer, mapped);
  run();
  EXPECT_EQ(heard, std::vector{outer});
}

TEST_F(SimulatedNetwork, AMappingEndsTwoMinutesAfterItsLastUse) {
  Segment& lan = network.add_lan("lan", "198.51.100.1");
  Host& host = network.add_host("host", lan, {"192.168.1.2"});
  const Endpoint inner = open(host, 1000);
  const Endpoint outer = open(server, 53);
  send(host, inner, outer);
  run();
  agenda.advance(agenda.now() + 121s);
  send(server, outer, heard.front());
  run();
  EXPECT_EQ(network.counters().filtered, 1U);
  send(host, inner, outer);
  run();
  EXPECT_NE(heard.back(), heard.front()) << "the new mapping has another port";
}

TEST_F(SimulatedNetwork, ASymmetricNatShowsEachRemoteAnotherPort) {
  Segment& lan = network.add_lan("lan", "198.51.100.1", {.mapping = Mapping::kAddressAndPortDependent});
  Host& host = network.add_host("host", lan, {"192.168.1.2"});
  const Endpoint inner = open(host, 1000);
  send(host, inner, open(server, 53));
  send(host, inner, open(stranger, 53));
  run();
  ASSERT_EQ(heard.size(), 2U);
  EXPECT_NE(heard[0], heard[1]);
}

TEST_F(SimulatedNetwork, ADatagramThatHasNoWayOrIsTooLargeIsLost) {
  Host& lone = network.add_host("lone", network.add_lone_lan("cellar"), {"192.168.1.2"});
  const Endpoint outer = open(server, 53);
  send(lone, open(lone, 1), outer);
  const Endpoint strange = open(stranger, 1);
  stranger.cut = true;
  send(stranger, strange, outer);
  stranger.cut = false;
  network.send(stranger, strange, outer, std::vector<std::byte>(1473));
  run();
  EXPECT_TRUE(heard.empty());
  EXPECT_EQ(network.counters().cut, 1U);
  EXPECT_EQ(network.counters().too_large, 1U);
  network.send(stranger, strange, outer, std::vector<std::byte>(1472));
  run();
  EXPECT_EQ(heard, std::vector{strange});
}

TEST(SimulatedPipe, KeepsTheOrderThroughAnOutage) {
  Agenda agenda;
  auto way = Pipe::Way::kFree;
  auto pipe = std::make_shared<Pipe>(agenda, 10ms, [&] { return way; });
  std::string arrived;
  for (const char letter : {'a', 'b', 'c'}) {
    pipe->push([&arrived, letter] { arrived += letter; });
    if (letter == 'a') agenda.run_next();
    way = Pipe::Way::kBlocked;
  }
  for (int i = 0; i < 10; ++i) agenda.run_next();
  EXPECT_EQ(arrived, "a");
  way = Pipe::Way::kFree;
  pipe->push([&arrived] { arrived += 'd'; });
  while (agenda.next() != kNever) agenda.run_next();
  EXPECT_EQ(arrived, "abcd");
}

TEST(InnerPackets, SurviveARoundTripAndNoFlippedBitPasses) {
  for (const char* address : {"10.100.0.1", "fd12::1"}) {
    const IpAddress local = *IpAddress::parse(address);
    for (const auto kind : {InnerPacket::Kind::kUdp, InnerPacket::Kind::kEchoRequest, InnerPacket::Kind::kEchoReply}) {
      const bool udp = kind == InnerPacket::Kind::kUdp;
      const InnerPacket packet{.kind = kind,
                               .source = {local, static_cast<std::uint16_t>(udp ? 7 : 0)},
                               .destination = {local, static_cast<std::uint16_t>(udp ? 9 : 0)},
                               .id = static_cast<std::uint16_t>(udp ? 0 : 3),
                               .sequence = static_cast<std::uint16_t>(udp ? 0 : 4),
                               .payload = Datagram(33, std::byte{0x55})};
      Datagram bytes = write_packet(packet);
      EXPECT_EQ(read_packet(bytes), packet);
      for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
        bytes[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
        EXPECT_FALSE(read_packet(bytes)) << "bit " << bit;
        bytes[bit / 8] ^= static_cast<std::byte>(1U << bit % 8);
      }
    }
  }
}

}  // namespace
}  // namespace bamgate::sim
