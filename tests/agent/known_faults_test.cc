// Faults that programs of this kind are known for, each as one test. Those of the hub stand in tests/hub; docs/agent.md
// lists all.
#include <gmock/gmock.h>

#include "agent/restart_policy.h"
#include "agent/scripted_hub.h"
#include "peer/overhead.h"
#include "signaling/backoff.h"
#include "sim/inner_packet.h"

namespace bamgate::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class KnownFaults : public ScriptedHub {};

constexpr IpAddress kElsewhere = IpAddress::v4(198, 51, 100, 7);
constexpr IpAddress kElsewhere2 = IpAddress::v4(198, 51, 100, 8);

// Both move, both offer, and the two offers cross each other.
TEST_F(KnownFaults, GlareAfterARestartEndsInOneConnection) {
  connect_anna_and_bert();
  forward = false;
  move(*anna, {kElsewhere});
  move(*bert, {kElsewhere2});
  rejoin(*anna, {bert->info});
  rejoin(*bert, {anna->info});
  ASSERT_EQ(anna->count<signaling::Offer>(), 1);
  ASSERT_EQ(bert->count<signaling::Offer>(), 1);
  forward = true;
  run_for(2s);
  EXPECT_EQ(anna->state_of("bert", now), "connected");
  EXPECT_EQ(bert->state_of("anna", now), "connected");
  const int attempts = anna->attempts() + bert->attempts();
  run_for(2min);
  EXPECT_EQ(anna->attempts() + bert->attempts(), attempts);
}

TEST_F(KnownFaults, APeerThatLeftWhileTheHubWasAwayIsNoZombie) {
  connect_anna_and_bert();
  anna->hub_closes(1006);
  kill(*bert);
  run_for(1s);
  rejoin(*anna, {});
  run_for(10min);
  EXPECT_EQ(anna->state_of("bert", now), "new");
  EXPECT_EQ(anna->attempts(), 1) << "nobody is there to be offered anything";
  EXPECT_EQ(anna->under_way(), 0);
}

TEST_F(KnownFaults, CandidatesThatComeBeforeTheirDescriptionAreNotLost) {
  forward = false;
  anna = &make("anna", "10.100.0.1/16", 1);
  bert = &make("bert", "10.100.0.2/16", 2);
  bring_online(*bert, {anna->info});
  bring_online(*anna, {bert->info});
  auto offer = anna->take<signaling::Offer>();
  ASSERT_TRUE(offer);
  for (const std::string& line : take_candidates(offer->sdp)) {
    say(*bert, signaling::IceCandidate{.from = "anna", .to = "bert", .candidate = line, .extra = {}});
  }
  say(*bert, *offer);
  // anna hears of no candidate of bert: only bert's checks to hers can find the path.
  auto answer = bert->take<signaling::Answer>();
  ASSERT_TRUE(answer);
  (void)take_candidates(answer->sdp);
  say(*anna, *answer);
  run_for(3s);
  EXPECT_EQ(anna->state_of("bert", now), "connected");
}

// ICE alone would go on: only its own checks are answered by whoever has the port now.
TEST_F(KnownFaults, ADeadSessionIsNotTakenForAConnectionBecauseThePeerStartedAfresh) {
  connect_anna_and_bert();
  kill(*bert);
  Actor& again = make("bert", "10.100.0.2/16", 2);
  bring_online(again, {anna->info});
  announce(*anna, {again.info});
  run_for(1s);
  EXPECT_EQ(anna->state_of("bert", now), "connected");
  EXPECT_EQ(again.state_of("anna", now), "connected");
  EXPECT_EQ(anna->attempts(), 2);
  send_packet(*anna, "10.100.0.2");
  settle();
  EXPECT_EQ(again.tun.size(), 1U);
}

// The same with a peer that does not say which run of it this is: traffic that nobody answers tells.
TEST_F(KnownFaults, ADeadSessionWithAPeerThatDoesNotTellOfItsRestartEndsWithin15Seconds) {
  connect_anna_and_bert();
  kill(*bert);
  Actor& again = make("bert", "10.100.0.2/16", 2);
  bring_online(again, {anna->info});
  again.info.metadata = bert->info.metadata;
  announce(*anna, {again.info});
  send_packet(*anna, "10.100.0.2");
  run_for(14s);
  EXPECT_EQ(anna->attempts(), 1);
  run_for(3s);
  EXPECT_EQ(anna->state_of("bert", now), "connected");
  EXPECT_EQ(again.state_of("anna", now), "connected");
}

