// Connecting, joining, coming back: the reconnect machine in virtual time.
#include "client_driver.h"

namespace bamgate::signaling {
namespace {

TEST(SignalingClient, AsksForATokenConnectsAndJoinsFirst) {
  Driver driver;
  driver.client.start(driver.now);
  driver.drain();
  ASSERT_EQ(driver.effects.size(), 3U);
  EXPECT_EQ(driver.effects[0].second, Client::Effect(NeedAccessToken{false}));
  EXPECT_EQ(driver.effects[1].second, Client::Effect(Connect{"token-1"}));
  EXPECT_EQ(driver.effects[2].second, Client::Effect(SendText{write(Join{peer("me")})}));
  ASSERT_EQ(driver.events.size(), 2U);
  EXPECT_EQ(driver.events[0], Client::Event(Online{}));
  EXPECT_EQ(driver.events[1], Client::Event(PeerList{true, {peer("a"), peer("b")}, {}}));
}

TEST(SignalingClient, TellsTheCompleteListFromNewcomers) {
  Driver driver;
  driver.go_online();
  driver.text(list_of({"c"}));
  EXPECT_EQ(driver.events_of<PeerList>(), (std::vector<PeerList>{{false, {peer("c")}, {}}}));
}

TEST(SignalingClient, PutsTheListTogetherFromItsParts) {
  Driver driver;
  driver.join_answer = list_of({"a", "b"}, true);
  driver.client.start(driver.now);
  driver.drain();
  EXPECT_FALSE(driver.client.online());
  driver.text(write(Offer{"c", "me", "sdp", "", {}}));
  EXPECT_TRUE(driver.events.empty()) << "the offer waits for the list that its sender may stand in";
  driver.text(
      R"({"type":"peers","peers":[{"peerId":"c","publicKey":"S0VZ"}],"revoked":[{"peerId":"x","publicKey":"k"}]})");
  ASSERT_EQ(driver.events.size(), 3U);
  EXPECT_EQ(driver.events[1], Client::Event(PeerList{true, {peer("a"), peer("b"), peer("c")}, {{"x", "k"}}}));
  EXPECT_TRUE(std::holds_alternative<signaling::Received>(driver.events[2]));
}

TEST(SignalingClient, KeepsNoMorePeersThanARoomHolds) {
  Driver driver;
  driver.join_answer.clear();
  driver.client.start(driver.now);
  driver.drain();
  for (int i = 0; i < 30; ++i) {
    std::vector<std::string> names;
    for (int j = 0; j < 100; ++j) names.push_back("p" + std::to_string(100 * i + j));
    driver.text(list_of(names, i < 29));
  }
  ASSERT_EQ(driver.events_of<PeerList>().size(), 1U);
  EXPECT_EQ(driver.events_of<PeerList>()[0].peers.size(), kMaxPeers);
  EXPECT_EQ(driver.client.stats().dropped_peers, 3000U - kMaxPeers);
}

TEST(SignalingClient, WaitsForALongListAsLongAsItsPartsCome) {
  Driver driver;
  driver.join_answer.clear();
  driver.client.start(driver.now);
  driver.drain();
  for (int i = 0; i < 30; ++i) {
    driver.run(seconds(9));
    driver.text(list_of({"p" + std::to_string(i)}, i < 29));
  }
  ASSERT_EQ(driver.events_of<PeerList>().size(), 1U);
  EXPECT_EQ(driver.events_of<PeerList>()[0].peers.size(), 30U);
  EXPECT_TRUE(driver.events_of<Offline>().empty());
}

TEST(SignalingClient, DoesNotListItself) {
  Driver driver;
  driver.join_answer = list_of({"me", "a"});
  driver.client.start(driver.now);
  driver.drain();
  EXPECT_EQ(driver.events_of<PeerList>()[0].peers, std::vector{peer("a")});
}

TEST(SignalingClient, ComesBackWithin250MillisecondsOfAHubRestart) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    Driver driver(seed);
    driver.go_online();
    driver.run(minutes(5));
    const Instant lost = driver.now;
    driver.effects.clear();
    driver.closed(1006);
    EXPECT_EQ(driver.events_of<Offline>(), std::vector{Offline{OfflineReason::kLost}});
    driver.run(seconds(1));
    ASSERT_EQ(driver.connect_times().size(), 1U);
    EXPECT_LE(driver.connect_times()[0] - lost, milliseconds(250));
    EXPECT_TRUE(driver.client.online());
  }
}

