// What an agent counts: nothing is lost with an attempt or a peer, and everything has a name and words.
#include "agent/counters.h"

#include <gmock/gmock.h>

#include <set>

#include "agent/scripted_hub.h"

namespace bamgate::agent {
namespace {

class AgentCounts : public ScriptedHub {
 protected:
  CounterValues values(const Actor& actor) const { return actor.runner.status(now).counters; }
  /// Anna and Bert are connected, and something of each layer has been counted.
  void connect_and_talk() {
    connect_anna_and_bert();
    for (int i = 0; i < 10; ++i) send_packet(*anna, "10.100.0.2");
    run_for(1s);
  }
};

/// Those that one side of a connection counts in any case, one of each layer.
const std::set<std::string> kOfEachLayer = {"ice_checks_succeeded", "sctp_packets_out", "sctp_chunks_sent",
                                            "sctp_messages_out", "wg_handshakes"};

void expect_no_less(const CounterValues& before, const CounterValues& after) {
  for (const auto& [name, value] : before) EXPECT_GE(after.at(name), value) << name;
}

TEST_F(AgentCounts, OfAnAttemptAreKeptWhenItEnds) {
  connect_and_talk();
  const CounterValues first = values(*anna);
  for (const std::string& name : kOfEachLayer) EXPECT_GT(first.at(name), 0U) << name;

  move(*anna, {IpAddress::v4(198, 51, 100, 7)});
  expect_no_less(first, values(*anna));
  rejoin(*anna, {bert->info});
  run_for(3s);
  ASSERT_EQ(anna->state_of("bert", now), "connected");
  ASSERT_GE(anna->attempts(), 2);
  const CounterValues second = values(*anna);
  expect_no_less(first, second);
  for (const std::string& name : kOfEachLayer) EXPECT_GT(second.at(name), first.at(name)) << name;
}

TEST_F(AgentCounts, OfAPeerAreKeptWhenItIsGoneForGood) {
  connect_and_talk();
  const CounterValues before = values(*anna);
  say(*anna, signaling::PeerRevoked{.peer_id = "bert", .public_key = bert->info.public_key});
  ASSERT_TRUE(anna->runner.status(now).peers.empty());
  expect_no_less(before, values(*anna));
}

TEST_F(AgentCounts, AMessageThatWaitedWhenItsAttemptEndedIsADrop) {
  connect_and_talk();
  wire = false;
  const std::uint64_t before = anna->counter("dropped_sends", now);
  // More than the congestion window takes: the rest waits.
  for (int i = 0; i < 100; ++i) send_packet(*anna, "10.100.0.2", 1200);
  ASSERT_EQ(anna->counter("dropped_sends", now), before);
  move(*anna, {IpAddress::v4(198, 51, 100, 7)});
  EXPECT_GT(anna->counter("dropped_sends", now), before + 50);
}

TEST_F(AgentCounts, EachHasANameOfItsOwnAndWords) {
  connect_anna_and_bert();
  std::set<std::string> names;
  for (const CounterGroup& group : counter_groups()) {
    EXPECT_FALSE(group.title.empty());
    for (const auto& [name, words] : group.entries) {
      EXPECT_TRUE(names.emplace(name).second) << name;
      EXPECT_GT(words.size(), 5U) << name;
    }
  }
  for (const auto& [name, value] : values(*anna)) EXPECT_TRUE(names.contains(std::string(name))) << name;
  EXPECT_EQ(names.size(), values(*anna).size()) << "status has all of them, the runner's too";
}

}  // namespace
}  // namespace bamgate::agent
