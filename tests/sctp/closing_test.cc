// Every end of a channel and of an association.
#include "sctp/association.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "sctp/engines.h"
#include "sctp/link.h"

namespace bamgate::sctp {
namespace {

using namespace std::chrono_literals;
using testing::LinkOf;
using testing::pattern;
using testing::reliable_channel;
using testing::tunnel_channel;

template <typename EngineType>
class SctpClosing : public ::testing::Test {};
TYPED_TEST_SUITE(SctpClosing, testing::Engines, testing::EngineName);

TYPED_TEST(SctpClosing, ACloseIsSeenByBothSidesAndFreesTheNumber) {
  LinkOf<TypeParam> link;
  ASSERT_TRUE(link.connect());
  const ChannelId first = link.open(reliable_channel());
  const ChannelId second = link.open(reliable_channel());
  ASSERT_TRUE(link.a().association.send(link.now(), first, MessageKind::kBinary, pattern(5000, 1)));
  link.a().association.close_channel(link.now(), first);
  EXPECT_EQ(link.a().association.send(link.now(), first, MessageKind::kBinary, pattern(10, 1)),
            std::unexpected(Error::kUnknownChannel));
  ASSERT_TRUE(link.run(
      5s, [&] { return link.a().seen.closed_channels.size() == 1 && link.b().seen.closed_channels.size() == 1; }));
  EXPECT_EQ(link.a().seen.closed_channels[0], first);
  EXPECT_EQ(link.b().seen.closed_channels[0], first);
  EXPECT_EQ(link.b().seen.message_bytes, 5000U) << "what was sent before the close is delivered";
  EXPECT_EQ(link.open(tunnel_channel()), first);
  ASSERT_TRUE(link.a().association.send(link.now(), first, MessageKind::kBinary, pattern(10, 2)));
  ASSERT_TRUE(link.a().association.send(link.now(), second, MessageKind::kBinary, pattern(10, 3)));
  EXPECT_TRUE(link.run(1s, [&] { return link.b().seen.message_count == 3; }));
}

TYPED_TEST(SctpClosing, ChannelsThatAreClosedTogetherByBothSidesThroughLossAllClose) {
  LinkOf<TypeParam> link({.delay = 10ms, .loss_permille = 100});
  ASSERT_TRUE(link.connect());
  for (int i = 0; i < 8; ++i) link.open(reliable_channel());
  for (std::uint16_t i = 0; i < 8; ++i) {
    link.a().association.close_channel(link.now(), ChannelId(2 * i));
    link.b().association.close_channel(link.now(), ChannelId(14 - 2 * i));
  }
  EXPECT_TRUE(link.run(
      120s, [&] { return link.a().seen.closed_channels.size() == 8 && link.b().seen.closed_channels.size() == 8; }))
      << link.a().seen.closed_channels.size() << " and " << link.b().seen.closed_channels.size();
}

TYPED_TEST(SctpClosing, AChannelThatIsClosedBeforeTheAssociationIsUpIsNeverAnnounced) {
  LinkOf<TypeParam> link;
  const ChannelId id = link.a().association.open_channel(link.now(), tunnel_channel()).value();
  link.a().association.close_channel(link.now(), id);
  ASSERT_TRUE(link.connect());
  link.run(1s);
  EXPECT_EQ(link.a().seen.closed_channels.size(), 1U);
  EXPECT_TRUE(link.b().seen.opened.empty());
}

TYPED_TEST(SctpClosing, AShutdownDeliversWhatWaitsAndEndsBothSides) {
  LinkOf<TypeParam> link;
  ASSERT_TRUE(link.connect());
  const ChannelId id = link.open(reliable_channel());
  ASSERT_TRUE(link.a().association.send(link.now(), id, MessageKind::kBinary, pattern(50000, 1)));
  link.a().association.shutdown(link.now());
  EXPECT_EQ(link.a().association.send(link.now(), id, MessageKind::kBinary, pattern(1, 1)),
            std::unexpected(Error::kClosed));
  ASSERT_TRUE(link.run(10s, [&] { return link.a().seen.closed && link.b().seen.closed; }));
  EXPECT_EQ(link.a().seen.closed, Error::kShutdown);
  EXPECT_EQ(link.b().seen.closed, Error::kShutdown);
  EXPECT_EQ(link.b().seen.message_bytes, 50000U);
  EXPECT_EQ(link.a().association.next_timeout(), kNever);
}

TYPED_TEST(SctpClosing, AnAbortEndsBothSidesWithinOneDelay) {
  LinkOf<TypeParam> link;
  ASSERT_TRUE(link.connect());
  link.a().association.abort(link.now());
  ASSERT_TRUE(link.run(11ms, [&] { return link.b().seen.closed.has_value(); }));
  EXPECT_EQ(link.a().seen.closed, Error::kLocalAbort);
  EXPECT_EQ(link.b().seen.closed, Error::kAborted);
  EXPECT_EQ(link.b().association.open_channel(link.now(), {}), std::unexpected(Error::kClosed));
  std::vector<std::byte> late(16);
  EXPECT_EQ(link.b().association.handle_input(link.now(), {.path = {}, .data = late}), std::unexpected(Error::kClosed));
}

TYPED_TEST(SctpClosing, APeerThatNeverAnswersTimesOut) {
  LinkOf<TypeParam> link;
  link.filter = [](bool, Bytes) { return false; };
  link.a().association.start(link.now());
  ASSERT_TRUE(link.run(120s, [&] { return link.a().seen.closed.has_value(); }));
  EXPECT_EQ(link.a().seen.closed, Error::kTimedOut);
  EXPECT_EQ(link.a().association.next_timeout(), kNever);
}

TYPED_TEST(SctpClosing, APeerThatFallsSilentTimesOutAfterIceConsentWould) {
  LinkOf<TypeParam> link;
  ASSERT_TRUE(link.connect());
  const ChannelId id = link.open(tunnel_channel());
  link.filter = [](bool, Bytes) { return false; };
  const Instant begin = link.now();
  while (!link.a().seen.closed && link.now() - begin < 600s) {
    static_cast<void>(link.a().association.send(link.now(), id, MessageKind::kBinary, pattern(100, 1)));
    link.run(100ms);
  }
  EXPECT_EQ(link.a().seen.closed, Error::kTimedOut);
  EXPECT_GT(link.now() - begin, 30s);
  EXPECT_LT(link.now() - begin, 120s);
}

TYPED_TEST(SctpClosing, ThePeersFreshStartIsRecognisedAndEndsTheOldAssociation) {
  LinkOf<TypeParam> link;
  ASSERT_TRUE(link.connect());
  link.open(tunnel_channel());
  link.replace_b();
  link.b().association.start(link.now());
  // INIT, INIT ACK, COOKIE ECHO: an INIT alone proves nothing (RFC 9260 §5.2.2).
  ASSERT_TRUE(link.run(31ms, [&] { return link.a().seen.closed.has_value(); }));
  EXPECT_EQ(link.a().seen.closed, Error::kRestarted);
  EXPECT_EQ(link.a().association.next_timeout(), kNever);
  // The fresh side hears of it at once and does not sit on a dead association.
  ASSERT_TRUE(link.run(1s, [&] { return link.b().seen.closed.has_value(); }));
  EXPECT_EQ(link.b().seen.closed, Error::kAborted);
}

TYPED_TEST(SctpClosing, AFreshStartIsRecognisedInTheMiddleOfTraffic) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    LinkOf<TypeParam> link({.jitter = 5ms, .seed = seed});
    ASSERT_TRUE(link.connect());
    const ChannelId id = link.open(tunnel_channel());
    const ChannelId file = link.open(reliable_channel());
    for (std::uint32_t i = 0; i < 100; ++i) {
      static_cast<void>(
          link.a().association.send(link.now(), i % 2 == 0 ? id : file, MessageKind::kBinary, pattern(1000, i)));
      link.run(1ms);
    }
    link.replace_b();
    link.b().association.start(link.now());
    ASSERT_TRUE(link.run(60ms, [&] { return link.a().seen.closed.has_value(); })) << seed;
    EXPECT_EQ(link.a().seen.closed, Error::kRestarted);
    ASSERT_TRUE(link.run(60ms, [&] { return link.b().seen.closed.has_value(); })) << seed;
  }
}

