// Long times: whole days in seconds, or eight hours where a sanitizer looks.
#include <gtest/gtest.h>

#include "sim/replay.h"
#include "sim/world.h"
#include "support/heap.h"
#include "support/sanitized.h"

namespace bamgate::sim {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::hours kDay = testing::kSanitized ? 8h : 24h;

class Endurance : public ::testing::TestWithParam<std::uint64_t> {
 protected:
  void SetUp() override { ASSERT_TRUE(world.start_all(5s)); }

  World world{GetParam()};
  Device& anna = world.add_device("anna", world.network.add_lan("left", "198.51.100.1"), {"192.168.1.2"});
  Device& bert = world.add_device("bert", world.network.add_lan("right", "198.51.100.2"), {"192.168.2.2"});
};

INSTANTIATE_TEST_SUITE_P(Seeds, Endurance, ::testing::Values(first_seed()), seed_name);

TEST_P(Endurance, ADayOfSparseTrafficLosesNothing) {
  const int attempts = anna.attempts();
  // Every 30 s: the session is renewed every 2 minutes. Every 7 minutes: each packet finds no session at all.
  Flow often(world.agenda, anna, bert, 1000, 30s);
  Flow seldom(world.agenda, bert, anna, 1001, 7min);
  world.run_for(kDay);
  often.stop();
  seldom.stop();
  world.run_for(1min);
  EXPECT_EQ(often.result().sent, static_cast<std::uint64_t>(kDay / 30s + 1));
  EXPECT_EQ(often.result().lost() + seldom.result().lost(), 0U);
  EXPECT_LE(often.result().longest, 100ms);
  EXPECT_LE(anna.peer("bert").since_handshake.value(), 4min);
  EXPECT_TRUE(world.all_connected());
  EXPECT_EQ(anna.attempts(), attempts) << "the connection was made anew";
}

// A packet each 10 s keeps the session in use: WireGuard makes a new one every 2 minutes (paper, §6.2), and ICE asks
// for consent about every 5 s (RFC 7675 §5.1), each side for itself.
TEST_P(Endurance, ADayHasItsRekeysAndConsentChecksAndNothingGrows) {
  std::uint64_t checks = 0;
  world.network.fault = [&](const Flight& flight) {
    const bool request = flight.data.size() > 1 && flight.data[0] == std::byte{0} && flight.data[1] == std::byte{1};
    const bool to_hub = world.hub.is_udp(flight.destination);
    if (request && !to_hub && &flight.from == &anna.host()) ++checks;
    return false;
  };
  Flow there(world.agenda, anna, bert, 1000, 10s);
  Flow back(world.agenda, bert, anna, 1000, 10s);
  world.run_for(1h);
  anna.forget_the_past();
  bert.forget_the_past();
  checks = 0;
  const std::size_t heap = bamgate::testing::heap_in_use();
  const std::size_t pending = world.agenda.pending();
  const std::size_t sockets = anna.host().sockets.size();
  int rekeys = 0;
  for (Duration age = 0s; world.agenda.now() < Agenda::kStart + 1h + kDay;) {
    world.run_for(5s);
    const Duration now = anna.peer("bert").since_handshake.value();
    if (now < age) ++rekeys;
    age = now;
    EXPECT_LE(age, 135s) << "the session was not renewed in time";
  }
  EXPECT_GE(rekeys, kDay / 133s);  // one in 120 s; a packet every 10 s notices up to 10 s late
  EXPECT_LE(rekeys, kDay / 120s);
  EXPECT_GE(checks, static_cast<std::uint64_t>(kDay / 6s));
  EXPECT_LE(checks, static_cast<std::uint64_t>(kDay / 4s));
  EXPECT_EQ(there.result().twice, 0U);
  anna.forget_the_past();
  bert.forget_the_past();
  // Of this, 2 * 131,072 bytes are the two flows' own memory of when they sent.
  EXPECT_LE(bamgate::testing::heap_in_use(), heap + 300'000) << "bytes";
  EXPECT_LE(world.agenda.pending(), pending + 4);
  EXPECT_EQ(anna.host().sockets.size(), sockets);
  EXPECT_EQ(anna.packets_in_use(), 0U);
}

TEST_P(Endurance, PacketsThatFindNoSessionAreDeliveredAllTheSame) {
  Flow seldom(world.agenda, bert, anna, 1001, 7min);
  world.run_for(kDay / 4);
  seldom.stop();
  world.run_for(1min);
  EXPECT_EQ(seldom.result().lost(), 0U);
  EXPECT_LE(seldom.result().longest, 200ms);
}

// A token lives for an hour and is renewed after 50 minutes; nothing else happens.
TEST_P(Endurance, ADayOfSilenceOnlyRefreshesAccessTokensAheadOfTime) {
  const int attempts = anna.attempts();
  const int before = anna.refreshes;
  world.run_for(kDay);
  EXPECT_TRUE(world.all_connected());
  EXPECT_EQ(anna.attempts(), attempts) << "the connection was made anew";
  EXPECT_EQ(bert.attempts(), attempts);
  EXPECT_TRUE(world.ping(anna, bert));
  EXPECT_GE(anna.refreshes - before, kDay / 1h);
  EXPECT_LE(anna.refreshes - before, kDay / 1h * 5 / 4);
  EXPECT_TRUE(anna.agent().want_access_token(world.agenda.now(), ""));
  // Whenever the hub breaks, the token at hand serves at once.
  const int refreshes = anna.refreshes;
  world.hub.stop();
  world.run_for(1s);
  world.hub.start();
  EXPECT_TRUE(world.run_until([&] { return anna.agent().status(world.agenda.now()).hub_connected; }, 3s));
  EXPECT_EQ(anna.refreshes, refreshes);
}

TEST_P(Endurance, ARefreshThatFindsNoHubIsTriedAgainUntilItWorks) {
  world.run_for(45min);
  world.hub.stop();
  world.run_for(3h);
  const int asked = world.hub.requests["/auth/refresh"];
  world.hub.start();
  EXPECT_TRUE(world.run_until([&] { return anna.agent().status(world.agenda.now()).hub_connected; }, 35s));
  EXPECT_LE(world.hub.requests["/auth/refresh"], asked + 2);
  EXPECT_TRUE(world.all_connected());
}

}  // namespace
}  // namespace bamgate::sim
