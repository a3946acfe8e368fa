// What an agent makes of what the hub says: whom it believes, whom it refuses, and when it gives up.
#include <gmock/gmock.h>

#include "agent/scripted_hub.h"

namespace bamgate::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class AgentAndHub : public ScriptedHub {};

TEST_F(AgentAndHub, AnOfferFromAnUnknownPeerIsRefused) {
  Actor& bert_alone = make("bert", "10.100.0.2/16", 2);
  Actor& anna_alone = make("anna", "10.100.0.1/16", 1);
  forward = false;
  bring_online(bert_alone, {});
  bring_online(anna_alone, {bert_alone.info});
  auto offer = anna_alone.take<signaling::Offer>();
  ASSERT_TRUE(offer);
  say(bert_alone, *offer);
  EXPECT_FALSE(bert_alone.take<signaling::Answer>());
  EXPECT_EQ(bert_alone.attempts(), 0);
  EXPECT_EQ(bert_alone.counter("messages_refused", now), 1U);
}

TEST_F(AgentAndHub, AnOfferWithAnotherKeyThanTheListedOneIsRefused) {
  Actor& listed = make("anna", "10.100.0.1/16", 1);
  Actor& impostor = make("anna", "10.100.0.1/16", 666);
  Actor& receiver = make("bert", "10.100.0.2/16", 2);
  forward = false;
  bring_online(receiver, {listed.info});
  bring_online(impostor, {receiver.info});
  auto offer = impostor.take<signaling::Offer>();
  ASSERT_TRUE(offer);
  EXPECT_EQ(offer->public_key, impostor.info.public_key);
  say(receiver, *offer);
  EXPECT_FALSE(receiver.take<signaling::Answer>());
  EXPECT_EQ(receiver.counter("messages_refused", now), 1U);

  // Without a key of its own to check, the offer is taken; WireGuard then refuses whoever has not the listed one.
  offer->public_key.clear();
  forward = true;
  say(receiver, *offer);
  run_for(10s);
  EXPECT_NE(receiver.state_of("anna", now), "connected");
  EXPECT_NE(impostor.state_of("bert", now), "connected");
}

TEST_F(AgentAndHub, AnOfferFromTheSideThatShouldAnswerIsIgnored) {
  Actor& offerer = make("anna", "10.100.0.1/16", 1);
  Actor& answerer = make("bert", "10.100.0.2/16", 2);
  forward = false;
  bring_online(offerer, {answerer.info});
  auto own = offerer.take<signaling::Offer>();
  ASSERT_TRUE(own);
  ASSERT_EQ(offerer.attempts(), 1);
  say(offerer, signaling::Offer{
                   .from = "bert", .to = "anna", .sdp = own->sdp, .public_key = answerer.info.public_key, .extra = {}});
  EXPECT_FALSE(offerer.take<signaling::Answer>());
  EXPECT_EQ(offerer.attempts(), 1) << "its own attempt goes on";

  // And the other side never offers by itself.
  bring_online(answerer, {offerer.info});
  run_for(2min);
  EXPECT_FALSE(answerer.take<signaling::Offer>());
  EXPECT_EQ(answerer.attempts(), 0);
}

TEST_F(AgentAndHub, APacketFromTheTunThatIsNoIpIsCounted) {
  Actor& self = make("bert", "10.100.0.2/16", 2);
  bring_online(self, {});
  EXPECT_EQ(self.counter("packets_malformed", now), 0U);
  PacketBuffer junk = self.pool.take();
  std::ranges::fill(junk.append(3), std::byte{0});
  self.runner.on_tun(now, std::move(junk));
  EXPECT_EQ(self.counter("packets_malformed", now), 1U);
}

TEST_F(AgentAndHub, APeerWithoutAKeyOrWithOursForANameIsRefused) {
  Actor& self = make("bert", "10.100.0.2/16", 2);
  signaling::PeerInfo nobody;
  nobody.peer_id = "anna";
  nobody.address = "10.100.0.1/16";
  signaling::PeerInfo low_order = nobody;
  low_order.peer_id = "carl";
  low_order.public_key = wg::PublicKey{}.to_string();
  bring_online(self, {nobody, low_order});
  EXPECT_THAT(self.runner.status(now).peers, IsEmpty());
  EXPECT_EQ(self.counter("messages_refused", now), 2U);
}

