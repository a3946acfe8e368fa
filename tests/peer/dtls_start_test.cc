// How DTLS begins between two connections: who is its client, a ClientHello that comes before our own check, and a side
// that stays silent.
#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

#include "peer/link.h"
#include "peer/peer_connection.h"

namespace bamgate::peer {
namespace {

using namespace std::chrono_literals;
using testing::is_protocol;
using testing::Link;
using testing::pattern;
using testing::replaced;
using testing::Side;

TEST(PeerConnection, TheAnswererIsTheDtlsClient) {
  Link link;
  std::vector<const Side*> hellos;
  link.filter = [&](const Side& from, Bytes datagram) {
    // RFC 6347 §4.1, §4.2.2: a handshake record that begins with message type 1.
    if (datagram.size() > 13 && datagram[0] == std::byte{22} && datagram[13] == std::byte{1}) hellos.push_back(&from);
    return true;
  };
  ASSERT_TRUE(link.connect());
  EXPECT_EQ(hellos, (std::vector<const Side*>{&link.b}));
}

TEST(PeerConnection, AnOffererThatSaysActiveIsTheDtlsClient) {
  Link link;
  link.offer = [](const std::string& sdp) { return replaced(sdp, "a=setup:actpass", "a=setup:active"); };
  std::string answer;
  link.answer = [&](std::string sdp) { return answer = std::move(sdp); };
  ASSERT_TRUE(link.connect());
  EXPECT_NE(answer.find("a=setup:passive"), std::string::npos);
  ASSERT_TRUE(link.a.send(link.now(), pattern(100, 1)));
  ASSERT_TRUE(link.b.send(link.now(), pattern(100, 2)));
  EXPECT_TRUE(link.run(1s, [&] { return link.a.message_count == 1 && link.b.message_count == 1; }));
}

TEST(PeerConnection, AnAnswererMayBeTheDtlsServerWhereTheOfferLeavesItTheChoice) {
  Link link({.b_answers_passive = true});
  std::string answer;
  link.answer = [&](std::string sdp) { return answer = std::move(sdp); };
  ASSERT_TRUE(link.connect());
  EXPECT_NE(answer.find("a=setup:passive"), std::string::npos);
  EXPECT_EQ(link.a->dtls_role(), dtls::Role::kClient);
  EXPECT_EQ(link.b->dtls_role(), dtls::Role::kServer);
}

TEST(PeerConnection, AnOfferThatIsPassiveIsAnsweredActiveWhateverIsPreferred) {
  Link link({.b_answers_passive = true});
  link.offer = [](const std::string& sdp) { return replaced(sdp, "a=setup:actpass", "a=setup:passive"); };
  ASSERT_TRUE(link.connect());
  EXPECT_EQ(link.b->dtls_role(), dtls::Role::kClient);
}

// ---- DTLS that does not come, or too early ----

TEST(PeerConnection, WithoutOneDtlsRecordFiveSecondsAfterAPathWasFoundBothSidesGiveUp) {
  Link link;
  link.filter = [](const Side&, Bytes datagram) { return !is_protocol(datagram, Protocol::kDtls); };
  ASSERT_TRUE(link.negotiate());
  ASSERT_TRUE(link.trickle(link.a));
  ASSERT_TRUE(link.trickle(link.b));
  ASSERT_TRUE(link.run(1s, [&] { return !link.a.paths.empty() && !link.b.paths.empty(); }));
  link.run(4900ms);
  EXPECT_FALSE(link.a.closed || link.b.closed);
  link.run(200ms);
  EXPECT_EQ(link.a.closed, Error::kDtlsSilent);
  EXPECT_EQ(link.b.closed, Error::kDtlsSilent);
}

TEST(PeerConnection, AHandshakeOfWhichOneRecordCameHasAllItsTime) {
  Link link;
  bool first = true;
  link.filter = [&](const Side& from, Bytes datagram) {
    return !is_protocol(datagram, Protocol::kDtls) || (&from == &link.b && std::exchange(first, false));
  };
  ASSERT_TRUE(link.negotiate());
  ASSERT_TRUE(link.trickle(link.a));
  ASSERT_TRUE(link.trickle(link.b));
  link.run(20s);
  EXPECT_FALSE(link.a.closed) << "it has the ClientHello";
  EXPECT_EQ(link.b.closed, Error::kDtlsSilent);
  link.run(20s);
  EXPECT_EQ(link.a.closed, Error::kDtlsFailed);
}

/// B's first ClientHello: the same in every Link of the same seed.
std::vector<std::byte> hello_of_b() {
  std::vector<std::byte> hello;
  Link link;
  link.filter = [&](const Side& from, Bytes datagram) {
    if (&from == &link.b && is_protocol(datagram, Protocol::kDtls) && hello.empty()) {
      hello.assign(datagram.begin(), datagram.end());
    }
    return true;
  };
  EXPECT_TRUE(link.connect());
  return hello;
}

// B's checks reach A before an answer to A's own does: B plays libdatachannel, whose ClientHello follows its first
// check.
class EarlyHello : public ::testing::Test {
 protected:
  void SetUp() override {
    link.filter = [&](const Side& from, Bytes datagram) {
      if (&from == &link.b && is_protocol(datagram, Protocol::kDtls)) from_b.push_back(link.now());
      if (&from == &link.a && is_protocol(datagram, Protocol::kDtls)) from_a.push_back(link.now());
      // RFC 8489 §5: 0x0101 is the success response to a Binding request.
      const bool answer = datagram.size() > 2 && datagram[0] == std::byte{1} && datagram[1] == std::byte{1};
      return !(withheld && &from == &link.b && answer);
    };
  }
  void let_checks_come() {
    ASSERT_TRUE(link.negotiate());
    ASSERT_TRUE(link.trickle(link.a));
    ASSERT_TRUE(link.trickle(link.b));
    ASSERT_TRUE(link.run(1s, [&] { return link.a->ice().counters().checks_received > 0; }));
    ASSERT_TRUE(link.a.paths.empty());
  }

