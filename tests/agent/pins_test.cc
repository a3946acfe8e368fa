// Which key each name has: pinned at the first meeting, kept on disk, and changed by nobody but a person.
#include "agent/pins.h"

#include <gmock/gmock.h>

#include "agent/scripted_hub.h"

namespace bamgate::agent {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

config::PinnedKey key_of(std::uint8_t number) {
  config::PinnedKey key{};
  key[0] = std::byte{number};
  return key;
}

TEST(Pins, TheFirstKeyOfANameIsItsKey) {
  Pins pins({});
  EXPECT_EQ(pins.meet("home", key_of(1), UnixTime{100}), Pins::Verdict::kTaken);
  EXPECT_TRUE(pins.take_changed());
  EXPECT_EQ(pins.meet("home", key_of(1), UnixTime{200}), Pins::Verdict::kTaken);
  EXPECT_FALSE(pins.take_changed());
  EXPECT_EQ(pins.all(), (std::vector<config::Pin>{{"home", key_of(1), UnixTime{100}, config::PinnedBy::kHub}}));
}

TEST(Pins, AnotherKeyIsRefusedAndRemembered) {
  Pins pins({{"home", key_of(1), UnixTime{100}}});
  EXPECT_EQ(pins.meet("home", key_of(2), UnixTime{200}), Pins::Verdict::kNewlyRefused);
  EXPECT_TRUE(pins.take_changed());
  EXPECT_EQ(pins.meet("home", key_of(2), UnixTime{300}), Pins::Verdict::kRefused);
  EXPECT_FALSE(pins.take_changed());
  EXPECT_EQ(pins.find("home")->refused->since, UnixTime{200});
  EXPECT_EQ(pins.meet("home", key_of(1), UnixTime{400}), Pins::Verdict::kTaken);
  EXPECT_FALSE(pins.find("home")->refused) << "the true one is back";
  EXPECT_TRUE(pins.take_changed());
}

TEST(Pins, TrustTakesTheKeyThatWasRefused) {
  Pins pins({{"home", key_of(1), UnixTime{100}}});
  pins.meet("home", key_of(2), UnixTime{200});
  EXPECT_EQ(pins.trust("home", UnixTime{300}), Pins::Trust::kTaken);
  EXPECT_EQ(*pins.find("home"), (config::Pin{"home", key_of(2), UnixTime{300}, config::PinnedBy::kTrusted}));
  EXPECT_EQ(pins.meet("home", key_of(1), UnixTime{400}), Pins::Verdict::kNewlyRefused) << "and the old one no more";
}

TEST(Pins, TrustWithoutARefusedKeyTakesTheNextOne) {
  Pins pins({{"home", key_of(1), UnixTime{100}}});
  EXPECT_EQ(pins.trust("home", UnixTime{300}), Pins::Trust::kOpened);
  EXPECT_EQ(pins.meet("home", key_of(2), UnixTime{400}), Pins::Verdict::kTaken);
  EXPECT_EQ(pins.trust("nobody", UnixTime{300}), Pins::Trust::kUnknown);
}

TEST(Pins, ARevokedKeyDoesNotWaitToBeTrusted) {
  Pins pins({{"home", key_of(1), UnixTime{100}}});
  pins.meet("home", key_of(2), UnixTime{200});
  pins.forget_refused(key_of(2));
  EXPECT_FALSE(pins.find("home")->refused);
}

TEST(Pins, NoMoreNamesAreKeptThanTheirBoundAndNoneIsPushedOut) {
  Pins pins({});
  for (std::size_t i = 0; i < config::kMaxPins; ++i) {
    ASSERT_EQ(pins.meet("d" + std::to_string(i), key_of(1), UnixTime{1}), Pins::Verdict::kTaken);
  }
  EXPECT_EQ(pins.meet("new", key_of(1), UnixTime{2}), Pins::Verdict::kFull);
  EXPECT_EQ(pins.meet("d0", key_of(2), UnixTime{2}), Pins::Verdict::kNewlyRefused);
  EXPECT_THAT(pins.all(), SizeIs(config::kMaxPins));
  EXPECT_EQ(pins.trust("d7", UnixTime{3}), Pins::Trust::kOpened);
  EXPECT_EQ(pins.meet("new", key_of(1), UnixTime{4}), Pins::Verdict::kTaken);
}

/// Agents, and a hub that may say anything.
class Pinning : public ScriptedHub {
 protected:
  PeerStatus shown(Actor& actor, const std::string& peer) const {
    for (PeerStatus& status : actor.runner.status(now).peers) {
      if (status.id == peer) return std::move(status);
    }
    return {};
  }
};

TEST_F(Pinning, ANewPeerIsStoredAtItsFirstMeeting) {
  connect_anna_and_bert();
  ASSERT_THAT(anna->pins, SizeIs(1));
  EXPECT_EQ(anna->pins.front().name, "bert");
  EXPECT_EQ(wg::PublicKey{anna->pins.front().key}.to_string(), bert->info.public_key);
  EXPECT_GE(anna->pins.front().since.seconds, kStartUnix);
  EXPECT_EQ(anna->pins.front().by, config::PinnedBy::kHub);
}

TEST_F(Pinning, AnotherKeyIsRefusedSaidOnceAndShown) {
  connect_anna_and_bert();
  Actor& replacement = make("bert", "10.100.0.2/16", 22);
  for (int i = 0; i < 5; ++i) announce(*anna, {replacement.info});
  EXPECT_EQ(anna->state_of("bert", now), "connected") << "the true bert is not disturbed";
  EXPECT_EQ(shown(*anna, "bert").public_key, bert->info.public_key);
  EXPECT_EQ(shown(*anna, "bert").refused_key, replacement.info.public_key);
  EXPECT_NE(shown(*anna, "bert").last_error.find("bamgate devices trust bert"), std::string::npos);
  EXPECT_EQ(std::ranges::count_if(anna->notices, [](const auto& text) { return text.contains("devices trust bert"); }),
            1);
  EXPECT_EQ(anna->counter("messages_refused", now), 5U);
  EXPECT_TRUE(anna->pins.front().refused) << "also after a restart there is something to trust";
}

// The rule of a network whose hub may be in wrong hands: a hub that revokes could otherwise put anybody in a device's
// place.
TEST_F(Pinning, ARevocationLetsNoOtherKeyIn) {
  connect_anna_and_bert();
  Actor& replacement = make("bert", "10.100.0.2/16", 22);
  announce(*anna, {replacement.info}, {{"bert", bert->info.public_key}});
  EXPECT_EQ(anna->state_of("bert", now), "failed");
  EXPECT_EQ(shown(*anna, "bert").public_key, bert->info.public_key);
  EXPECT_EQ(shown(*anna, "bert").refused_key, replacement.info.public_key);
  kill(*bert);
  bring_online(replacement, {anna->info});
  run_for(1min);
  EXPECT_EQ(anna->state_of("bert", now), "failed");

  EXPECT_TRUE(anna->trust("bert").done);
  settle();
  run_for(15s);
  EXPECT_EQ(anna->state_of("bert", now), "connected") << "with what the hub has listed meanwhile";
  EXPECT_EQ(shown(*anna, "bert").public_key, replacement.info.public_key);
  EXPECT_EQ(shown(*anna, "bert").refused_key, "");
  EXPECT_EQ(anna->pins.front().by, config::PinnedBy::kTrusted);
}

TEST_F(Pinning, TheKeysOfTheRunBeforeAreKnown) {
  connect_anna_and_bert();
  const std::vector<config::Pin> pins = anna->pins;
  kill(*anna);
  Actor& again = make("anna", "10.100.0.1/16", 1, {}, {}, pins);
  Actor& impostor = make("bert", "10.100.0.2/16", 22);
  bring_online(again, {impostor.info});
  run_for(1min);
  EXPECT_EQ(again.attempts(), 0);
  EXPECT_EQ(again.state_of("bert", now), "failed");
  announce(again, {bert->info});
  EXPECT_EQ(again.attempts(), 1) << "the true one is welcome";
  EXPECT_EQ(shown(again, "bert").refused_key, "");
}

TEST_F(Pinning, TrustReplacesAConnectedPeer) {
  connect_anna_and_bert();
  Actor& replacement = make("bert", "10.100.0.2/16", 22);
  announce(*anna, {replacement.info});
  EXPECT_TRUE(anna->trust("bert").done);
  settle();
  EXPECT_EQ(shown(*anna, "bert").public_key, replacement.info.public_key);
  EXPECT_NE(anna->state_of("bert", now), "connected");
  announce(*anna, {bert->info});
  EXPECT_EQ(shown(*anna, "bert").refused_key, bert->info.public_key) << "the former one is the stranger now";
}

TEST_F(Pinning, TrustSaysWhenThereIsNothingToTrust) {
  connect_anna_and_bert();
  EXPECT_FALSE(anna->trust("nobody").done);
  const TrustAnswer answer = anna->trust("bert");
  EXPECT_TRUE(answer.done);
  EXPECT_NE(answer.text.find("nothing to trust"), std::string::npos);
  run_for(1s);
  EXPECT_EQ(anna->state_of("bert", now), "connected");
}

TEST_F(Pinning, TrustBeforeTheNewKeyComesTakesTheNextOne) {
  connect_anna_and_bert();
  say(*anna, signaling::PeerRevoked{"bert", bert->info.public_key});
  EXPECT_TRUE(anna->trust("bert").done);
  Actor& replacement = make("bert", "10.100.0.2/16", 22);
  announce(*anna, {replacement.info});
  EXPECT_EQ(shown(*anna, "bert").public_key, replacement.info.public_key);
  EXPECT_EQ(shown(*anna, "bert").refused_key, "");
  announce(*anna, {bert->info});
  EXPECT_EQ(shown(*anna, "bert").refused_key, "") << "its own key stays revoked, and is no key to trust";
}

TEST_F(Pinning, ARefusedPeerThatLeftIsNotConnectedByTrust) {
  connect_anna_and_bert();
  Actor& replacement = make("bert", "10.100.0.2/16", 22);
  announce(*anna, {replacement.info}, {{"bert", bert->info.public_key}});
  say(*anna, signaling::PeerLeft{"bert"});
  const int attempts = anna->attempts();
  EXPECT_TRUE(anna->trust("bert").done);
  run_for(1min);
  EXPECT_EQ(anna->attempts(), attempts);
}

TEST_F(Pinning, IsStoredAtOnceAndThenNoMoreThanOnceASecond) {
  Actor& self = make("anna", "10.100.0.1/16", 1);
  bring_online(self, {});
  EXPECT_EQ(self.stores, 0);
  for (std::uint64_t i = 0; i < 100; ++i) {
    Actor& other = make("d" + std::to_string(i), "10.100.1.1/16", 100 + i);
    announce(self, {other.info});
  }
  EXPECT_EQ(self.stores, 1);
  run_for(1s);
  EXPECT_EQ(self.stores, 2);
  EXPECT_THAT(self.pins, SizeIs(100));
  Actor& last = make("last", "10.100.1.2/16", 99);
  announce(self, {last.info});
  self.runner.stop(now);
  settle();
  EXPECT_THAT(self.pins, SizeIs(101)) << "what was not stored yet is stored at the end";
}

}  // namespace
}  // namespace bamgate::agent