TYPED_TEST(SctpClosing, LateCopiesOfTheHandshakeDoNotEndTheAssociation) {
  LinkOf<TypeParam> link;
  std::vector<std::pair<bool, std::vector<std::byte>>> seen;
  link.filter = [&](bool to_b, Bytes packet) {
    seen.emplace_back(to_b, std::vector<std::byte>(packet.begin(), packet.end()));
    return true;
  };
  ASSERT_TRUE(link.connect());
  const ChannelId id = link.open(tunnel_channel());
  link.filter = nullptr;
  EXPECT_GE(seen.size(), 6U);
  for (const Duration later : {Duration(0s), Duration(1s), Duration(100s)}) {
    link.run(later);
    for (const auto& [to_b, packet] : seen) {
      static_cast<void>(link.inject(to_b, packet));
      link.run(1ms);
    }
  }
  EXPECT_FALSE(link.a().seen.closed);
  EXPECT_FALSE(link.b().seen.closed);
  ASSERT_TRUE(link.a().association.send(link.now(), id, MessageKind::kBinary, pattern(100, 1)));
  EXPECT_TRUE(link.run(1s, [&] { return link.b().seen.message_count == 1; }));
}

TYPED_TEST(SctpClosing, TwoShutdownsAtOnceEndInGoodOrder) {
  LinkOf<TypeParam> link;
  ASSERT_TRUE(link.connect());
  const ChannelId id = link.open(reliable_channel());
  ASSERT_TRUE(link.a().association.send(link.now(), id, MessageKind::kBinary, pattern(3000, 1)));
  ASSERT_TRUE(link.b().association.send(link.now(), id, MessageKind::kBinary, pattern(3000, 2)));
  link.a().association.shutdown(link.now());
  link.b().association.shutdown(link.now());
  ASSERT_TRUE(link.run(10s, [&] { return link.a().seen.closed && link.b().seen.closed; }));
  EXPECT_EQ(link.a().seen.closed, Error::kShutdown);
  EXPECT_EQ(link.b().seen.closed, Error::kShutdown);
  EXPECT_EQ(link.a().seen.message_bytes, 3000U);
  EXPECT_EQ(link.b().seen.message_bytes, 3000U);
}