  std::vector<std::byte> hello = hello_of_b();
  Link link;
  bool withheld = true;  // B's answers to A's checks are lost
  std::vector<Instant> from_a;
  std::vector<Instant> from_b;
};

TEST_F(EarlyHello, IsAnsweredAsSoonAsItsPathIsProven) {
  let_checks_come();
  EXPECT_TRUE(link.deliver(link.a, link.b.address, hello));
  EXPECT_EQ(link.a->counters().kept_early, 1U);
  link.run(100ms);
  EXPECT_TRUE(from_a.empty()) << "nothing is answered on an unproven path";
  withheld = false;
  ASSERT_TRUE(link.run(2s, [&] { return !link.a.paths.empty(); }));
  link.drain();
  ASSERT_FALSE(from_a.empty()) << "the flight leaves with the path";
  EXPECT_TRUE(from_b.empty()) << "B has not said it again";
  EXPECT_EQ(link.a->counters().unexpected_source + link.a->counters().bad_dtls, 0U);
  EXPECT_EQ(link.a->counters().early_unused, 0U);
  EXPECT_TRUE(link.run(5s, [&] { return link.both_open(); }));
}

TEST_F(EarlyHello, IsKeptOnlyFromWhereAnAuthenticatedCheckCame) {
  let_checks_come();
  const Endpoint other_port{link.b.address.address, 9};
  EXPECT_EQ(link.deliver(link.a, other_port, hello).error(), Error::kUnexpectedSource);
  const Path other_socket{SocketId{9}, link.b.address, {}};
  EXPECT_EQ(link.a->handle_input(link.now(), {.path = other_socket, .data = hello}).error(), Error::kUnexpectedSource);
  EXPECT_EQ(link.a->counters().kept_early, 0U);
  EXPECT_EQ(link.a->counters().unexpected_source, 2U);
}

TEST_F(EarlyHello, OfAFloodOnlyAFewAreKeptAndTheRestIsCounted) {
  let_checks_come();
  EXPECT_TRUE(link.deliver(link.a, link.b.address, hello));
  for (int i = 0; i < 1000; ++i) (void)link.deliver(link.a, link.b.address, pattern(1200, 22));
  std::vector<std::byte> junk = hello;
  junk.resize(1400);
  for (int i = 0; i < 1000; ++i) (void)link.deliver(link.a, link.b.address, junk);
  EXPECT_LE(link.a->counters().kept_early, EarlyDatagrams::kMaxCount);
  EXPECT_LE(link.a->counters().kept_early, 1 + EarlyDatagrams::kMaxBytes / junk.size());
  EXPECT_GE(link.a->counters().unexpected_source + link.a->counters().unknown_protocol, 1990U);
  withheld = false;
  EXPECT_TRUE(link.run(5s, [&] { return link.both_open(); })) << "what is kept beside it does no harm";
}

TEST_F(EarlyHello, IsACountedDropWhenItsPathIsNeverProven) {
  let_checks_come();
  EXPECT_TRUE(link.deliver(link.a, link.b.address, hello));
  EXPECT_EQ(link.a->counters().early_unused, 0U);
  link.a->close(link.now());
  EXPECT_EQ(link.a->counters().kept_early, 1U);
  EXPECT_EQ(link.a->counters().early_unused, 1U);
}

TEST_F(EarlyHello, MayComeBeforeTheAnswer) {
  std::string late;
  link.answer = [&](std::string sdp) {
    late = sdp;
    return std::string("not yet");
  };
  EXPECT_FALSE(link.negotiate());
  ASSERT_TRUE(link.trickle(link.a));
  ASSERT_TRUE(link.run(1s, [&] { return link.a->ice().counters().checks_received > 0; }));
  EXPECT_TRUE(link.deliver(link.a, link.b.address, hello));
  EXPECT_EQ(link.a->counters().kept_early, 1U);
  withheld = false;
  ASSERT_TRUE(link.a->accept_answer(link.now(), late));
  EXPECT_TRUE(link.run(1s, [&] { return !from_a.empty(); }));
  EXPECT_TRUE(from_b.empty()) << "B has not said it again";
  EXPECT_EQ(link.a->counters().bad_dtls, 0U);
}

}  // namespace
}  // namespace bamgate::peer
