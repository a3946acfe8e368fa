// Rooms and messages at their limits: pace, floods, long lists, full rooms; and a random walk through all inputs.
#include <algorithm>
#include <set>

#include "hub/connections.h"
#include "hub_fixture.h"

namespace bamgate::hub {
namespace {

constexpr std::string_view kOffer = R"({"type":"offer","to":"b","sdp":"v=0"})";

class HubLimits : public HubTest {
 protected:
  void connect_two() {
    socket_a = connect(a = enroll("a"));
    socket_b = connect(b = enroll("b"));
    take(socket_a);
    take(socket_b);
    advance(10s);
  }
  /// Runs on_timer at each of its times until `end`.
  void run_until(Instant end) {
    for (int step = 0; step < 100'000 && hub->next_timeout() <= end; ++step) {
      advance(std::max(Duration::zero(), hub->next_timeout() - now));
      hub->on_timer(now, unix_now);
      drain();
    }
    now = end;
  }

  Member a;
  Member b;
  ConnectionId socket_a{};
  ConnectionId socket_b{};
};

TEST_F(HubLimits, MessagesAboveTwoHundredASecondAreDelayedInOrder) {
  connect_two();
  for (int i = 0; i < 600; ++i) {
    send(socket_a, R"({"type":"offer","to":"b","sdp":"v=0","n":)" + std::to_string(i) + "}");
  }
  EXPECT_EQ(inbox[socket_b].size(), 200U);
  EXPECT_EQ(hub->counters().delayed, 400U);
  run_until(now + 1s);
  EXPECT_EQ(inbox[socket_b].size(), 400U);
  run_until(now + 1s);
  const auto got = take(socket_b);
  ASSERT_EQ(got.size(), 600U);
  for (std::size_t i = 0; i < got.size(); ++i) EXPECT_EQ(got[i].get_int("n"), static_cast<std::int64_t>(i));
  EXPECT_EQ(hub->next_timeout(), kNever);
  EXPECT_FALSE(close_code(socket_a));
}

TEST_F(HubLimits, MoreThanTwoThousandMessagesInASecondCloseWith4429) {
  connect_two();
  for (int i = 0; i < 2000; ++i) send(socket_a, kOffer);
  EXPECT_FALSE(close_code(socket_a));
  send(socket_a, kOffer);
  EXPECT_EQ(close_code(socket_a), CloseCode::kFlooding);
  EXPECT_EQ(hub->next_timeout(), kNever);
  EXPECT_FALSE(close_code(socket_b));
}

TEST_F(HubLimits, WhatWaitsIsBoundedInNumberAndBytes) {
  connect_two();
  for (int round = 0; round < 10 && !close_code(socket_a); ++round) {
    for (int i = 0; i < 1000; ++i) send(socket_a, kOffer);
    run_until(now + 1s);
  }
  EXPECT_EQ(close_code(socket_a), CloseCode::kFlooding);
  for (int i = 0; i < 200; ++i) send(socket_b, R"({"type":"offer","to":"a","sdp":"v=0"})");
  const std::string large = R"({"type":"offer","to":"a","sdp":")" + std::string(60'000, 'x') + "\"}";
  for (int i = 0; i < 17; ++i) send(socket_b, large);
  EXPECT_FALSE(close_code(socket_b));
  send(socket_b, large);
  EXPECT_EQ(close_code(socket_b), CloseCode::kFlooding);
}

TEST_F(HubLimits, WhatWaitsIsGoneWithItsConnection) {
  connect_two();
  for (int i = 0; i < 300; ++i) send(socket_a, kOffer);
  hub->on_close(now, unix_now, socket_a);
  drain();
  take(socket_b);
  EXPECT_EQ(hub->next_timeout(), kNever);
  run_until(now + 2s);
  EXPECT_TRUE(take(socket_b).empty());
}

TEST_F(HubLimits, LongListsAreSplitAndAllButTheLastSayMore) {
  std::set<std::string> names;
  for (int i = 0; i < 40; ++i) {
    const Member member = enroll("peer-" + std::to_string(i));
    const ConnectionId id = open(member.access_token);
    json::Value join(join_of(member));
    join.set("metadata", json::Object{{"note", std::string(3000, 'n')}});
    send(id, json::write(join));
    ASSERT_FALSE(close_code(id));
    names.insert(member.name);
  }
  const ConnectionId newcomer = connect(enroll("newcomer"));
  const auto parts = take(newcomer);
  ASSERT_GT(parts.size(), 4U);
  for (std::size_t i = 0; i < parts.size(); ++i) {
    EXPECT_LE(json::write(parts[i]).size(), 24U * 1024);
    EXPECT_EQ(parts[i].get_bool("more").value_or(false), i + 1 < parts.size());
    for (const json::Value& peer : *parts[i].get_array("peers")) {
      EXPECT_EQ(names.erase(*peer.get_string("peerId")), 1U);
    }
  }
  EXPECT_TRUE(names.empty());
}

TEST_F(HubLimits, ARoomHolds1024PeersAndAReplacementIsNoneMore) {
  std::vector<Member> members;
  for (std::size_t i = 0; i < kMaxRoom; ++i) {
    advance(5ms);
    members.push_back(enroll("peer-" + std::to_string(i)));
  }
  const Member late = enroll("zlate");
  deaf = true;
  for (const Member& member : members) {
    advance(5ms);
    ASSERT_FALSE(close_code(connect(member)));
  }
  EXPECT_EQ(close_code(connect(late)), CloseCode::kFlooding);
  EXPECT_FALSE(close_code(connect(members[5])));
  EXPECT_EQ(request("GET", "/status").number("peers"), 1024);
}

TEST_F(HubLimits, ARoomFullOfTheLargestJoinsCanBeJoinedBySlowReaders) {
  deaf = true;
  slow = true;
  const auto large_join = [&](const Member& member) {
    json::Value join(join_of(member));
    join.set("metadata", json::Object{{"note", std::string(24'000, 'n')}});
    const ConnectionId id = open(member.access_token);
    send(id, json::write(join));
    return id;
  };
  for (std::size_t i = 0; i + 1 < kMaxRoom; ++i) {
    advance(5ms);
    const ConnectionId id = large_join(enroll("peer-" + std::to_string(i)));
    ASSERT_FALSE(close_code(id));
  }
  const Member newcomer = enroll("newcomer");
  const ConnectionId socket = large_join(newcomer);
  std::size_t most = 0;
  std::size_t bytes = 0;
  while (unsent.contains(socket)) {
    most = std::max(most, told_bytes[socket]);
    bytes += std::exchange(told_bytes[socket], 0);
    sent(socket);
    drain();
  }
  EXPECT_FALSE(close_code(socket));
  EXPECT_GT(bytes + told_bytes[socket], 1023U * 24'000);
  EXPECT_LT(most, 160U * 1024);
}

TEST_F(HubLimits, JoinsAgainReachTheOthersAtTheirPace) {
  connect_two();
  for (int second = 0; second < 60; ++second) {
    for (int i = 0; i < 200; ++i) {
      run_until(now + 5ms);
      json::Value join(join_of(b));
      join.set("routes", json::Array{"10.1." + std::to_string(second) + "." + std::to_string(i) + "/32"});
      send(socket_b, json::write(join));
    }
  }
  EXPECT_FALSE(close_code(socket_b));
  EXPECT_LE(inbox[socket_a].size(), 32U);
  run_until(now + 5s);
  const auto got = take(socket_a);
  EXPECT_EQ(json::write(*(*got.back().get_array("peers"))[0].find("routes")), R"(["10.1.59.199/32"])");
  EXPECT_EQ(hub->next_timeout(), kNever);
}

TEST_F(HubLimits, RequestsOfOneAddressAreLimitedAndOthersAreServed) {
  for (int i = 0; i < kRequestPace.burst; ++i) ASSERT_EQ(request("GET", "/status").status, 200);
  const Answer refused = request("GET", "/nothing");
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(refused.error(), "too_many_requests");
  EXPECT_EQ(refused.retry_after_s, 1);
  EXPECT_EQ(hub->counters().limited, 1U);
  const IpAddress flooder = std::exchange(client, IpAddress::v4(198, 51, 100, 1));
  EXPECT_EQ(request("GET", "/status").status, 200);
  client = flooder;
  advance(2ms);
  EXPECT_EQ(request("GET", "/status").status, 200);
  EXPECT_EQ(request("GET", "/status").status, 429);
}

TEST_F(HubLimits, RequestsOfOneDeviceAreLimitedWhateverItsAddress) {
  a = enroll("a");
  b = enroll("b");
  for (int i = 0; i < kDevicePace.burst; ++i) {
    client = IpAddress::v4(client.v4_value() + 1);
    ASSERT_EQ(request("GET", "/auth/devices", {}, a.access_token).status, 200) << i;
  }
  EXPECT_EQ(request("GET", "/auth/devices", {}, a.access_token).status, 429);
  EXPECT_EQ(try_open(ConnectionId{500}, a.access_token)->status, 429);
  EXPECT_EQ(request("GET", "/auth/devices", {}, b.access_token).status, 200);
  advance(10ms);
  EXPECT_EQ(request("GET", "/auth/devices", {}, a.access_token).status, 200);
}

TEST_F(HubLimits, AStrangersGuessesDoNotUseUpADevicesRequests) {
  a = enroll("a");
  for (int i = 0; i < 2 * kDevicePace.burst; ++i) {
    client = IpAddress::v4(client.v4_value() + 1);
    ASSERT_EQ(refresh(a.id, "guess").status, 401);
  }
  EXPECT_EQ(request("GET", "/auth/devices", {}, a.access_token).status, 200);
  EXPECT_EQ(refresh(a.id, a.refresh_token).status, 200);
}

TEST_F(HubLimits, UpgradesOfOneAddressAreLimited) {
  a = enroll("a");
  for (int i = 0; i < kUpgradePace.burst; ++i) {
    ASSERT_EQ(hub->on_open(now, unix_now, ConnectionId{7}, {"GET", "/connect", "Bearer x", {}, client})->status, 401);
  }
  const auto refused = try_open(ConnectionId{8}, a.access_token);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->status, 429);
  EXPECT_EQ(refused->retry_after_s, 1);
  EXPECT_EQ(request("GET", "/status").status, 200) << "requests have a pace of their own";
  client = IpAddress::v4(198, 51, 100, 1);
  EXPECT_FALSE(try_open(ConnectionId{9}, a.access_token));
}

TEST_F(HubLimits, TwoThousandRequestsASecondOfFourAddressesAndTwentyDevicesAreServed) {
  std::vector<Member> members;
  for (int i = 0; i < 20; ++i) members.push_back(enroll("device-" + std::to_string(i)));
  advance(10s);
  for (std::uint32_t i = 0; i < 10'000; ++i) {  // five seconds
    client = IpAddress::v4(198, 51, 100, static_cast<std::uint8_t>(i % 4));
    // The answer, a list of all twenty, is not read: that took longer than to make it.
    const std::string authorization = "Bearer " + members[i % 20].access_token;
    ASSERT_EQ(on_http({"GET", "/auth/devices", authorization, {}, client}).status, 200) << i;
    now += 500us;
  }
}

TEST_F(HubLimits, AnyOrderOfInputsKeepsTheHubConsistent) {
  std::vector<Member> members;
  for (int i = 0; i < 4; ++i) members.push_back(enroll("peer-" + std::to_string(i)));
  testing::SeededRandom dice(9);
  std::vector<ConnectionId> sockets;
  std::set<std::string> expected_online;
  for (int step = 0; step < 4000; ++step) {
    const Member& member = members[dice.below(4)];
    const ConnectionId socket =
        sockets.empty() ? ConnectionId{} : sockets[dice.below(static_cast<std::uint32_t>(sockets.size()))];
    switch (dice.below(7)) {
      case 0:
        if (sockets.size() > 30) sockets.erase(sockets.begin());
        sockets.push_back(static_cast<ConnectionId>(++last_connection));
        ASSERT_EQ(try_open(sockets.back(), member.access_token).value_or(HttpReply{401, {}, 0}).status, 401);
        break;
      case 1:
      case 2:
        if (!closed.contains(socket)) send(socket, json::write(join_of(member)));
        break;
      case 3:
        if (!closed.contains(socket)) send(socket, R"({"type":"offer","to":"peer-1","sdp":"v=0"})");
        break;
      case 4:
        hub->on_close(now, unix_now, socket);
        drain();
        break;
      case 5:
        advance(std::chrono::milliseconds(dice.below(3000)));
        if (hub->next_timeout() <= now) hub->on_timer(now, unix_now);
        drain();
        break;
      case 6:
        if (dice.below(50) == 0) {
          request("DELETE", "/auth/devices/" + member.id, {}, members[dice.below(4)].access_token);
        } else if (dice.below(10) == 0) {
          client = IpAddress::v4(client.v4_value() + 1);
          const Answer renewed = try_register(join_token(), member.name, member.public_key);
          for (Member& one : members) {
            if (one.name == member.name && renewed.status == 200) {
              one.access_token = renewed.text("access_token");
              one.id = renewed.text("device_id");
              one.address = renewed.text("address");
              one.address6 = renewed.text("address6");
            }
          }
        }
        break;
    }
    ASSERT_LE(request("GET", "/status").number("peers"), 4);
    ASSERT_GT(hub->next_timeout(), now);
  }
}

}  // namespace
}  // namespace bamgate::hub