TEST_F(KnownFaults, AThousandFailuresLaterNoWaitHasOverflowed) {
  bamgate::testing::SeededRandom random(7);
  RestartPolicy policy;
  signaling::Backoff backoff;
  for (int i = 0; i < 1000; ++i) {
    const Duration to_peer = policy.next(random);
    const Duration to_hub = backoff.next(random);
    if (i < 10) continue;
    ASSERT_GE(to_peer, 22'500ms) << i;
    ASSERT_LE(to_peer, 30s) << i;
    ASSERT_GE(to_hub, 15s) << i;
    ASSERT_LE(to_hub, 30s) << i;
  }
}

TEST_F(KnownFaults, ARevokedDeviceStopsForGood) {
  connect_anna_and_bert();
  const int refreshes = anna->refreshes;
  run_for(3000s);
  ASSERT_EQ(anna->refreshes, refreshes + 1) << "ahead of time: the token at hand still serves";
  anna->get_no_token({.verdict = signaling::Verdict::kGone});
  move(*anna, {kElsewhere});  // no change of the network wakes it
  run_for(24h);
  EXPECT_EQ(anna->stopped, StopReason::kRevoked);
  EXPECT_EQ(anna->connects.size(), 1U);
  EXPECT_EQ(anna->refreshes, refreshes + 1);
}

TEST_F(KnownFaults, AnAccessTokenThatExpiredDuringASuspendIsNotPresented) {
  connect_anna_and_bert();
  const int refreshes = anna->refreshes;
  sleep(*anna, 2h);
  run_for(1s);
  EXPECT_EQ(anna->disconnects, 1) << "the connection from before is not trusted";
  EXPECT_EQ(anna->refreshes, refreshes + 1);
  EXPECT_THAT(anna->connects, ElementsAre("token")) << "that of before the suspend, and none since";
  anna->get_token("fresh", 3600s);
  settle();
  EXPECT_THAT(anna->connects, ElementsAre("token", "fresh"));
}

// The hub's part is HubRefresh.ALostReplyLocksNobodyOut: the same refresh token may be presented again.
TEST_F(KnownFaults, ARefreshWhoseReplyWasLostIsAskedForAgain) {
  Actor& self = make("anna", "10.100.0.1/16", 1);
  self.start();
  settle();
  ASSERT_EQ(self.refreshes, 1);
  self.get_no_token({});
  run_for(1s);
  EXPECT_EQ(self.refreshes, 2);
  EXPECT_FALSE(self.stopped);
  self.get_token("second", 3600s);
  settle();
  EXPECT_THAT(self.connects, ElementsAre("second"));
}

TEST_F(KnownFaults, APeerWithoutAddressIsNotGivenTheWholeInternet) {
  anna = &make("anna", "10.100.0.1/16", 1);
  bert = &make("bert", "10.100.0.2/16", 2);
  signaling::PeerInfo nameless = bert->info;
  nameless.address.clear();
  bring_online(*anna, {nameless});
  bring_online(*bert, {anna->info});
  run_for(3s);
  ASSERT_EQ(anna->state_of("bert", now), "connected");
  for (const char* destination : {"10.100.0.2", "8.8.8.8", "0.0.0.0"}) send_packet(*anna, destination);
  send_packet(*bert, "10.100.0.1");
  settle();
  EXPECT_THAT(bert->tun, IsEmpty());
  EXPECT_THAT(anna->tun, IsEmpty()) << "nor may it send from any address";
  EXPECT_EQ(anna->counter("packets_no_peer", now), 3U);
  EXPECT_EQ(anna->counter("packets_wrong_source", now), 1U);
}

// The hub's part is HubSignaling.AForeignIdentityIsRefusedWhileTheRightfulPeerStays.
TEST_F(KnownFaults, ANameWithAnotherKeyThanThePinnedOneIsRefused) {
  connect_anna_and_bert();
  Actor& impostor = make("bert", "10.100.0.2/16", 666);
  announce(*anna, {impostor.info});
  say(*anna, signaling::Offer{
                 .from = "bert", .to = "anna", .sdp = "v=0", .public_key = impostor.info.public_key, .extra = {}});
  run_for(1s);
  EXPECT_EQ(anna->counter("messages_refused", now), 2U);
  EXPECT_EQ(anna->runner.status(now).peers.front().public_key, bert->info.public_key);
  send_packet(*anna, "10.100.0.2");
  settle();
  EXPECT_EQ(bert->tun.size(), 1U) << "the pinned one stays connected";
}

TEST_F(KnownFaults, AFullPacketOfTheTunnelFitsOneDatagramOfCommonPaths) {
  connect_anna_and_bert();
  largest_datagram = 0;
  send_packet(*anna, "10.100.0.2", peer::kDefaultMtu);
  settle();
  ASSERT_EQ(bert->tun.size(), 1U);
  EXPECT_EQ(bert->tun.front().size(), peer::kDefaultMtu);
  EXPECT_GT(largest_datagram, peer::kDefaultMtu) << "in one piece";
  EXPECT_LE(largest_datagram + peer::kUdpHeader + peer::kIpv6Header, 1425U);
}

}  // namespace
}  // namespace bamgate::agent
