// A responder under load: cookies and mac2 (paper §5.3, §5.4.7), limits for each address, when load begins and ends.
#include <gtest/gtest.h>

#include "wg/cookie.h"
#include "wg/device.h"
#include "wg/net.h"
#include "wg/rate_limiter.h"

namespace bamgate::wg {
namespace {

using namespace wg::testing;
using bamgate::testing::SeededRandom;

/// A responder and one peer of it.
struct Two {
  Two() {
    in_hub = net.introduce(hub, spoke, true);
    in_spoke = net.introduce(spoke, hub);
  }
  void initiate() { spoke.device.initiate(net.now, in_spoke); }
  bool connected() { return hub.device.tunnel(in_hub)->can_seal(net.now); }
  std::size_t count(const Net::Node& from, MessageType type) { return net.sent(from.address, type).size(); }
  /// An initiation of the spoke whose mac2 proves the cookie that it holds, if any.
  Message initiation() {
    std::array<std::byte, kInitiationSize> wire{};
    initiate();
    EXPECT_TRUE(spoke.device.poll_transmit(net.now, wire));
    return {wire.begin(), wire.end()};
  }
  std::expected<void, Error> offer(const Message& message, const Endpoint& from) {
    Message copy = message;
    return hub.device.handle_input(net.now, Received{.path = path_to(from), .data = copy});
  }

