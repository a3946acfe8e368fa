// Several channels of one connection: opened and closed from either side, busy at the same time.
#include <gtest/gtest.h>

#include <algorithm>

#include "peer/link.h"

namespace bamgate::peer {
namespace {

using namespace testing;

TEST(PeerChannels, AreOpenedAndClosedFromEitherSide) {
  Link link;
  ASSERT_TRUE(link.connect());
  for (Side* side : {&link.a, &link.b}) {
    Side& other = side == &link.a ? link.b : link.a;
    const std::string label = side == &link.a ? "of a" : "of b";
    const sctp::ChannelOptions options{.label = label, .ordered = false, .max_retransmits = 3};
    const auto channel = (*side)->open_channel(link.now(), options);
    ASSERT_TRUE(channel);
    ASSERT_TRUE(link.run(1s, [&] { return side->channel(label) == *channel && other.channel(label) == *channel; }));
    EXPECT_EQ(other.opened.back().options, options);
    EXPECT_TRUE(other->send(link.now(), *channel, pattern(100, 1)));
    EXPECT_TRUE(link.run(1s, [&] { return side->message_count == 1; }));
    other->close_channel(link.now(), *channel);
    const auto closed = [&](const Side& one) { return std::ranges::count(one.closed_channels, *channel) == 1; };
    EXPECT_TRUE(link.run(1s, [&] { return closed(*side) && closed(other); }));
    EXPECT_EQ((*side)->send(link.now(), *channel, pattern(100, 1)).error(), Error::kNotConnected);
  }
  EXPECT_TRUE(link.a.send(link.now(), pattern(100, 1))) << "the tunnel's channel goes on";
}

TEST(PeerChannels, NoneIsOpenedWithoutAConnection) {
  Link link;
  EXPECT_EQ(link.a->open_channel(link.now(), reliable_channel()).error(), Error::kNotConnected);
  link.a->close_channel(link.now(), sctp::ChannelId{1});
  ASSERT_TRUE(link.connect());
  link.a->close(link.now());
  EXPECT_EQ(link.a->open_channel(link.now(), reliable_channel()).error(), Error::kNotConnected);
}

TEST(PeerChannels, ABusyReliableChannelDoesNotStarveAnUnreliableOne) {
  Link link({.channels = {tunnel_channel(), reliable_channel()}});
  ASSERT_TRUE(link.connect());
  ASSERT_TRUE(link.run(1s, [&] { return link.b.opened.size() == 2; }));
  std::uint32_t reliable = 0;
  std::uint32_t tunnel = 0;
  link.b.on_message = [&](Message& message) { ++(message.channel == link.b.channel() ? tunnel : reliable); };
  std::uint32_t sent = 0;
  std::uint32_t taken = 0;
  const bool done = link.run(60s, [&] {
    while (sent < 2000 && link.a->send(link.now(), link.a.channel("reliable"), pattern(1 + sent * 997 % 1312, sent))) {
      ++sent;
    }
    while (taken < 1000 && link.a.send(link.now(), pattern(1 + taken * 997 % 1312, taken))) ++taken;
    return reliable == 2000;
  });
  EXPECT_TRUE(done) << reliable;
  EXPECT_EQ(taken, 1000U);
  EXPECT_EQ(tunnel, 1000U) << "nothing is lost on this link";
}

}  // namespace
}  // namespace bamgate::peer