TEST_F(AgentAndHub, ARevokedPeersTunnelIsDroppedAndStaysRefused) {
  connect_anna_and_bert();
  say(*anna, signaling::PeerRevoked{"bert", bert->info.public_key});
  EXPECT_THAT(anna->runner.status(now).peers, IsEmpty());
  EXPECT_EQ(anna->under_way(), 0);
  settle();
  EXPECT_EQ(bert->state_of("anna", now), "reconnecting") << "bert was told at once";

  announce(*anna, {bert->info});
  EXPECT_THAT(anna->runner.status(now).peers, IsEmpty());
  say(*anna,
      signaling::Offer{.from = "bert", .to = "anna", .sdp = "v=0", .public_key = bert->info.public_key, .extra = {}});
  send_packet(*bert, "10.100.0.1");
  run_for(1min);
  EXPECT_THAT(anna->tun, IsEmpty());
  EXPECT_EQ(anna->attempts(), 1);
}

TEST_F(AgentAndHub, AKnownKeyUnderAnotherNameIsThatDeviceRenamed) {
  connect_anna_and_bert();
  Actor& renamed = make("carl", "10.100.0.2/16", 2);
  say(*anna, signaling::PeerLeft{"bert"});
  announce(*anna, {renamed.info});
  ASSERT_EQ(anna->runner.status(now).peers.size(), 1U);
  EXPECT_EQ(anna->runner.status(now).peers.front().id, "carl");
  bring_online(renamed, {anna->info});
  run_for(10s);
  EXPECT_EQ(anna->state_of("carl", now), "connected");
  send_packet(*anna, "10.100.0.2");
  run_for(1s);
  EXPECT_FALSE(renamed.tun.empty()) << "its address is the new name's";
}

TEST_F(AgentAndHub, AKeyThatIsListedUnderTwoNamesIsOnePeer) {
  connect_anna_and_bert();
  Actor& renamed = make("carl", "10.100.0.2/16", 2);
  announce(*anna, {bert->info, renamed.info});
  ASSERT_EQ(anna->runner.status(now).peers.size(), 1U);
  EXPECT_EQ(anna->runner.status(now).peers.front().id, "carl");
  announce(*anna, {renamed.info, bert->info});
  EXPECT_EQ(anna->runner.status(now).peers.size(), 1U);
}

TEST_F(AgentAndHub, ARevocationOfAnotherKeyOfThatNameChangesNothing) {
  connect_anna_and_bert();
  Actor& former = make("bert", "10.100.0.9/16", 99);
  say(*anna, signaling::PeerRevoked{"bert", former.info.public_key});
  EXPECT_EQ(anna->state_of("bert", now), "connected");
}

TEST_F(AgentAndHub, TheHubsWordThatItDoesNotKnowThisDeviceEndsTheAgent) {
  Actor& self = make("anna", "10.100.0.1/16", 1);
  self.start();
  settle();
  EXPECT_EQ(self.refreshes, 1);
  self.get_no_token({.verdict = signaling::Verdict::kGone});
  run_for(1h);
  EXPECT_EQ(self.stopped, StopReason::kRevoked);
  EXPECT_EQ(self.refreshes, 1) << "it does not hammer the hub";
}

TEST_F(AgentAndHub, ACloseAsOfARevokedDeviceIsAskedAboutAndEndsNothingByItself) {
  connect_anna_and_bert();
  anna->hub_closes(4410);
  run_for(1s);
  EXPECT_EQ(anna->refreshes, 2) << "the hub is asked at once, and not with the token at hand";
  EXPECT_THAT(anna->connects, ElementsAre("token"));
  anna->get_no_token({.text = "something that is not the hub answered with status 403"});
  run_for(1s);
  EXPECT_FALSE(anna->stopped);
  EXPECT_EQ(anna->state_of("bert", now), "connected");
  EXPECT_TRUE(anna->noticed("something that is not the hub answered with status 403"));
  anna->get_no_token({.verdict = signaling::Verdict::kGone});
  settle();
  EXPECT_EQ(anna->stopped, StopReason::kRevoked);
}