  Net net;
  Net::Node& hub = net.add("192.0.2.1:51820");
  Net::Node& spoke = net.add("192.0.2.10:51820");
  PeerId in_hub{};
  PeerId in_spoke{};
};

TEST(WgLoad, InitiationWithoutCookieIsAnsweredByACookieAloneAndTheRetransmissionIsTaken) {
  Two two;
  two.hub.device.set_under_load(true);
  two.initiate();
  two.net.run(seconds(4));
  EXPECT_EQ(two.count(two.hub, MessageType::kCookieReply), 1U);
  EXPECT_EQ(two.count(two.hub, MessageType::kResponse), 0U);
  EXPECT_EQ(two.count(two.spoke, MessageType::kInitiation), 1U) << "the cookie itself causes nothing";
  EXPECT_EQ(two.hub.device.drops(Error::kUnderLoad), 1U);
  EXPECT_FALSE(two.hub.device.endpoint(two.in_hub)) << "no state for an unproven sender";
  two.net.run(seconds(2));
  EXPECT_EQ(two.count(two.hub, MessageType::kResponse), 1U);
  EXPECT_TRUE(two.connected());
}

TEST(WgLoad, ResponseWithoutCookieIsAnsweredByACookieToo) {
  Two two;
  two.spoke.device.set_under_load(true);  // the initiator
  two.initiate();
  two.net.run(seconds(1));
  EXPECT_EQ(two.count(two.spoke, MessageType::kCookieReply), 1U);
  EXPECT_FALSE(two.spoke.device.tunnel(two.in_spoke)->can_seal(two.net.now));
  two.net.run(seconds(6));
  EXPECT_TRUE(two.spoke.device.tunnel(two.in_spoke)->can_seal(two.net.now));
}

TEST(WgLoad, WithoutLoadMac2IsNotLookedAt) {
  Two two;
  Message message = two.initiation();
  message.back() ^= std::byte{1};
  EXPECT_TRUE(two.offer(message, two.spoke.address));
}

TEST(WgLoad, CookieServesItsOwnAddressAndPortAlone) {
  Two two;
  two.hub.device.set_under_load(true);
  two.initiate();
  two.net.run(seconds(1));
  const Message proven = two.initiation();
  EXPECT_EQ(two.offer(proven, endpoint("192.0.2.11:51820")).error(), Error::kUnderLoad);
  EXPECT_EQ(two.offer(proven, endpoint("192.0.2.10:51821")).error(), Error::kUnderLoad);
  EXPECT_EQ(two.offer(proven, endpoint("192.0.2.10:20172")).error(), Error::kUnderLoad);
  EXPECT_EQ(two.offer(proven, endpoint("[2001:db8::1]:51820")).error(), Error::kUnderLoad);
  EXPECT_TRUE(two.offer(proven, two.spoke.address));
}

TEST(WgLoad, EveryFlippedByteOfMac2IsNoticedUnderLoad) {
  Two two;
  two.hub.device.set_under_load(true);
  two.initiate();
  two.net.run(seconds(1));
  const Message proven = two.initiation();
  for (std::size_t i = 0; i < proven.size(); ++i) {
    Message damaged = proven;
    damaged[i] ^= std::byte{4};
    EXPECT_FALSE(two.offer(damaged, two.spoke.address)) << "byte " << i;
  }
  EXPECT_EQ(two.hub.device.drops(Error::kUnderLoad), 1U + kMacSize);
  EXPECT_TRUE(two.offer(proven, two.spoke.address));
}

TEST(WgLoad, MessageWithoutMac1GetsNoCookie) {
  Two two;
  two.hub.device.set_under_load(true);
  Message message = two.initiation();
  message[kInitiationSize - 2 * kMacSize] ^= std::byte{1};
  EXPECT_EQ(two.offer(message, two.spoke.address).error(), Error::kBadMac1);
  two.net.run(seconds(1));
  EXPECT_EQ(two.count(two.hub, MessageType::kCookieReply), 0U);
}

TEST(WgLoad, CookieReplyIsSmallerThanWhatItAnswers) {
  static_assert(kCookieReplySize < kResponseSize && kResponseSize < kInitiationSize);
  Two two;
  two.hub.device.set_under_load(true);
  two.initiate();
  two.net.run(seconds(1));
  EXPECT_EQ(two.net.sent(two.hub.address, MessageType::kCookieReply)[0].message.size(), 64U);
}

TEST(WgLoad, InitiatorThatSeesNoCookieReplyKeepsWithoutOne) {
  Two two;
  two.hub.device.set_under_load(true);
  two.net.lose = [](const Net::Datagram& datagram) {
    return message_type(datagram.message) == MessageType::kCookieReply;
  };
  two.initiate();
  two.net.run(seconds(80));
  EXPECT_FALSE(two.connected());
  EXPECT_GE(two.count(two.hub, MessageType::kCookieReply), 15U);
  two.net.lose = [](const Net::Datagram&) { return false; };
  two.net.run(seconds(12));
  EXPECT_TRUE(two.connected());
}

TEST(WgLoad, CookieRepliesThatCannotLeaveAreBounded) {
  Two two;
  two.hub.device.set_under_load(true);
  const Message message = two.initiation();
  for (std::uint16_t port = 1; port <= 1000; ++port) {
    static_cast<void>(two.offer(message, {two.spoke.address.address, port}));
  }
  EXPECT_EQ(two.hub.device.cookie_replies(), Device::kMaxReplies);
  EXPECT_EQ(two.hub.device.suppressed_replies(), 1000U - Device::kMaxReplies);
  std::array<std::byte, kInitiationSize> wire{};
  std::size_t sent = 0;
  while (two.hub.device.poll_transmit(two.net.now, wire)) ++sent;
  EXPECT_EQ(sent, Device::kMaxReplies);
}

TEST(WgLoad, OneAddressIsAllowedFiveHandshakesAtOnceAndTwentyASecond) {
  Two two;
  two.hub.device.set_under_load(true);
  two.initiate();
  two.net.run(seconds(1));
  const Message proven = two.initiation();
  const auto taken = [&](int messages) {
    const std::uint64_t limited = two.hub.device.drops(Error::kRateLimited);
    for (int i = 0; i < messages; ++i) static_cast<void>(two.offer(proven, two.spoke.address));
    return messages - static_cast<int>(two.hub.device.drops(Error::kRateLimited) - limited);
  };
  EXPECT_EQ(taken(100), 5);
  two.net.now += milliseconds(50);
  EXPECT_EQ(taken(100), 1);
  two.net.now += seconds(1);
  EXPECT_EQ(taken(100), 5);
}

TEST(WgLoad, FloodOfHandshakesBringsLoadAndASecondOfPeaceEndsIt) {
  Two two;
  const Message message = two.initiation();
  for (unsigned i = 0; i < kHandshakeQueue; ++i) static_cast<void>(two.offer(message, two.spoke.address));
  EXPECT_FALSE(two.hub.device.under_load(two.net.now));
  EXPECT_EQ(two.offer(message, two.spoke.address).error(), Error::kUnderLoad);
  EXPECT_TRUE(two.hub.device.under_load(two.net.now + milliseconds(999)));
  EXPECT_FALSE(two.hub.device.under_load(two.net.now + seconds(1)));
  two.net.now += seconds(1);
  EXPECT_EQ(two.offer(message, two.spoke.address).error(), Error::kReplayedInitiation);
}

TEST(WgLoad, GarbageWithoutMac1BringsNoLoad) {
  Two two;
  Message message = two.initiation();
  message[100] ^= std::byte{1};
  for (unsigned i = 0; i < 2 * kHandshakeQueue; ++i) static_cast<void>(two.offer(message, two.spoke.address));
  EXPECT_FALSE(two.hub.device.under_load(two.net.now));
}

TEST(WgLoad, SessionsThatStandAreNotTouchedByLoad) {
  Two two;
  two.initiate();
  two.net.run(seconds(1));
  two.hub.device.set_under_load(true);
  two.spoke.device.set_under_load(true);
  for (int i = 0; i < 300; ++i) {
    ASSERT_TRUE(two.net.send(two.spoke, two.in_spoke, ipv4_packet(60)));
    two.net.run(seconds(1));
  }
  EXPECT_EQ(two.hub.received[two.in_hub].size(), 300U);
  EXPECT_GE(two.hub.device.tunnel(two.in_hub)->handshakes(), 3U);
}

TEST(WgCookieChecker, SecretChangesAfterTwoMinutesAndOldCookiesAreVoid) {
  SeededRandom random(1);
  const PrivateKey giver = PrivateKey::generate(random);
  const PrivateKey taker = PrivateKey::generate(random);
  CookieChecker checker(giver.public_key(), random);
  Macs macs(taker.public_key(), giver.public_key());
  const Endpoint source = endpoint("192.0.2.10:51820");
  const Instant start{seconds(50)};
  Message message(kInitiationSize);
  macs.write(start, ReceiverIndex{0}, message);
  EXPECT_FALSE(checker.mac2_fits(start, message, source));
  ASSERT_TRUE(macs.consume_reply(start, checker.make_reply(start, message, source)));
  macs.write(start, ReceiverIndex{0}, message);
  EXPECT_TRUE(checker.mac2_fits(start + milliseconds(119'999), message, source));
  EXPECT_FALSE(checker.mac2_fits(start + seconds(120), message, source));
  ASSERT_TRUE(macs.consume_reply(start + seconds(120), checker.make_reply(start + seconds(120), message, source)));
  macs.write(start + seconds(120), ReceiverIndex{0}, message);
  EXPECT_TRUE(checker.mac2_fits(start + seconds(121), message, source));
}

TEST(WgCookieChecker, ReplyOpensOnlyForWhoSentTheMessageThatItAnswers) {
  SeededRandom random(2);
  const PrivateKey giver = PrivateKey::generate(random);
  const PrivateKey taker = PrivateKey::generate(random);
  CookieChecker checker(giver.public_key(), random);
  Macs macs(taker.public_key(), giver.public_key());
  Macs other(taker.public_key(), giver.public_key());
  Message message(kInitiationSize);
  Message another(kInitiationSize, std::byte{1});
  macs.write(Instant{}, ReceiverIndex{0}, message);
  other.write(Instant{}, ReceiverIndex{0}, another);
  const auto reply = checker.make_reply(Instant{}, message, endpoint("192.0.2.10:1"));
  EXPECT_EQ(other.consume_reply(Instant{}, reply).error(), Error::kBadTag);
  EXPECT_TRUE(macs.consume_reply(Instant{}, reply));
  EXPECT_EQ(macs.consume_reply(Instant{}, reply).error(), Error::kUnknownIndex) << "an answer counts once";
}

TEST(WgCookieChecker, ShortMessagesFitNothing) {
  SeededRandom random(3);
  CookieChecker checker(PrivateKey::generate(random).public_key(), random);
  const Message message(2 * kMacSize - 1);
  EXPECT_FALSE(checker.mac1_fits(message));
  EXPECT_FALSE(checker.mac2_fits(Instant{}, message, Endpoint{}));
}

TEST(WgRateLimiter, BucketGivesItsBurstAndThenItsRate) {
  RateLimiter limiter;
  const IpAddress source = IpAddress::parse("192.0.2.7").value();
  Instant now{seconds(9)};
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(limiter.allow(now, source));
  EXPECT_FALSE(limiter.allow(now, source));
  now += milliseconds(49);
  EXPECT_FALSE(limiter.allow(now, source));
  int allowed = 0;
  for (int i = 0; i < 10'000; ++i) {
    now += milliseconds(1);
    allowed += limiter.allow(now, source) ? 1 : 0;
  }
  EXPECT_EQ(allowed, 200) << "ten seconds";
}

TEST(WgRateLimiter, EachIpv4AddressAndEachIpv6NetworkHasItsOwn) {
  RateLimiter limiter;
  const Instant now{seconds(9)};
  const auto use_up = [&](std::string_view text) {
    int allowed = 0;
    while (limiter.allow(now, IpAddress::parse(text).value())) ++allowed;
    return allowed;
  };
  EXPECT_EQ(use_up("192.0.2.7"), 5);
  EXPECT_EQ(use_up("192.0.2.8"), 5);
  EXPECT_EQ(use_up("2001:db8:0:1::1"), 5);
  EXPECT_EQ(use_up("2001:db8:0:1:ffff::2"), 0) << "the same 64 bits";
  EXPECT_EQ(use_up("2001:db8:0:2::1"), 5);
  EXPECT_EQ(use_up("::ffff:192.0.2.7"), 0) << "the same IPv4 address";
  EXPECT_EQ(use_up("::ffff:192.0.2.9"), 5);
}

TEST(WgRateLimiter, TableCannotBeGrownBeyondItsLimitAndEmptiesItself) {
  RateLimiter limiter;
  Instant now{seconds(9)};
  for (std::uint32_t i = 0; i < 3 * RateLimiter::kMaxBuckets; ++i) {
    EXPECT_EQ(limiter.allow(now, IpAddress::v4(0x0a000000 + i)), i < RateLimiter::kMaxBuckets);
  }
  EXPECT_EQ(limiter.size(), RateLimiter::kMaxBuckets);
  EXPECT_TRUE(limiter.allow(now, IpAddress::v4(0x0a000000))) << "who is in the table keeps its share";
  now += seconds(1);
  EXPECT_TRUE(limiter.allow(now, IpAddress::v4(0x0b000000)));
  EXPECT_EQ(limiter.size(), 1U);
}

}  // namespace
}  // namespace bamgate::wg