TYPED_TEST(SctpClosing, AShutdownWithDataOnTheWayDeliversItThroughLoss) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    LinkOf<TypeParam> link({.loss_permille = 100, .seed = seed});
    ASSERT_TRUE(link.connect());
    const ChannelId id = link.open(reliable_channel());
    ASSERT_TRUE(link.a().association.send(link.now(), id, MessageKind::kBinary, pattern(200000, 1)));
    link.a().association.shutdown(link.now());
    ASSERT_TRUE(link.run(300s, [&] { return link.a().seen.closed && link.b().seen.closed; })) << seed;
    EXPECT_EQ(link.b().seen.message_bytes, 200000U) << seed;
    EXPECT_EQ(link.a().seen.closed, Error::kShutdown) << seed;
    // When A's last word is lost, nobody is left to repeat it.
    EXPECT_TRUE(link.b().seen.closed == Error::kShutdown || link.b().seen.closed == Error::kTimedOut) << seed;
  }
}

TYPED_TEST(SctpClosing, AShutdownThatNobodyAnswersEndsInTime) {
  for (const bool with_data : {false, true}) {
    LinkOf<TypeParam> link;
    ASSERT_TRUE(link.connect());
    const ChannelId id = link.open(reliable_channel());
    link.filter = [](bool, Bytes) { return false; };
    if (with_data) {
      ASSERT_TRUE(link.a().association.send(link.now(), id, MessageKind::kBinary, pattern(100000, 1)));
    }
    link.a().association.shutdown(link.now());
    ASSERT_TRUE(link.run(120s, [&] { return link.a().seen.closed.has_value(); })) << with_data;
    EXPECT_EQ(link.a().seen.closed, Error::kTimedOut) << with_data;
    EXPECT_EQ(link.a().association.next_timeout(), kNever);
  }
}

TYPED_TEST(SctpClosing, AShutdownBeforeTheAssociationIsUpEndsIt) {
  LinkOf<TypeParam> link;
  link.a().association.start(link.now());
  link.a().association.shutdown(link.now());
  link.drain();
  EXPECT_EQ(link.a().seen.closed, Error::kShutdown);
  EXPECT_EQ(link.a().association.next_timeout(), kNever);
}

// A reset that overtakes lost data of other channels is where an engine can mistake one channel's messages for
// another's.
TYPED_TEST(SctpClosing, ChannelsCloseBesideABusyTunnelThroughLoss) {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    LinkOf<TypeParam> link({.delay = 15ms, .loss_permille = 20, .jitter = 4ms, .seed = seed});
    ASSERT_TRUE(link.connect());
    const ChannelId tunnel = link.open(tunnel_channel());
    for (std::uint32_t round = 0; round < 40; ++round) {
      const auto file = link.a().association.open_channel(link.now(), reliable_channel());
      ASSERT_TRUE(file);
      static_cast<void>(link.a().association.send(link.now(), *file, MessageKind::kText, pattern(20000, round)));
      link.a().association.close_channel(link.now(), *file);
      for (std::uint32_t i = 0; i < 100; ++i) {
        static_cast<void>(link.a().association.send(link.now(), tunnel, MessageKind::kBinary, pattern(1300, i)));
        static_cast<void>(link.b().association.send(link.now(), tunnel, MessageKind::kBinary, pattern(148, i)));
        link.run(5ms);
      }
    }
    ASSERT_FALSE(link.a().seen.closed) << seed << ": " << to_string(*link.a().seen.closed);
    ASSERT_FALSE(link.b().seen.closed) << seed << ": " << to_string(*link.b().seen.closed);
    EXPECT_TRUE(link.run(60s, [&] { return link.a().seen.closed_channels.size() == 40; })) << seed;
  }
}

TYPED_TEST(SctpClosing, ACloseRightBehindAnotherChannelsMessageTakesNoRetransmission) {
  LinkOf<TypeParam> link;
  ASSERT_TRUE(link.connect());
  const ChannelId tunnel = link.open(tunnel_channel());
  for (std::size_t round = 1; round <= 10; ++round) {
    const ChannelId id = link.open(reliable_channel());
    link.run(1s);
    ASSERT_TRUE(link.a().association.send(link.now(), tunnel, MessageKind::kBinary, pattern(100, 1)));
    link.a().association.close_channel(link.now(), id);
    // Two round trips, and the delay of an acknowledgement in each direction.
    EXPECT_TRUE(link.run(150ms, [&] { return link.a().seen.closed_channels.size() == round; })) << round;
    EXPECT_EQ(link.b().seen.message_count, round);
  }
}

}  // namespace
}  // namespace bamgate::sctp