TEST_F(AgentAndHub, StatusSaysWhyThereIsNoConnectionAndWhenTheNextTryIs) {
  Actor& self = make("anna", "10.100.0.1/16", 1);
  self.start();
  settle();
  EXPECT_EQ(self.runner.status(now).hub_error, "") << "nothing has failed yet";
  self.get_no_token({.text = "cannot reach the hub"});
  settle();
  EXPECT_EQ(self.runner.status(now).hub_error, "cannot reach the hub");
  ASSERT_TRUE(self.runner.status(now).hub_next_try);
  EXPECT_LE(*self.runner.status(now).hub_next_try, 250ms);
  run_for(1s);
  EXPECT_EQ(self.runner.status(now).hub_error, "cannot reach the hub");
  EXPECT_FALSE(self.runner.status(now).hub_next_try) << "it is under way";
  self.get_token("token", 3600s);
  settle();
  rejoin(self, {});
  EXPECT_TRUE(self.runner.status(now).hub_connected);
  EXPECT_EQ(self.runner.status(now).hub_error, "");
}

// An expired refresh token ends neither tunnels nor the device: it is asked again after minutes, then after hours.
TEST_F(AgentAndHub, AnExpiredRefreshTokenIsAskedAgainEverMoreSlowlyAndTunnelsStay) {
  connect_anna_and_bert();
  const signaling::HubFault expired{
      .verdict = signaling::Verdict::kExpired, .text = "expired", .code = {}, .status = 401};
  run_for(3000s);
  ASSERT_EQ(anna->refreshes, 2);
  anna->get_no_token(expired);
  EXPECT_EQ(anna->runner.status(now).hub_error, "expired") << "though the connection is still there";
  EXPECT_TRUE(anna->runner.status(now).hub_connected);
  anna->hub_closes(4401);
  for (const Instant end = now + 24h; now < end;) {
    const int before = anna->refreshes;
    while (anna->refreshes == before && now < end) {
      send_packet(*anna, "10.100.0.2");
      run_for(10s);
    }
    anna->get_no_token(expired);
  }
  EXPECT_FALSE(anna->stopped);
  EXPECT_EQ(anna->state_of("bert", now), "connected");
  EXPECT_EQ(anna->runner.status(now).hub_error, "expired");
  EXPECT_GE(anna->refreshes, 2 + 14);
  EXPECT_LE(anna->refreshes, 2 + 20);
  run_for(3h);
  anna->get_token("renewed", 3600s);
  settle();
  EXPECT_EQ(anna->connects.back(), "renewed");
}

TEST_F(AgentAndHub, ATokenIsRefreshedAheadOfTimeAndAgainAfterAFailure) {
  Actor& self = make("anna", "10.100.0.1/16", 1);
  bring_online(self, {});
  ASSERT_EQ(self.refreshes, 1);
  run_for(3000s);
  EXPECT_EQ(self.refreshes, 2);
  self.get_no_token({});
  run_for(29s);
  EXPECT_EQ(self.refreshes, 2);
  run_for(1s);
  EXPECT_EQ(self.refreshes, 3);
  self.get_token("next", 3600s);
  EXPECT_EQ(self.runner.want_access_token(now, ""), "next");
  EXPECT_THAT(self.connects, ElementsAre("token")) << "the connection stays";
}

TEST_F(AgentAndHub, ATokenThatTheHubRefusesIsNotPresentedAgain) {
  Actor& self = make("anna", "10.100.0.1/16", 1);
  self.start();
  self.get_token("old", 3600s);
  settle();
  self.hub_refuses({.verdict = signaling::Verdict::kTokenRefused});
  run_for(1s);
  EXPECT_THAT(self.connects, ElementsAre("old"));
  EXPECT_EQ(self.refreshes, 2);
  self.get_token("new", 3600s);
  settle();
  EXPECT_THAT(self.connects, ElementsAre("old", "new"));
}

