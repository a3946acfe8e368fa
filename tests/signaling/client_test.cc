// The reconnect machine in virtual time: a driver plays token server, hub and network.
#include "signaling/client.h"

#include <gtest/gtest.h>

#include "support/seeded_random.h"

namespace bamgate::signaling {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

PeerInfo peer(std::string name) {
  PeerInfo info;
  info.peer_id = std::move(name);
  info.public_key = "S0VZ";
  return info;
}

std::string list_of(std::vector<std::string> names, bool more = false) {
  Peers list;
  for (std::string& name : names) list.peers.push_back(peer(std::move(name)));
  list.more = more;
  return write(list);
}

/// Drives a client and writes down what it asked for and told.
class Driver {
 public:
  enum class Network { kUp, kRefusesConnections, kSilent };

  explicit Driver(std::uint64_t seed = 1) : random(seed), client(peer("me"), random) {}

  /// Runs until `until`, answering effects at once as `network` says.
  void run(Duration duration) {
    const Instant end = now + duration;
    drain();
    for (int steps = 0; client.next_timeout() <= end; ++steps) {
      ASSERT_LT(steps, 2'000'000) << "the machine spins";
      now = std::max(now, client.next_timeout());
      client.handle_timeout(now);
      drain();
    }
    now = end;
  }
  void drain() {
    while (true) {
      if (auto effect = client.poll_effect()) {
        handle(*effect);
      } else if (auto event = client.poll_event()) {
        events.push_back(std::move(*event));
      } else {
        return;
      }
    }
  }
  void text(std::string_view text) {
    client.on_text(now, text);
    drain();
  }
  void closed(std::uint16_t code) {
    client.on_closed(now, code);
    drain();
  }
  void go_online() {
    client.start(now);
    run(seconds(1));
    ASSERT_TRUE(client.online());
    events.clear();
    effects.clear();
  }
  /// How often an effect of that type was asked for, and an event told.
  template <typename T>
  std::size_t effects_of() const {
    return static_cast<std::size_t>(
        std::ranges::count_if(effects, [](const auto& entry) { return std::holds_alternative<T>(entry.second); }));
  }
  template <typename T>
  std::vector<T> events_of() const {
    std::vector<T> found;
    for (const Client::Event& event : events) {
      if (const T* content = std::get_if<T>(&event)) found.push_back(*content);
    }
    return found;
  }
  std::vector<Instant> connect_times() const {
    std::vector<Instant> times;
    for (const auto& [time, effect] : effects) {
      if (std::holds_alternative<Connect>(effect)) times.push_back(time);
    }
    return times;
  }

  testing::SeededRandom random;
  Client client;
  Instant now = Instant() + hours(1000);
  Network network = Network::kUp;
  bool answer_pings = true;
  bool give_tokens = true;
  int connect_status = 0;  // with kRefusesConnections
  std::string join_answer = list_of({"a", "b"});
  std::vector<std::pair<Instant, Client::Effect>> effects;
  std::vector<Client::Event> events;

 private:
  void handle(const Client::Effect& effect) {
    effects.emplace_back(now, effect);
    if (std::holds_alternative<NeedAccessToken>(effect)) {
      if (give_tokens) {
        client.on_access_token(now, "token-" + std::to_string(++tokens_));
      } else {
        client.on_token_failed(now, TokenFailure::kUnreachable);
      }
    } else if (std::holds_alternative<Connect>(effect)) {
      if (network == Network::kUp) client.on_open(now);
      if (network == Network::kRefusesConnections) client.on_connect_failed(now, connect_status);
    } else if (const SendText* sent = std::get_if<SendText>(&effect)) {
      const auto message = parse(sent->text);
      ASSERT_TRUE(message.has_value());
      if (std::holds_alternative<Join>(*message) && !join_answer.empty()) client.on_text(now, join_answer);
    } else if (std::holds_alternative<Ping>(effect)) {
      if (answer_pings && network == Network::kUp) client.on_pong(now);
    }
  }
  int tokens_ = 0;
};

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
  driver.connect_status = 401;
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
  driver.client.network_changed(driver.now);
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

TEST(SignalingClient, StopsForGoodWhenRevoked) {
  Driver driver;
  driver.go_online();
  driver.closed(4410);
  EXPECT_EQ(driver.events, std::vector<Client::Event>{Fatal{FatalReason::kRevoked}});
  driver.client.network_changed(driver.now);
  driver.run(hours(100));
  EXPECT_TRUE(driver.effects.empty()) << "a revoked device does not hammer the hub";
  EXPECT_EQ(driver.client.next_timeout(), kNever);
  driver.client.start(driver.now);
  driver.drain();
  EXPECT_TRUE(driver.client.online());
}

TEST(SignalingClient, StopsForGoodWhenNoTokenWillBeGiven) {
  testing::SeededRandom random(1);
  Client client(peer("me"), random);
  client.start(Instant());
  ASSERT_TRUE(client.poll_effect());
  client.on_token_failed(Instant(), TokenFailure::kUnauthorised);
  EXPECT_EQ(client.poll_event(), Client::Event(Fatal{FatalReason::kUnauthorised}));
  EXPECT_FALSE(client.poll_effect());
  EXPECT_EQ(client.next_timeout(), kNever);
}

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
  driver.client.network_changed(driver.now);
  driver.drain();
  EXPECT_EQ(driver.effects_of<Ping>(), 1U);
  driver.run(seconds(10));
  EXPECT_TRUE(driver.client.online()) << "a connection that lives is kept";

  driver.answer_pings = false;
  for (int i = 0; i < 100; ++i) driver.client.network_changed(driver.now);
  driver.drain();
  EXPECT_EQ(driver.effects_of<Ping>(), 2U);
  driver.run(seconds(4));
  EXPECT_EQ(driver.events_of<Online>().size(), 1U) << "a dead one is replaced at once";
}

TEST(SignalingClient, HurriesWhenTheNetworkComesBackButNotWithAFlappingOne) {
  Driver driver;
  driver.network = Driver::Network::kRefusesConnections;
  driver.client.start(driver.now);
  driver.run(minutes(10));
  driver.effects.clear();
  driver.client.network_changed(driver.now);
  driver.drain();
  driver.run(milliseconds(1));
  EXPECT_EQ(driver.effects_of<Connect>(), 1U);

  driver.effects.clear();
  for (int i = 0; i < 6'000; ++i) {
    driver.client.network_changed(driver.now);
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
  client.on_connect_failed(now, 401);
  client.network_changed(now);
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
          client.on_token_failed(now, TokenFailure::kUnreachable);
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
            client.on_connect_failed(now, 503);
          }
          break;
        case 9:
          client.network_changed(now);
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
