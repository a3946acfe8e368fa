// Liveness, pacing, stray inputs: the reconnect machine on an open connection.
#include "client_driver.h"

namespace bamgate::signaling {
namespace {

TEST(SignalingClient, PingsASilentHubEvery20SecondsAndNotABusyOne) {
  Driver driver;
  driver.go_online();
  driver.run(minutes(10));
  EXPECT_EQ(driver.effects_of<Ping>(), 29U + 1U);
  EXPECT_TRUE(driver.client.online());
  driver.effects.clear();
  for (int i = 0; i < 60; ++i) {
    driver.run(seconds(10));
    driver.text(R"({"type":"peer-left","peerId":"z"})");
  }
  EXPECT_EQ(driver.effects_of<Ping>(), 0U);
}

TEST(SignalingClient, LeavesAHubThatIsSilentFor10SecondsAfterAPing) {
  Driver driver;
  driver.go_online();
  driver.answer_pings = false;
  driver.network = Driver::Network::kSilent;
  driver.run(seconds(28));
  EXPECT_TRUE(driver.client.online());
  EXPECT_EQ(driver.effects_of<Ping>(), 1U);
  driver.run(seconds(3));
  EXPECT_FALSE(driver.client.online());
  EXPECT_EQ(driver.effects_of<Disconnect>(), 1U);
  EXPECT_EQ(driver.events_of<Offline>(), std::vector{Offline{OfflineReason::kTimeout}});
}

TEST(SignalingClient, GivesUpAnAttemptThatNobodyAnswers) {
  Driver driver;
  driver.network = Driver::Network::kSilent;
  driver.client.start(driver.now);
  driver.run(minutes(30));
  EXPECT_EQ(driver.effects_of<Disconnect>(),
            driver.effects_of<Connect>() - (driver.client.state() == Client::State::kConnecting));
  EXPECT_GT(driver.effects_of<Connect>(), 30U);
  EXPECT_LT(driver.effects_of<Connect>(), 70U);
}

TEST(SignalingClient, GivesUpAHubThatDoesNotAnswerTheJoin) {
  Driver driver;
  driver.join_answer.clear();
  driver.client.start(driver.now);
  driver.run(seconds(9));
  EXPECT_EQ(driver.client.state(), Client::State::kJoining);
  driver.run(seconds(2));
  EXPECT_GE(driver.effects_of<Disconnect>(), 1U);
  EXPECT_EQ(driver.events_of<Online>().size(), 0U);
}

TEST(SignalingClient, ProbesItsConnectionWhenTheNetworkChanges) {
  Driver driver;
  driver.go_online();
  driver.client.network_changed(driver.now, NetworkChange::kOther);
  driver.drain();
  EXPECT_EQ(driver.effects_of<Ping>(), 1U);
  driver.run(seconds(10));
  EXPECT_TRUE(driver.client.online()) << "a connection that lives is kept";

  driver.answer_pings = false;
  for (int i = 0; i < 100; ++i) driver.client.network_changed(driver.now, NetworkChange::kOther);
  driver.drain();
  EXPECT_EQ(driver.effects_of<Ping>(), 2U);
  driver.run(seconds(4));
  EXPECT_EQ(driver.events_of<Online>().size(), 1U) << "a dead one is replaced at once";
}

TEST(SignalingClient, LeavesAConnectionWhoseAddressIsGoneAtOnce) {
  for (const NetworkChange change : {NetworkChange::kAddressGone, NetworkChange::kSlept}) {
    Driver driver;
    driver.go_online();
    driver.run(seconds(5));
    driver.client.network_changed(driver.now, change);
    driver.run(milliseconds(0));
    EXPECT_EQ(driver.effects_of<Disconnect>(), 1U);
    EXPECT_EQ(driver.effects_of<Connect>(), 1U) << "without a wait";
    EXPECT_EQ(driver.events_of<Offline>(), std::vector<Offline>{{OfflineReason::kNetwork}});
    EXPECT_TRUE(driver.client.online());
  }
}

TEST(SignalingClient, LeavesConnectionsAtAMeasuredRateWhileAddressesComeAndGo) {
  Driver driver;
  driver.go_online();
  for (int i = 0; i < 100; ++i) {
    driver.client.network_changed(driver.now, NetworkChange::kAddressGone);
    driver.run(milliseconds(100));
  }
  EXPECT_LE(driver.effects_of<Connect>(), 15U) << "in 10 s";
  driver.run(seconds(2));
  EXPECT_TRUE(driver.client.online());
}

TEST(SignalingClient, HurriesWhenTheNetworkComesBackButNotWithAFlappingOne) {
  Driver driver;
  driver.network = Driver::Network::kRefusesConnections;
  driver.client.start(driver.now);
  driver.run(minutes(10));
  driver.effects.clear();
  driver.client.network_changed(driver.now, NetworkChange::kOther);
  driver.drain();
  driver.run(milliseconds(1));
  EXPECT_EQ(driver.effects_of<Connect>(), 1U);

  driver.effects.clear();
  for (int i = 0; i < 6'000; ++i) {
    driver.client.network_changed(driver.now, NetworkChange::kOther);
    driver.run(milliseconds(10));
  }
  EXPECT_LE(driver.effects_of<Connect>(), 121U) << "a minute of changes every 10 ms";
}

TEST(SignalingClient, PacesOffersBelowTheHubsLimit) {
  Driver driver;
  driver.go_online();
  for (int i = 0; i < 1023; ++i) {
    const std::string name = "p" + std::to_string(i);
    ASSERT_TRUE(driver.client.send(driver.now, Offer{"me", name, "sdp", "", {}}));
    for (int j = 0; j < 2; ++j) ASSERT_TRUE(driver.client.send(driver.now, IceCandidate{"me", name, "candidate:", {}}));
  }
  driver.run(minutes(2));
  std::vector<Instant> times;
  for (const auto& [time, effect] : driver.effects) {
    if (std::holds_alternative<SendText>(effect)) times.push_back(time);
  }
  ASSERT_EQ(times.size(), 3U * 1023U);
  for (std::size_t i = 200; i < times.size(); ++i) ASSERT_GT(times[i] - times[i - 200], seconds(1)) << i;
  EXPECT_LT(times.back() - times.front(), seconds(60)) << "a full room is greeted within a minute";
}

TEST(SignalingClient, SendsAFewMessagesWithoutAWait) {
  Driver driver;
  driver.go_online();
  for (int i = 0; i < 8; ++i) ASSERT_TRUE(driver.client.send(driver.now, Offer{"me", "a", "sdp", "", {}}));
  driver.drain();
  EXPECT_EQ(driver.effects_of<SendText>(), 8U);
}

TEST(SignalingClient, DropsWhatIsSentWhileOfflineAndWhatWasQueuedWhenTheConnectionEnded) {
  Driver driver;
  EXPECT_FALSE(driver.client.send(driver.now, Offer{"me", "a", "sdp", "", {}}));
  driver.go_online();
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(driver.client.send(driver.now, Offer{"me", "a", "old", "", {}}));
  driver.drain();
  driver.closed(1006);
  driver.effects.clear();
  driver.run(minutes(1));
  ASSERT_TRUE(driver.client.online());
  EXPECT_EQ(driver.effects_of<SendText>(), 1U) << "only the join";
  EXPECT_EQ(driver.client.stats().dropped_sends, 1U);
  EXPECT_GT(driver.client.stats().dropped_queued, 50U);
}

TEST(SignalingClient, CountsConnectionsAndMessages) {
  Driver driver;
  driver.go_online();
  ASSERT_TRUE(driver.client.send(driver.now, Offer{"me", "a", "sdp", "", {}}));
  driver.run(minutes(1));
  driver.closed(1006);
  EXPECT_EQ(driver.client.stats().losses, 1U);
  driver.run(minutes(1));
  ASSERT_TRUE(driver.client.online());
  const ClientStats& stats = driver.client.stats();
  EXPECT_EQ(stats.attempts, 2U);
  EXPECT_EQ(stats.joins, 2U);
  EXPECT_EQ(stats.losses, 1U);
  EXPECT_EQ(stats.texts_out, 3U) << "two joins and an offer";
  EXPECT_EQ(stats.texts_in, 2U) << "two lists";
  EXPECT_GT(stats.pings, 0U);
  EXPECT_EQ(stats.pongs, stats.pings);
}

TEST(SignalingClient, CountsMessagesThatAreTooManyBeforeItsFirstList) {
  Driver driver;
  driver.join_answer.clear();
  driver.client.start(driver.now);
  driver.run(seconds(1));
  ASSERT_EQ(driver.client.state(), Client::State::kJoining);
  for (int i = 0; i < 1100; ++i) driver.text(R"({"type":"peer-left","peerId":"a"})");
  EXPECT_EQ(driver.client.stats().dropped_early, 1100U - 1024U);
  driver.closed(1006);
  EXPECT_EQ(driver.client.stats().dropped_early, 1100U) << "those that were held are lost with their list";
}

TEST(SignalingClient, BoundsWhatWaitsToBeSent) {
  Driver driver;
  driver.go_online();
  EXPECT_FALSE(driver.client.send(driver.now, Offer{"me", "a", std::string(70'000, 'x'), "", {}}));
  std::size_t taken = 0;
  while (driver.client.send(driver.now, IceCandidate{"me", "a", "candidate:", {}})) ASSERT_LT(++taken, 10'000U);
  EXPECT_GE(taken, Client::kMaxQueued);
  EXPECT_LE(taken, Client::kMaxQueued + 100);
}

TEST(SignalingClient, IgnoresAndCountsWhatItDoesNotUnderstand) {
  Driver driver;
  driver.go_online();
  driver.text("{");
  driver.text(R"({"type":"join","peerId":"a"})");
  driver.text(R"({"type":"peer-left"})");
  driver.text(R"({"type":"news-of-tomorrow"})");
  EXPECT_TRUE(driver.events.empty());
  EXPECT_TRUE(driver.client.online());
  EXPECT_EQ(driver.client.stats().not_understood, 3U);
  EXPECT_EQ(driver.client.stats().ignored, 1U);
}

TEST(SignalingClient, IgnoresInputsThatDoNotBelongToItsState) {
  testing::SeededRandom random(1);
  Client client(peer("me"), random);
  const Instant now;
  client.on_open(now);
  client.on_text(now, list_of({"a"}));
  client.on_pong(now);
  client.on_closed(now, 4410);
  client.on_access_token(now, "late");
  client.on_connect_failed(now, {.verdict = Verdict::kTokenRefused});
  client.on_token_failed(now, {.verdict = Verdict::kGone});
  client.network_changed(now, NetworkChange::kOther);
  client.handle_timeout(now);
  EXPECT_EQ(client.state(), Client::State::kStopped);
  EXPECT_FALSE(client.poll_effect());
  EXPECT_FALSE(client.poll_event());
  EXPECT_EQ(client.next_timeout(), kNever);
}

TEST(SignalingClient, StopClosesTheConnectionAndWaitsForStart) {
  Driver driver;
  driver.go_online();
  driver.client.stop(driver.now);
  driver.run(hours(1));
  ASSERT_EQ(driver.effects.size(), 1U);
  EXPECT_EQ(driver.effects[0].second, Client::Effect(Disconnect{CloseCode::kNormal}));
  EXPECT_TRUE(driver.events.empty());
}

// Any order of inputs: the machine never spins, and never has two connections at once.
TEST(SignalingClient, SurvivesRandomInputsWithAtMostOneConnection) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    testing::SeededRandom random(seed);
    Client client(peer("me"), random);
    Instant now;
    bool open = false;
    const std::uint16_t codes[] = {1000, 1006, 4400, 4401, 4403, 4409, 4410, 4429, 0, 65535};
    for (int step = 0; step < 500; ++step) {
      now += milliseconds(random.below(20'000));
      switch (random.below(12)) {
        case 0:
          client.start(now);
          break;
        case 1:
          if (random.below(10) == 0) client.stop(now);
          break;
        case 2:
          client.on_access_token(now, "t");
          break;
        case 3:
          client.on_token_failed(now, {});
          break;
        case 4:
          if (open) client.on_open(now);
          break;
        case 5:
          client.on_text(now, list_of({"a"}, random.below(2) == 0));
          break;
        case 6:
          client.on_pong(now);
          break;
        case 7:
          if (open) {
            open = false;
            client.on_closed(now, codes[random.below(10)]);
          }
          break;
        case 8:
          if (open && client.state() == Client::State::kConnecting) {
            open = false;
            client.on_connect_failed(now, {.verdict = Verdict::kBusy});
          }
          break;
        case 9:
          client.network_changed(now, NetworkChange::kOther);
          break;
        case 10:
          client.send(now, Offer{"me", "a", "sdp", "", {}});
          break;
        default:
          client.handle_timeout(now);
          break;
      }
      for (int effects = 0; auto effect = client.poll_effect(); ++effects) {
        ASSERT_LT(effects, 100);
        if (std::holds_alternative<Connect>(*effect)) {
          ASSERT_FALSE(open) << "a second connection, seed " << seed;
          open = true;
        } else if (std::holds_alternative<Disconnect>(*effect)) {
          ASSERT_TRUE(open) << "seed " << seed;
          open = false;
        } else if (std::holds_alternative<SendText>(*effect) || std::holds_alternative<Ping>(*effect)) {
          ASSERT_TRUE(open) << "seed " << seed;
        }
      }
      while (client.poll_event()) {
      }
      for (int spins = 0; client.next_timeout() <= now; ++spins) {
        ASSERT_LT(spins, 100);
        client.handle_timeout(now);
        while (auto effect = client.poll_effect()) {
          if (std::holds_alternative<Disconnect>(*effect)) open = false;
        }
        while (client.poll_event()) {
        }
      }
    }
  }
}

}  // namespace
}  // namespace bamgate::signaling