TEST(SignalingClient, SpreadsTheReturnOfManyDevices) {
  std::vector<Duration> waits;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    Driver driver(seed);
    driver.go_online();
    driver.run(minutes(1));
    driver.closed(1006);
    waits.push_back(driver.client.next_timeout() - driver.now);
  }
  EXPECT_LT(*std::ranges::min_element(waits), milliseconds(30));
  EXPECT_GT(*std::ranges::max_element(waits), milliseconds(220));
}

TEST(SignalingClient, DoublesItsWaitsUpTo30Seconds) {
  Driver driver;
  driver.network = Driver::Network::kRefusesConnections;
  driver.client.start(driver.now);
  driver.run(minutes(10));
  const auto times = driver.connect_times();
  ASSERT_GT(times.size(), 20U);
  std::int64_t longest = 250;
  for (std::size_t i = 1; i < 20; ++i) {
    const Duration wait = times[i] - times[i - 1];
    EXPECT_LE(wait, milliseconds(longest)) << i;
    EXPECT_GE(wait, milliseconds(i > 1 ? longest / 2 : 0)) << i;
    longest = std::min<std::int64_t>(2 * longest, 30'000);
  }
}

// A backoff of 2^N overflowed to no delay in the Go original and sent 45,000 requests.
TEST(SignalingClient, NeverSends45000RequestsFromAnOverflowingBackoff) {
  Driver driver;
  driver.network = Driver::Network::kRefusesConnections;
  driver.client.start(driver.now);
  driver.run(hours(24 * 7));
  // At least 15 s apart but for the first ones; a week has 40,320 times 15 s, and the mean wait is 22.5 s.
  EXPECT_LT(driver.client.stats().attempts, 28'000U);
  EXPECT_GT(driver.client.stats().attempts, 20'160U) << "and it does not stop trying";
  const auto times = driver.connect_times();
  for (std::size_t i = 10; i < times.size(); ++i) ASSERT_GE(times[i] - times[i - 1], seconds(15)) << i;
}

TEST(SignalingClient, BacksOffFromATokenServerThatIsAwayAsWell) {
  Driver driver;
  driver.give_tokens = false;
  driver.client.start(driver.now);
  driver.run(hours(1));
  EXPECT_LT(driver.effects_of<NeedAccessToken>(), 250U);
  EXPECT_EQ(driver.effects_of<Connect>(), 0U);
  EXPECT_EQ(driver.events_of<Offline>(), std::vector{Offline{OfflineReason::kUnreachable}}) << "told once";
}

TEST(SignalingClient, DoesNotTakeAHubThatAcceptsAndClosesForAGoodOne) {
  Driver driver;
  driver.client.start(driver.now);
  for (int i = 0; i < 12; ++i) {
    driver.run(milliseconds(1));
    for (int wait = 0; wait < 40 && !driver.client.online(); ++wait) driver.run(seconds(1));
    ASSERT_TRUE(driver.client.online());
    driver.closed(1011);
  }
  EXPECT_GE(driver.client.next_timeout() - driver.now, seconds(15));
}

TEST(SignalingClient, StartsWithShortWaitsAgainAfterAConnectionThatLasted) {
  Driver driver;
  driver.network = Driver::Network::kRefusesConnections;
  driver.client.start(driver.now);
  driver.run(minutes(10));
  driver.network = Driver::Network::kUp;
  driver.run(seconds(31));
  ASSERT_TRUE(driver.client.online());
  driver.run(seconds(11));
  driver.closed(1006);
  EXPECT_LE(driver.client.next_timeout() - driver.now, milliseconds(250));
}

TEST(SignalingClient, AsksForANewTokenWhenTheHubRefusesTheLast) {
  Driver driver;
  driver.go_online();
  driver.closed(4401);
  driver.run(seconds(1));
  EXPECT_EQ(driver.effects[0].second, Client::Effect(NeedAccessToken{true}));
  EXPECT_TRUE(driver.client.online());

  driver.network = Driver::Network::kRefusesConnections;
  driver.connect_fault = {.verdict = Verdict::kTokenRefused};
  driver.closed(1006);
  driver.effects.clear();
  driver.run(minutes(1));
  EXPECT_EQ(driver.effects.front().second, Client::Effect(NeedAccessToken{false}));
  EXPECT_EQ(driver.effects.at(2).second, Client::Effect(NeedAccessToken{true}));
  EXPECT_LT(driver.effects_of<Connect>(), 12U) << "a token that is refused again and again is no reason to hammer";
}

TEST(SignalingClient, DoesNotFightTheConnectionThatReplacedIt) {
  Driver driver;
  driver.go_online();
  driver.closed(4409);
  EXPECT_EQ(driver.events_of<Offline>(), std::vector{Offline{OfflineReason::kReplaced}});
  driver.client.network_changed(driver.now, NetworkChange::kOther);
  driver.run(seconds(59));
  EXPECT_EQ(driver.effects_of<NeedAccessToken>(), 0U);
  driver.run(seconds(60));
  EXPECT_TRUE(driver.client.online());
}

TEST(SignalingClient, WaitsAsLongAsTheHubsRefusalAsksFor) {
  const struct {
    std::uint16_t code;
    OfflineReason why;
    seconds wait;
  } kCases[] = {{4400, OfflineReason::kMalformed, seconds(10)},
                {4403, OfflineReason::kForbidden, seconds(60)},
                {4429, OfflineReason::kFlooding, seconds(10)}};
  for (const auto& entry : kCases) {
    Driver driver;
    driver.go_online();
    driver.closed(entry.code);
    EXPECT_EQ(driver.events_of<Offline>(), std::vector{Offline{entry.why}}) << entry.code;
    EXPECT_GE(driver.client.next_timeout() - driver.now, entry.wait) << entry.code;
    EXPECT_LE(driver.client.next_timeout() - driver.now, 2 * entry.wait) << entry.code;
  }
}

TEST(SignalingClient, StopsForGoodWhenTheHubDoesNotKnowItAnyMore) {
  Driver driver;
  driver.go_online();
  driver.give_tokens = false;
  driver.token_fault = {.verdict = Verdict::kGone, .text = "revoked"};
  driver.closed(4401);
  driver.run(seconds(1));
  EXPECT_EQ(driver.events_of<Fatal>(), std::vector{Fatal{"revoked"}});
  driver.client.network_changed(driver.now, NetworkChange::kOther);
  driver.effects.clear();
  driver.run(hours(100));
  EXPECT_TRUE(driver.effects.empty()) << "a revoked device does not hammer the hub";
  EXPECT_EQ(driver.client.next_timeout(), kNever);
  driver.give_tokens = true;
  driver.client.start(driver.now);
  driver.drain();
  EXPECT_TRUE(driver.client.online());
}

TEST(SignalingClient, StopsForGoodByTheHubsWordOnATokenAskedForAheadOfTime) {
  Driver driver;
  driver.go_online();
  driver.client.on_token_failed(driver.now, {.verdict = Verdict::kExpired});
  driver.drain();
  EXPECT_TRUE(driver.client.online());
  driver.client.on_token_failed(driver.now, {.verdict = Verdict::kGone});
  driver.drain();
  EXPECT_EQ(driver.events_of<Fatal>().size(), 1U);
  EXPECT_EQ(driver.effects_of<Disconnect>(), 1U);
}

TEST(SignalingClient, StopsForGoodByTheHubsAnswerToTheUpgrade) {
  Driver driver;
  driver.network = Driver::Network::kRefusesConnections;
  driver.connect_fault = {.verdict = Verdict::kGone};
  driver.client.start(driver.now);
  driver.run(hours(1));
  EXPECT_EQ(driver.events_of<Fatal>().size(), 1U);
  EXPECT_EQ(driver.effects_of<Connect>(), 1U);
}

// Anybody on the way can close with 4410.
TEST(SignalingClient, AsksTheHubWhetherItIsRevokedBeforeItBelievesAClose) {
  Driver driver;
  driver.go_online();
  driver.closed(4410);
  EXPECT_EQ(driver.events, std::vector<Client::Event>{Offline{OfflineReason::kDoubt}});
  driver.run(milliseconds(250));
  EXPECT_EQ(driver.effects.at(0).second, Client::Effect(NeedAccessToken{true})) << "the token at hand will not do";
  EXPECT_TRUE(driver.client.online());
}

TEST(SignalingClient, NeverEndsForWhatAStrangerAnswersOrClosesWith) {
  for (std::uint32_t code = 1000; code < 5000; ++code) {
    Driver driver;
    driver.go_online();
    driver.give_tokens = false;
    driver.token_fault.text = "a portal";
    driver.closed(static_cast<std::uint16_t>(code));
    driver.run(seconds(10));
    ASSERT_NE(driver.client.state(), Client::State::kStopped) << code;
    driver.give_tokens = true;
    driver.run(minutes(2));
    ASSERT_TRUE(driver.client.online()) << code;
    ASSERT_TRUE(driver.events_of<Fatal>().empty()) << code;
  }
}

TEST(SignalingClient, TellsWhatAnsweredAndAgainWhenAnotherAnswers) {
  Driver driver;
  driver.give_tokens = false;
  driver.token_fault.text = "a portal";
  driver.client.start(driver.now);
  driver.run(minutes(5));
  driver.token_fault.text = "another portal";
  driver.run(minutes(5));
  EXPECT_EQ(driver.events_of<Offline>(), (std::vector{Offline{OfflineReason::kUnreachable, "a portal"},
                                                      Offline{OfflineReason::kUnreachable, "another portal"}}));
}

TEST(SignalingClient, AsksForATokenOfExpiredCredentialsEverMoreSlowly) {
  Driver driver;
  driver.give_tokens = false;
  driver.token_fault = {.verdict = Verdict::kExpired};
  driver.client.start(driver.now);
  driver.run(hours(1));
  EXPECT_LE(driver.effects_of<NeedAccessToken>(), 7U);
  EXPECT_GE(driver.effects_of<NeedAccessToken>(), 5U);
  driver.effects.clear();
  driver.run(hours(24 * 30));
  EXPECT_GE(driver.effects_of<NeedAccessToken>(), 24U * 30 / 3);
  EXPECT_LE(driver.effects_of<NeedAccessToken>(), 24U * 30 / 2 + 2);
  driver.give_tokens = true;
  driver.run(hours(3));
  EXPECT_TRUE(driver.client.online()) << "whoever is let in again needs nobody to go there";
}

// Two machines with one folder take the connection from each other.
TEST(SignalingClient, TwoMachinesOfOneDeviceTakeTurnsEverMoreSlowly) {
  Driver driver;
  driver.go_online();
  for (int turn = 0; turn < 8; ++turn) {
    driver.closed(4409);
    EXPECT_EQ(driver.events_of<Offline>().back().why, OfflineReason::kReplaced);
    const Duration wait = driver.client.next_timeout() - driver.now;
    const Duration least = std::min<Duration>(minutes(1 << turn), hours(2));
    EXPECT_GE(wait, least) << turn;
    EXPECT_LE(wait, least * 3 / 2) << turn;
    driver.run(wait + seconds(1));
    ASSERT_TRUE(driver.client.online()) << turn;
    driver.run(wait);  // as long as the other one waits
  }
  driver.run(hours(5));
  driver.closed(4409);
  EXPECT_LE(driver.client.next_timeout() - driver.now, seconds(90)) << "after a long peace it is the first time again";
}

}  // namespace
}  // namespace bamgate::signaling