// A command got the agent's token, and the hub does not take it, as when its clock was set.
TEST_F(AgentAndHub, ACommandWhoseTokenIsRefusedGetsTheNextOneAndTheConnectionStays) {
  Actor& self = make("anna", "10.100.0.1/16", 1);
  bring_online(self, {});
  EXPECT_EQ(self.runner.want_access_token(now, ""), "token");
  EXPECT_EQ(self.runner.want_access_token(now, "an older one"), "token");
  EXPECT_EQ(self.refreshes, 1);
  EXPECT_FALSE(self.runner.want_access_token(now, "token"));
  EXPECT_FALSE(self.runner.want_access_token(now, "token")) << "it is asked for once";
  EXPECT_EQ(self.refreshes, 2);
  self.get_token("next", 3600s);
  EXPECT_EQ(self.runner.want_access_token(now, "token"), "next");
  EXPECT_THAT(self.connects, ElementsAre("token")) << "the connection stays";
}

TEST_F(AgentAndHub, ACommandThatFindsNoTokenAsksForOneEvenAfterAFailure) {
  Actor& self = make("anna", "10.100.0.1/16", 1);
  bring_online(self, {});
  EXPECT_FALSE(self.runner.want_access_token(now, "token"));
  self.get_no_token({});
  EXPECT_FALSE(self.runner.want_access_token(now, ""));
  EXPECT_EQ(self.refreshes, 3);
}

// The device waits for hours; whoever has renewed it goes there and asks.
TEST_F(AgentAndHub, ATokenThatACommandGotEndsTheWaitOfADeviceWhoseCredentialsHadExpired) {
  Actor& self = make("anna", "10.100.0.1/16", 1);
  self.start();
  for (int i = 0; i < 6; ++i) {
    self.get_no_token({.verdict = signaling::Verdict::kExpired, .text = "expired", .code = {}, .status = 401});
    if (i < 5) run_for(3h);
  }
  EXPECT_FALSE(self.runner.want_access_token(now, ""));
  self.get_token("renewed", 3600s);
  run_for(1s);
  EXPECT_THAT(self.connects, ElementsAre("renewed"));
}

TEST_F(AgentAndHub, AnUnansweringHubIsAskedAMeasuredNumberOfTimesInADay) {
  Actor& self = make("anna", "10.100.0.1/16", 1);
  self.start();
  self.get_token("token", 24h * 30);
  settle();
  for (const Instant end = now + 24h; now < end;) {
    const std::size_t before = self.connects.size();
    self.hub_refuses({});
    while (self.connects.size() == before && now < end) run_for(1s);
  }
  EXPECT_GE(self.connects.size(), 2880U);  // one each 30 s
  EXPECT_LE(self.connects.size(), 6000U);  // one each 15 s
}

TEST_F(AgentAndHub, ARouteOfARevokedPeerGoesToTheOneThatAnnouncedItToo) {
  const IpPrefix route = *IpPrefix::parse("192.168.1.0/24");
  Actor& self = make("dora", "10.100.0.4/16", 4, {{"anna", {route}}, {"bert", {route}}});
  Actor& first = make("anna", "10.100.0.1/16", 1);
  Actor& second = make("bert", "10.100.0.2/16", 2);
  first.info.routes = second.info.routes = {"192.168.1.0/24"};
  bring_online(self, {first.info});
  announce(self, {second.info});
  EXPECT_THAT(self.routes, ElementsAre(route));
  bring_online(first, {self.info});
  bring_online(second, {self.info});
  run_for(3s);
  send_packet(self, "192.168.1.7");
  settle();
  EXPECT_EQ(first.tun.size(), 1U);
  EXPECT_EQ(second.tun.size(), 0U);

  say(self, signaling::PeerRevoked{"anna", first.info.public_key});
  EXPECT_THAT(self.routes, ElementsAre(route));
  send_packet(self, "192.168.1.7");
  settle();
  EXPECT_EQ(first.tun.size(), 1U);
  EXPECT_EQ(second.tun.size(), 1U);
}

}  // namespace
}  // namespace bamgate::agent
