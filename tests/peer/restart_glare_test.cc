// ICE restart when both sides offer, on a bad line, and in the states in which there is none.
#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include "peer/flow.h"

namespace bamgate::peer {
namespace {

using namespace testing;

TEST(PeerRestartGlare, TheOfferOfTheFirstOffererCounts) {
  Link link;
  ASSERT_TRUE(link.connect());
  Flow flow(link);
  const auto of_a = link.a->restart(link.now());
  const auto of_b = link.b->restart(link.now());
  ASSERT_TRUE(of_a && of_b);
  flow.run(20ms);  // both are on their way
  EXPECT_EQ(link.a->accept_offer(link.now(), *of_b).error(), Error::kGlare);
  EXPECT_TRUE(link.a->awaits_restart_answer()) << "its own offer stands";
  const auto answer = link.b->accept_offer(link.now(), *of_a);
  ASSERT_TRUE(answer) << to_string(answer.error());
  EXPECT_FALSE(link.b->awaits_restart_answer()) << "its own offer is over";
  EXPECT_EQ(link.b->local_ufrags().size(), 2U);
  ASSERT_TRUE(link.a->accept_answer(link.now(), *answer));
  flow.run(1s);
  EXPECT_TRUE(both_at(link, 2));
  EXPECT_EQ(link.b.failed_restarts, 0U);
  ASSERT_TRUE(link.restart(link.b)) << "and the other may ask later";
  flow.run(1s);
  EXPECT_TRUE(both_at(link, 3));
  flow.expect_all();
}

TEST(PeerRestartGlare, APlainOfferOfTheFirstOffererEndsTheRestartOfTheOther) {
  std::string offer;
  Link link;
  link.offer = [&](const std::string& sdp) { return offer = sdp; };
  ASSERT_TRUE(link.connect());
  ASSERT_TRUE(link.b->restart(link.now()));
  const auto answer = link.b->accept_offer(link.now(), offer);
  ASSERT_TRUE(answer);
  EXPECT_FALSE(link.b->is_restarting());
  EXPECT_EQ(parse_description(*answer)->ice, link.b->ice().local_credentials());
}

TEST(PeerRestartLossy, ReliableMessagesAllArriveAcrossRestartsOnABadLine) {
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    Link link({.seed = seed,
               .jitter = 30ms,
               .loss_permille = 150,
               .twice_permille = 100,
               .channels = {tunnel_channel(), reliable_channel()}});
    ASSERT_TRUE(link.connect());
    ASSERT_TRUE(link.run(30s, [&] { return link.b.opened.size() == 2; }));
    std::uint64_t sent = 0;
    for (unsigned round = 0; round < 4; ++round) {
      ASSERT_TRUE(link.restart(round % 2 == 0 ? link.a : link.b));
      for (unsigned i = 0; i < 50; ++i) {
        if (link.a->send(link.now(), link.a.channel("reliable"), pattern(300, i))) ++sent;
        link.run(20ms);
      }
      ASSERT_TRUE(link.run(30s, [&] { return both_at(link, round + 2); })) << "seed " << seed << " round " << round;
    }
    EXPECT_TRUE(link.run(60s, [&] { return link.b.message_count == sent; })) << link.b.message_count << " of " << sent;
    EXPECT_EQ(sent, 200U);
    EXPECT_FALSE(link.a.closed || link.b.closed);
  }
}

TEST(PeerRestartState, NeedsBothDescriptions) {
  Link link;
  EXPECT_EQ(link.a->restart(link.now()).error(), Error::kWrongState);
  const auto offer = link.a->create_offer(link.now());
  EXPECT_EQ(link.a->restart(link.now()).error(), Error::kWrongState);
  ASSERT_TRUE(link.b->accept_offer(link.now(), *offer));
  EXPECT_TRUE(link.b->restart(link.now()));
  link.b->close(link.now());
  EXPECT_EQ(link.b->restart(link.now()).error(), Error::kWrongState);
}

TEST(PeerRestartState, ARestartBeforeThereIsAPathBringsTheFirstOne) {
  Link link;
  ASSERT_TRUE(link.negotiate());  // without candidates
  link.run(5s);
  ASSERT_TRUE(link.restart(link.b));
  EXPECT_TRUE(link.run(2s, [&] { return link.both_open(); }));
  EXPECT_TRUE(both_at(link, 1));
}

}  // namespace
}  // namespace bamgate::peer
