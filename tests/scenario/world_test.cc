// The simulated world itself: a test behind a NAT is worth something only if the NAT is in force.
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <string>

#include "core/writer.h"
#include "scenario/network_fixture.h"
#include "sim/inner_packet.h"
#include "sim/pipe.h"

namespace bamgate::sim {
namespace {

using namespace std::chrono_literals;

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

TEST_F(SimulatedNetwork, ADatagramTakesTheLatencyOfEachLinkOnItsWay) {
  Segment& lan = network.add_network(
      "lan", {.external = "198.51.100.1", .port = {.latency = 3ms}, .up = {.latency = 20ms}, .down = {.latency = 5ms}});
  Host& host = network.add_host("host", lan, {"192.168.1.2"});
  Host& neighbour = network.add_host("neighbour", lan, {"192.168.1.3"});
  const Endpoint inner = open(host, 1000);
  const Endpoint outer = open(server, 53);
  const auto time_of = [&](Host& from, const Endpoint& source, const Endpoint& to) {
    const Instant sent = agenda.now();
    EXPECT_TRUE(arrives(from, source, to));
    return agenda.now() - sent;
  };
  EXPECT_EQ(time_of(host, inner, open(neighbour, 1000)), 6ms);
  EXPECT_EQ(time_of(host, inner, outer), 33ms);
  EXPECT_EQ(time_of(server, outer, heard.front()), 18ms);
  EXPECT_EQ(network.latency(host.interface(), server), 33ms) << "TCP takes the same way";
  EXPECT_EQ(network.outer_address(host.interface()).to_string(), "198.51.100.1");
}

TEST_F(SimulatedNetwork, APacketLeavesThroughTheInterfaceThatHasItsSource) {
  Segment& one = network.add_lan("one", "198.51.100.1");
  Segment& other = network.add_lan("other", "198.51.100.2");
  Host& host = network.add_host("host", one, {"192.168.1.2"});
  Interface& wlan = network.add_interface(host, "wlan0", other, {"10.0.0.2"});
  const Endpoint by_cable = open_on(host, *IpAddress::parse("192.168.1.2"), 1000);
  const Endpoint by_air = open_on(host, *IpAddress::parse("10.0.0.2"), 1000);
  const Endpoint outer = open(server, 53);
  EXPECT_EQ(seen_as(host, by_cable, outer).address.to_string(), "198.51.100.1");
  EXPECT_EQ(seen_as(host, by_air, outer).address.to_string(), "198.51.100.2");
  EXPECT_EQ(host.addresses().size(), 2U);
  network.set_up(wlan, false);
  EXPECT_EQ(host.addresses().size(), 1U);
  EXPECT_FALSE(arrives(host, by_air, outer));
  EXPECT_TRUE(arrives(host, by_cable, outer));
}

TEST_F(SimulatedNetwork, AHostIsToldOfEachChangeButNotOfACutCable) {
  int changes = 0;
  Host& host = network.add_host("host", network.internet(), {"203.0.113.9"});
  run();
  host.on_change = [&] { ++changes; };
  host.cut = true;
  host.cut = false;
  run();
  EXPECT_EQ(changes, 0);
  network.set_up(host.interface(), false);
  network.set_up(host.interface(), false);
  EXPECT_EQ(changes, 0) << "never within the call";
  run();
  EXPECT_EQ(changes, 1);
  network.set_up(host.interface(), true);
  network.move(host, network.add_lan("lan", "198.51.100.1"), {"192.168.1.2"});
  run();
  EXPECT_EQ(changes, 3);
}

TEST_F(SimulatedNetwork, WhatIsUnderWayToAHostThatMovesIsLost) {
  Host& host = network.add_host("host", network.internet(), {"203.0.113.9"});
  const Endpoint there = open(host, 7);
  send(server, open(server, 53), there);
  while (agenda.now() < Agenda::kStart + 10ms) agenda.run_next();  // now it is on its last link
  network.move(host, network.internet(), {"203.0.113.10"});
  run();
  EXPECT_TRUE(heard.empty());
  EXPECT_FALSE(arrives(server, open(server, 54), there)) << "nobody has this address any more";
}

TEST_F(SimulatedNetwork, ARouterWithoutUdpOrWithoutCableLetsNothingThrough) {
  Segment& lan = network.add_network("lan", {.external = "198.51.100.1", .passes = Passes::kTcp});
  Host& host = network.add_host("host", lan, {"192.168.1.2"});
  Host& neighbour = network.add_host("neighbour", lan, {"192.168.1.3"});
  const Endpoint inner = open(host, 1000);
  const Endpoint outer = open(server, 53);
  EXPECT_FALSE(arrives(host, inner, outer));
  EXPECT_EQ(network.counters().blocked, 1U);
  EXPECT_TRUE(network.is_path_free(host.interface(), server, 8443)) << "for TCP";
  lan.passes = Passes::kTcp443;
  EXPECT_FALSE(network.is_path_free(host.interface(), server, 8443));
  EXPECT_TRUE(network.is_path_free(host.interface(), server, 443));
  lan.passes = Passes::kAll;
  lan.cut = true;
  EXPECT_FALSE(arrives(host, inner, outer));
  EXPECT_FALSE(network.is_path_free(host.interface(), server, 443));
  EXPECT_TRUE(arrives(host, inner, open(neighbour, 1))) << "neighbours need no router";
  lan.cut = false;
  EXPECT_TRUE(arrives(host, inner, outer));
}

TEST_F(SimulatedNetwork, ImpairedAreTheUplinksEachOnce) {
  Segment& lan = network.add_lan("lan", "198.51.100.1");
  Host& host = network.add_host("host", lan, {"192.168.1.2"});
  const Endpoint inner = open(host, 1000);
  const Endpoint outer = open(server, 53);
  network.impair([](LinkOptions& link) { link.loss = 1; });
  EXPECT_FALSE(arrives(host, inner, outer));
  EXPECT_EQ(network.counters().lost, 1U);
  network.impair([](LinkOptions& link) { link.loss = 0; });
  EXPECT_TRUE(arrives(host, inner, outer));
}

// ---- The trace for people ----

TEST(SimulatedTrace, TellsOfEachDatagramWhereItWasWhatItIsAndWhatBecameOfIt) {
  std::FILE* file = std::tmpfile();
  ASSERT_NE(file, nullptr);
  Trace trace(file);
  Agenda agenda;
  Network network(agenda, trace);
  Host& server = network.add_host("server", network.internet(), {"203.0.113.1"});
  Segment& lan = network.add_lan("lan", "198.51.100.1");
  Host& host = network.add_host("host", lan, {"192.168.1.2"});
  const Endpoint inner = network.bind(host, *IpAddress::parse("192.168.1.2"), 1000, [](const auto&, const auto&) {});
  const Endpoint outer = network.bind(server, *IpAddress::parse("203.0.113.1"), 3478, [](const auto&, const auto&) {});
  std::vector<std::byte> request(20);
  request[1] = std::byte{1};
  Writer(std::span(request).subspan(4)).u32(0x2112a442);
  network.send(host, inner, outer, request);
  network.send(server, outer, endpoint("198.51.100.1:9"), {std::byte{23}, std::byte{254}, std::byte{253}});
  network.send(host, inner, outer, std::vector<std::byte>(1473, std::byte{21}));
  lan.up->options.loss = 1;
  network.send(host, inner, outer, {std::byte{4}});
  while (agenda.next() != kNever) agenda.run_next();

  ASSERT_EQ(std::fseek(file, 0, SEEK_SET), 0);
  std::string lines;
  for (int letter = std::fgetc(file); letter != EOF; letter = std::fgetc(file)) lines += static_cast<char>(letter);
  std::fclose(file);
  for (const char* line : {
           "0.000000  host->lan  192.168.1.2:1000 > 203.0.113.1:3478  20  STUN Binding request  passed\n",
           "0.000500  lan->internet  198.51.100.1:20001 > 203.0.113.1:3478  20  STUN Binding request  ",
           "0.000000  server->internet  203.0.113.1:3478 > 198.51.100.1:9  3  DTLS data  passed\n",
           "0.019500  router of lan  203.0.113.1:3478 > 198.51.100.1:9  3  DTLS data  filtered\n",
           "0.000000  host->lan  192.168.1.2:1000 > 203.0.113.1:3478  1473  DTLS alert  too large\n",
           "0.000500  lan->internet  198.51.100.1:20001 > 203.0.113.1:3478  1  other  lost\n",
       }) {
    EXPECT_NE(lines.find(line), std::string::npos) << line << "is not in\n" << lines;
  }
}

TEST(SimulatedTrace, HashesWhatArrivesAndNotWhatItPrints) {
  const auto hash = [](std::FILE* file, std::byte content) {
    Trace trace(file);
    trace.remark(Agenda::kStart, "something");
    trace.note(Agenda::kStart, "x", std::array{content});
    return trace.hash();
  };
  std::FILE* file = std::tmpfile();
  EXPECT_EQ(hash(nullptr, std::byte{1}), hash(file, std::byte{1}));
  EXPECT_NE(hash(nullptr, std::byte{1}), hash(nullptr, std::byte{2}));
  std::fclose(file);
}

TEST(SimulatedPipe, KeepsTheOrderThroughAnOutage) {
  Agenda agenda;
  auto way = Pipe::Way::kFree;
  auto pipe = std::make_shared<Pipe>(agenda, [] { return 10ms; }, [&] { return way; });
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

TEST(SimulatedPipe, KeepsTheOrderWhenItGetsFaster) {
  Agenda agenda;
  Duration latency = 10ms;
  auto pipe = std::make_shared<Pipe>(agenda, [&] { return latency; }, [] { return Pipe::Way::kFree; });
  std::string arrived;
  pipe->push([&arrived] { arrived += 'a'; });
  latency = 1ms;
  pipe->push([&arrived] { arrived += 'b'; });
  while (agenda.next() != kNever) agenda.run_next();
  EXPECT_EQ(arrived, "ab");
  EXPECT_EQ(agenda.now(), Agenda::kStart + 10ms);
}

TEST(SimulatedPipe, SaysHowMuchWaitsAndWhenNothingDoes) {
  Agenda agenda;
  auto way = Pipe::Way::kBlocked;
  auto pipe = std::make_shared<Pipe>(agenda, [] { return 10ms; }, [&] { return way; });
  bool sent = false;
  pipe->when_sent([&sent] { sent = true; });
  EXPECT_TRUE(std::exchange(sent, false)) << "nothing waits";
  pipe->push([] {}, 100);
  agenda.run_next();
  pipe->push([] {}, 50);
  agenda.run_next();
  agenda.run_next();
  pipe->when_sent([&sent] { sent = true; });
  EXPECT_EQ(pipe->unsent(), 150U);
  EXPECT_FALSE(sent);
  way = Pipe::Way::kFree;
  while (agenda.next() != kNever) agenda.run_next();
  EXPECT_EQ(pipe->unsent(), 0U);
  EXPECT_TRUE(sent);
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
