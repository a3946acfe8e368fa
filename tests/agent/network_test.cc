// What an agent does when the network of its machine changes, or when the machine has slept.
#include <gmock/gmock.h>

#include "agent/scripted_hub.h"

namespace bamgate::agent {
namespace {

using ::testing::IsEmpty;

constexpr IpAddress kHome = IpAddress::v4(192, 0, 2, 1);
constexpr IpAddress kCable = IpAddress::v4(198, 51, 100, 7);
constexpr IpAddress kWireless = IpAddress::v4(203, 0, 113, 7);

class NetworkChange : public ScriptedHub {
 protected:
  void SetUp() override { connect_anna_and_bert(); }

  Actor& other(const Actor& actor) { return &actor == anna ? *bert : *anna; }
  bool connected() { return anna->state_of("bert", now) == "connected" && bert->state_of("anna", now) == "connected"; }
  bool traffic_flows() {
    const std::size_t before = anna->tun.size() + bert->tun.size();
    send_packet(*anna, "10.100.0.2");
    send_packet(*bert, "10.100.0.1");
    settle();
    return anna->tun.size() + bert->tun.size() == before + 2;
  }
};

TEST_F(NetworkChange, ReplacesAConnectionWhoseAddressIsGoneAtOnceWhoeverMoves) {
  for (Actor* who : {anna, bert}) {
    const IpAddress elsewhere = who == anna ? kCable : kWireless;
    const int attempts = who->attempts();
    move(*who, {elsewhere});
    EXPECT_EQ(who->attempts(), attempts + 1);
    EXPECT_EQ(who->state_of(other(*who).name, now), "reconnecting");
    rejoin(*who, {other(*who).info});
    announce(other(*who), {who->info});
    run_for(200ms);
    EXPECT_TRUE(connected()) << who->name << " has moved";
    EXPECT_TRUE(traffic_flows());
    for (const auto& [id, socket] : who->sockets) EXPECT_EQ(socket.address, elsewhere);
    run_for(2s);
  }
}

TEST_F(NetworkChange, ADatagramOfASocketWhoseAddressIsGoneReachesNobody) {
  const auto [socket, use] = *anna->sockets.begin();
  const Endpoint from = bert->sockets.begin()->second;
  anna->runner.on_network_changed(now, {{kCable, 24}});
  std::vector<std::byte> late(20);
  anna->runner.on_datagram(now, {.path = {.local = socket, .remote = from}, .data = late});
  EXPECT_EQ(anna->counter("datagrams_no_connection", now), 1U);
}

TEST_F(NetworkChange, OpensAndClosesSocketsOnlyForTheAddressesThatChanged) {
  const auto [socket, base] = *anna->sockets.begin();
  move(*anna, {kHome, kCable});
  EXPECT_EQ(anna->sockets.size(), 2U);
  EXPECT_EQ(anna->sockets.at(socket), base);
  run_for(2s);
  move(*anna, {kWireless, kHome});
  EXPECT_EQ(anna->sockets.size(), 2U);
  EXPECT_EQ(anna->sockets.at(socket), base) << "the order alone is no reason";
  run_for(2s);
  EXPECT_EQ(anna->attempts(), 1);
  EXPECT_TRUE(traffic_flows());
}

TEST_F(NetworkChange, OfManyAddressesTheFirstSixteenHaveSockets) {
  std::vector<IpAddress> many{kHome};
  for (int i = 1; i <= 40; ++i) many.push_back(IpAddress::v4(172, 17, static_cast<std::uint8_t>(i), 1));
  move(*anna, many);
  EXPECT_EQ(anna->sockets.size(), Node::kMaxSockets);
  EXPECT_TRUE(std::ranges::any_of(anna->sockets, [](const auto& one) { return one.second.address == kHome; }));
  run_for(2s);
  EXPECT_EQ(anna->attempts(), 1);
  EXPECT_TRUE(traffic_flows());
}

TEST_F(NetworkChange, NeedsNoHubConnectionAnewWhenOnlyOneOfSeveralAddressesServedThePeer) {
  move(*anna, {kHome, kCable});
  run_for(2s);
  EXPECT_EQ(anna->attempts(), 1) << "a connection whose address exists stays";
  EXPECT_EQ(anna->disconnects, 0);
  EXPECT_TRUE(traffic_flows());
}

TEST_F(NetworkChange, KeepsAConnectionWhoseAddressStaysWhenAnotherOneGoes) {
  move(*anna, {kHome, kCable});
  run_for(2s);
  move(*anna, {kHome});
  run_for(2s);
  EXPECT_EQ(anna->attempts(), 1);
  EXPECT_TRUE(traffic_flows());
}

TEST_F(NetworkChange, OfAnAddressThatServesNothingEndsNothing) {
  move(*anna, {kHome, kCable});
  run_for(2s);
  anna->hub_from = kHome;
  for (int i = 0; i < 10; ++i) {
    move(*anna, {kHome, i % 2 == 0 ? kWireless : kCable});
    run_for(2s);
  }
  EXPECT_EQ(anna->disconnects, 0);
  EXPECT_EQ(anna->attempts(), 1);
  EXPECT_TRUE(connected());
  EXPECT_TRUE(traffic_flows());
  anna->hub_from = kCable;
  move(*anna, {kHome});
  EXPECT_EQ(anna->disconnects, 1) << "that one was the hub's";
}

TEST_F(NetworkChange, WithoutAnyAddressLeftIsWaitedOut) {
  move(*anna, {});
  run_for(5s);
  EXPECT_EQ(anna->attempts(), 1);
  EXPECT_EQ(anna->disconnects, 0);
  move(*anna, {kHome});  // the cable is back
  run_for(6s);
  EXPECT_EQ(anna->attempts(), 1);
  EXPECT_TRUE(traffic_flows());
}

TEST_F(NetworkChange, EndsTheWaitForTheNextAttempt) {
  for (Actor* who : {anna, bert}) {
    wire = false;
    run_for(5min);  // consent ends, and attempts fail with ever longer waits
    while (who->state_of(other(*who).name, now) != "reconnecting" || who->under_way() != 0) run_for(100ms);
    wire = true;
    const int attempts = who->attempts();
    move(*who, {who->addresses.front(), kWireless});
    EXPECT_EQ(who->attempts(), attempts + 1) << who->name << " need not wait for its turn";
    run_for(1s);
    EXPECT_TRUE(connected());
    run_for(5s);
  }
}

TEST_F(NetworkChange, BeginsThingsAfreshNoMoreThanOnceASecond) {
  for (int i = 0; i < 100; ++i) {
    move(*anna, {i % 2 == 0 ? kCable : kWireless});
    run_for(53ms);
  }
  EXPECT_GE(anna->attempts(), 3);
  EXPECT_LE(anna->attempts(), 12) << "in 5 s";
  EXPECT_LE(anna->connects.size(), 8U);
}

TEST_F(NetworkChange, ProbesTheHubAndMakesItsConnectionAnewWhenAnAddressIsGone) {
  const int pings = anna->pings;
  move(*anna, {kHome, kCable});
  EXPECT_EQ(anna->pings, pings + 1);
  EXPECT_EQ(anna->disconnects, 0);
  run_for(2s);
  move(*anna, {kHome});
  EXPECT_EQ(anna->disconnects, 1);
  run_for(1s);
  EXPECT_EQ(anna->connects.size(), 2U) << "at once: its token is at hand";
}

TEST_F(NetworkChange, ReplacesAnAttemptThatKnowsOnlyOldAddresses) {
  wire = false;
  move(*anna, {kCable});
  rejoin(*anna, {bert->info});
  run_for(2s);
  ASSERT_EQ(anna->state_of("bert", now), "reconnecting");
  wire = true;
  move(*anna, {kCable, kWireless});
  run_for(1s);
  EXPECT_TRUE(connected());
  EXPECT_EQ(anna->sockets.size(), 2U);
}

TEST_F(NetworkChange, OfferedToAPeerThatTheHubDoesNotListMakesNoAttempt) {
  say(*anna, signaling::PeerLeft{"bert"});
  const int attempts = anna->attempts();
  move(*anna, {kCable});
  run_for(5min);
  EXPECT_EQ(anna->attempts(), attempts);
  EXPECT_EQ(anna->under_way(), 0);
  EXPECT_EQ(anna->state_of("bert", now), "new");
}

TEST_F(NetworkChange, IsWhatASleepLooksLike) {
  sleep(*anna, 3h);
  run_for(1s);
  EXPECT_EQ(anna->disconnects, 1);
  EXPECT_GE(anna->attempts(), 2) << "consent is gone, and nothing is waited for";
  anna->get_token("fresh", 3600s);
  rejoin(*anna, {bert->info});
  announce(*bert, {anna->info});
  run_for(1s);
  EXPECT_TRUE(connected());
  EXPECT_TRUE(traffic_flows());
}

TEST_F(NetworkChange, IsNotSeenInATimeoutThatIsALittleLate) {
  sleep(*anna, 4s);
  run_for(10s);
  EXPECT_EQ(anna->disconnects, 0);
  EXPECT_EQ(anna->attempts(), 1);
}

/// anna accepts a route of bert's in which bert's own address lies.
class RoutedNetwork : public ScriptedHub {
 protected:
  void meet(const char* route, IpAddress of_anna, IpAddress of_bert) {
    anna = &make("anna", "10.100.0.1/16", 1, {{"bert", {IpPrefix::parse(route).value()}}});
    bert = &make("bert", "10.100.0.2/16", 2);
    bert->info.routes = {route};
    anna->addresses = {of_anna};
    bert->addresses = {of_bert};
    bring_online(*anna, {});
    bring_online(*bert, {anna->info});
    announce(*anna, {bert->info});
    run_for(3s);
  }
};

TEST_F(RoutedNetwork, CannotCarryTheTunnelThatLeadsIntoIt) {
  meet("192.168.0.0/16", IpAddress::v4(10, 1, 1, 1), IpAddress::v4(192, 168, 7, 2));
  ASSERT_EQ(anna->routes.size(), 1U);
  EXPECT_NE(anna->state_of("bert", now), "connected") << "that way leads into the tunnel itself";
}

TEST_F(RoutedNetwork, IsNoObstacleForAPeerOnOurOwnLink) {
  meet("192.168.0.0/16", IpAddress::v4(192, 168, 7, 1), IpAddress::v4(192, 168, 7, 2));
  ASSERT_EQ(anna->routes.size(), 1U);
  EXPECT_EQ(anna->state_of("bert", now), "connected");
}

TEST_F(RoutedNetwork, ThatAppearsUnderAConnectionEndsIt) {
  anna = &make("anna", "10.100.0.1/16", 1, {{"bert", {IpPrefix::parse("192.168.0.0/16").value()}}});
  bert = &make("bert", "10.100.0.2/16", 2);
  anna->addresses = {IpAddress::v4(10, 1, 1, 1)};
  bert->addresses = {IpAddress::v4(192, 168, 7, 2)};
  bring_online(*anna, {});
  bring_online(*bert, {anna->info});
  announce(*anna, {bert->info});
  run_for(3s);
  ASSERT_EQ(anna->state_of("bert", now), "connected");
  bert->info.routes = {"192.168.0.0/16"};
  announce(*anna, {bert->info});
  EXPECT_EQ(anna->state_of("bert", now), "reconnecting");
  EXPECT_EQ(anna->attempts(), 2);
}

}  // namespace
}  // namespace bamgate::agent
