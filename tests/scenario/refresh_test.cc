// Refresh tokens when requests and replies are lost, late and repeated: the device always holds one that the hub takes.
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "sim/replay.h"
#include "sim/world.h"

namespace bamgate::sim {
namespace {

using namespace std::chrono_literals;

HubAnswer refresh(World& world, const Registration& registration, const std::string& token) {
  return world.hub.ask("POST", "/auth/refresh",
                       json::Object{{"device_id", registration.device_id}, {"refresh_token", token}});
}

class Refresh : public ::testing::TestWithParam<std::uint64_t> {};
INSTANTIATE_TEST_SUITE_P(Seeds, Refresh, ::testing::ValuesIn(seeds(5)), seed_name);

// anna -> token C          -> hub: the successor is N
// anna <- N, written down
// a copy of the same request, late -> hub: C's successor is M, N is nothing any more
// anna -> N: refused, C: taken
TEST(RefreshTokens, ALateCopyOfAnOlderRequestLocksNobodyOut) {
  World world(1);
  Device& anna = world.add_device("anna", world.network.internet(), {"203.0.113.10"});
  Device& bert = world.add_device("bert", world.network.internet(), {"203.0.113.11"});
  const std::string first = anna.registration().refresh_token;
  anna.start();
  ASSERT_TRUE(world.run_until([&] { return anna.refreshes == 1; }, 5s));
  ASSERT_EQ(refresh(world, anna.registration(), first).status, 200) << "the hub knows of no sign of the successor yet";
  bert.start();
  ASSERT_TRUE(world.run_until([&] { return world.all_connected(); }, 30s));

  anna.kill();
  anna.start();
  EXPECT_TRUE(world.run_until([&] { return world.all_connected(); }, 60s));
  EXPECT_EQ(anna.healed_refreshes, 1);
  EXPECT_FALSE(anna.given_up);
  anna.kill();
  anna.start();
  EXPECT_TRUE(world.run_until([&] { return world.all_connected(); }, 60s));
  EXPECT_EQ(anna.healed_refreshes, 1) << "after that all is as usual";
}

TEST(RefreshTokens, ADeviceWhoseTokensAreBothRefusedSaysWhyAndAsksEverMoreSlowly) {
  World world(2);
  Device& anna = world.add_device("anna", world.network.internet(), {"203.0.113.10"});
  std::string token = anna.registration().refresh_token;
  anna.start();
  ASSERT_TRUE(world.run_until([&] { return anna.refreshes == 1; }, 5s));
  anna.kill();
  // Somebody has a copy of its secrets, and uses them twice.
  for (int i = 0; i < 2; ++i) token = refresh(world, anna.registration(), token).text("refresh_token");
  ASSERT_FALSE(token.empty());
  ASSERT_FALSE(refresh(world, anna.registration(), token).text("refresh_token").empty());
  world.hub.requests.clear();
  anna.start();
  world.run_for(59s);
  EXPECT_EQ(world.hub.requests["/auth/refresh"], 2) << "with each of the two tokens";
  ASSERT_FALSE(anna.notices.empty());
  EXPECT_NE(anna.notices.back().find("another machine seems to use this folder"), std::string::npos);
  world.run_for(24h);
  EXPECT_FALSE(anna.given_up);
  // After 1, 2, 4 ... minutes, and every two hours or a little later at last; two requests each.
  EXPECT_GE(world.hub.requests["/auth/refresh"], 2 * 14);
  EXPECT_LE(world.hub.requests["/auth/refresh"], 2 * 19);
}

/// A device that asks, and a network that keeps copies of its requests and delivers them whenever it likes.
struct Asking {
  World& world;
  const Registration& registration;
  testing::SeededRandom random;
  config::Secrets secrets;
  std::vector<std::string> on_their_way;

  HubAnswer deliver(const std::string& token) {
    world.run_for(10s);  // so that no number of refusals counts as an attack
    return refresh(world, registration, token);
  }
  void deliver_an_old_one() {
    if (on_their_way.empty()) return;
    const auto at = random.below(static_cast<std::uint32_t>(on_their_way.size()));
    deliver(on_their_way[at]);
    if (random.below(3) != 0) on_their_way.erase(on_their_way.begin() + at);
  }
  /// One request of an exchange: lost on the way there, or on the way back, or answered; copies may come later.
  HubAnswer ask(const std::string& token) {
    if (random.below(2) == 0) on_their_way.push_back(token);
    if (random.below(3) == 0) deliver_an_old_one();
    if (random.below(4) == 0) return {};
    const HubAnswer answer = deliver(token);
    if (random.below(3) == 0) deliver_an_old_one();
    return random.below(4) == 0 ? HubAnswer{} : answer;
  }
  /// The status of the whole exchange.
  int exchange(bool calm) {
    agent::RefreshExchange exchange(secrets);
    while (true) {
      const std::string token(exchange.token());
      const HubAnswer answer = calm ? deliver(token) : ask(token);
      if (answer.status == 401 && exchange.refused(answer.text("error"))) continue;
      if (answer.status != 200) return answer.status;
      exchange.accepted(answer.text("refresh_token"));
      if (random.below(2) == 0) world.hub.ask("GET", "/auth/devices", {}, answer.text("access_token"));
      return 200;
    }
  }
};

TEST_P(Refresh, NoOrderOfLostLateAndRepeatedRequestsLocksADeviceOut) {
  World world(GetParam());
  const Device& anna = world.add_device("anna", world.network.internet(), {"203.0.113.10"});
  Asking asking{world, anna.registration(), testing::SeededRandom(GetParam()), {}, {}};
  agent::begin_refresh_tokens(asking.secrets, anna.registration().refresh_token);
  for (int round = 0; round < 1000; ++round) {
    const int status = asking.exchange(false);
    ASSERT_TRUE(status == 200 || status == 0) << "refused in round " << round;
    if (round % 10 != 0) continue;
    ASSERT_EQ(asking.exchange(true), 200) << "in round " << round;
  }
}

}  // namespace
}  // namespace bamgate::sim
