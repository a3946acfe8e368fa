// How an agent keeps its connections: candidates in any order, answers too late, hubs and peers that go and come.
#include <gmock/gmock.h>

#include "agent/link.h"
#include "agent/scripted_hub.h"

namespace bamgate::agent {
namespace {

using ::testing::IsEmpty;

/// The line without its ufrag, or with another one.
std::string with_ufrag(std::string line, const std::string& ufrag) {
  line.resize(line.find(" ufrag "));
  return ufrag.empty() ? line : line + " ufrag " + ufrag;
}

/// anna has made an offer, and bert gets to know of it as a test wants. anna learns no candidate of bert's, so a path
/// is found only if bert uses one of hers.
class Candidates : public ScriptedHub {
 protected:
  void SetUp() override {
    forward = false;
    anna = &make("anna", "10.100.0.1/16", 1);
    bert = &make("bert", "10.100.0.2/16", 2);
    bring_online(*bert, {anna->info});
    bring_online(*anna, {bert->info});
    offer = anna->take<signaling::Offer>();
    ASSERT_TRUE(offer);
    ASSERT_FALSE(anna->take<signaling::IceCandidate>()) << "all that is known stands in the offer";
    const auto lines = take_candidates(offer->sdp);
    ASSERT_EQ(lines.size(), 1U);
    candidate = {.from = "anna", .to = "bert", .candidate = lines[0], .extra = {}};
  }

  bool connects_after_the_answer() {
    settle();
    auto answer = bert->take<signaling::Answer>();
    if (!answer) return false;
    (void)take_candidates(answer->sdp);
    say(*anna, *answer);
    run_for(3s);
    return anna->state_of("bert", now) == "connected" && bert->state_of("anna", now) == "connected";
  }

  std::optional<signaling::Offer> offer;
  std::optional<signaling::IceCandidate> candidate;
};

TEST_F(Candidates, ThatComeAfterTheirDescriptionAreUsed) {
  say(*bert, *offer);
  say(*bert, *candidate);
  EXPECT_TRUE(connects_after_the_answer());
}

TEST_F(Candidates, ThatComeBeforeTheirDescriptionAreKept) {
  say(*bert, *candidate);
  say(*bert, *offer);
  EXPECT_TRUE(connects_after_the_answer());
}

TEST_F(Candidates, WithoutUfragCountAsCurrent) {
  candidate->candidate = with_ufrag(candidate->candidate, "");
  say(*bert, *candidate);
  say(*bert, *offer);
  EXPECT_TRUE(connects_after_the_answer());
}

TEST_F(Candidates, OfAnOlderUfragAreDropped) {
  candidate->candidate = with_ufrag(candidate->candidate, "olderufrag");
  say(*bert, *candidate);
  say(*bert, *offer);
  EXPECT_EQ(bert->counter("candidates_unused", now), 1U);
  say(*bert, *candidate);
  EXPECT_FALSE(connects_after_the_answer());
}

TEST_F(Candidates, ThatCannotBeReadDoNoHarm) {
  for (const char* line : {"", "candidate:", "candidate:1 1 tcp 1 192.0.2.1 9 typ host", "v=0"}) {
    say(*bert, signaling::IceCandidate{.from = "anna", .to = "bert", .candidate = line, .extra = {}});
  }
  EXPECT_EQ(bert->counter("ice_ignored_candidates", now), 4U);
  say(*bert, *offer);
  say(*bert, *candidate);
  EXPECT_TRUE(connects_after_the_answer());
}

TEST_F(Candidates, OfAFloodPushOutOnlyOlderOnes) {
  for (int i = 0; i < 1000; ++i) {
    auto junk = *candidate;
    junk.candidate = with_ufrag(junk.candidate, "junk" + std::to_string(i));
    say(*bert, junk);
  }
  EXPECT_EQ(bert->counter("candidates_unused", now), 1000U - EarlyCandidates::kMax);
  say(*bert, *candidate);
  say(*bert, *offer);
  EXPECT_TRUE(connects_after_the_answer());
}

// RFC 7983 §7; RFC 6347 §4.1: 23 is application data.
bool is_dtls(Bytes datagram) { return datagram[0] >= std::byte{20} && datagram[0] <= std::byte{63}; }
bool is_application_data(Bytes datagram) { return datagram[0] == std::byte{23}; }

class Attempts : public ScriptedHub {
 protected:
  /// The whole time of an attempt of anna's, in which only so many records of application data of bert's arrive, until
  /// `silence` has passed.
  void connect_with_bert_silent_after(int records, Duration silence = 1h) {
    bert = &make("bert", "10.100.0.2/16", 2);
    anna = &make("anna", "10.100.0.1/16", 1);  // the last one made is served first, and so gives up before bert does
    const Instant end = now + silence;
    carries = [this, records, end](const Endpoint& from, Bytes datagram) mutable {
      if (!is_application_data(datagram) || from.address != bert->addresses[0]) return true;
      return records-- > 0 || now >= end;
    };
    bert->addresses = {IpAddress::v4(192, 0, 2, 2)};
    forward = false;
    bring_online(*bert, {anna->info});
    bring_online(*anna, {bert->info});
    say(*bert, *anna->take<signaling::Offer>());
    forward = true;
    run_for(Link::kAttemptTime + 100ms);
  }
};

TEST_F(Attempts, AreGivenUpAfterThirtySecondsWithoutAnswer) {
  forward = false;
  anna = &make("anna", "10.100.0.1/16", 1);
  bert = &make("bert", "10.100.0.2/16", 2);
  bring_online(*anna, {bert->info});
  run_for(29s);
  EXPECT_EQ(anna->attempts(), 1);
  EXPECT_EQ(anna->under_way(), 1);
  run_for(2s);
  EXPECT_EQ(anna->attempts(), 2);
  EXPECT_EQ(anna->under_way(), 1) << "the first one is over";
  EXPECT_EQ(anna->sockets.size(), 1U) << "and the device's socket is the same";
  EXPECT_EQ(anna->state_of("bert", now), "connecting");
}

// RFC 8863 §4: until then a check of the peer may still open a path.
TEST_F(Attempts, WithoutAPathLastAsLongAsIcesPatience) {
  wire = false;
  anna = &make("anna", "10.100.0.1/16", 1);
  bert = &make("bert", "10.100.0.2/16", 2);
  bring_online(*bert, {anna->info});
  bring_online(*anna, {bert->info});
  run_for(39s);
  EXPECT_EQ(anna->state_of("bert", now), "connecting");
  EXPECT_EQ(bert->state_of("anna", now), "connecting");
  EXPECT_EQ(anna->attempts(), 1);
  run_for(2s);
  EXPECT_EQ(anna->attempts(), 2);
}

TEST_F(Attempts, FindAPathThatOpensLate) {
  wire = false;
  anna = &make("anna", "10.100.0.1/16", 1);
  bert = &make("bert", "10.100.0.2/16", 2);
  bring_online(*bert, {anna->info});
  bring_online(*anna, {bert->info});
  run_for(34s);
  wire = true;
  run_for(3s);
  EXPECT_EQ(anna->state_of("bert", now), "connected");
  EXPECT_EQ(bert->state_of("anna", now), "connected");
  EXPECT_EQ(anna->attempts(), 1);
}

TEST_F(Attempts, BeginAgainAtOnceWhenTheAnswerWasToAnOlderOffer) {
  forward = false;
  anna = &make("anna", "10.100.0.1/16", 1);
  bert = &make("bert", "10.100.0.2/16", 2);
  bring_online(*bert, {anna->info});
  bring_online(*anna, {bert->info});
  say(*bert, *anna->take<signaling::Offer>());
  const auto late = bert->take<signaling::Answer>();
  announce(*anna, {bert->info});  // as after the loss of a hub connection: anna offers afresh
  say(*bert, *anna->take<signaling::Offer>());
  const auto right = bert->take<signaling::Answer>();
  ASSERT_TRUE(late && right);
  say(*anna, *late);  // taken for the right one: nothing in it says otherwise
  say(*anna, *right);
  EXPECT_EQ(anna->attempts(), 3);
  forward = true;
  run_for(2s);
  EXPECT_EQ(anna->state_of("bert", now), "connected");
  EXPECT_EQ(bert->state_of("anna", now), "connected");
}

TEST_F(Attempts, AreNotDisturbedByTheSameAnswerTwice) {
  forward = false;
  anna = &make("anna", "10.100.0.1/16", 1);
  bert = &make("bert", "10.100.0.2/16", 2);
  bring_online(*bert, {anna->info});
  bring_online(*anna, {bert->info});
  say(*bert, *anna->take<signaling::Offer>());
  const auto answer = bert->take<signaling::Answer>();
  ASSERT_TRUE(answer);
  say(*anna, *answer);
  say(*anna, *answer);
  EXPECT_EQ(anna->attempts(), 1);
}

// bert takes back his answer by offering himself: he has moved, and nobody else knows.
TEST_F(Attempts, GiveWayToAnOfferOfThePeerOnceTheirOwnIsAnswered) {
  wire = false;
  anna = &make("anna", "10.100.0.1/16", 1);
  bert = &make("bert", "10.100.0.2/16", 2);
  bring_online(*bert, {anna->info});
  bring_online(*anna, {bert->info});
  run_for(2s);
  ASSERT_EQ(bert->attempts(), 1) << "he has answered";
  forward = false;
  move(*bert, {IpAddress::v4(198, 51, 100, 7)});
  rejoin(*bert, {anna->info});
  const auto offer = bert->take<signaling::Offer>();
  ASSERT_TRUE(offer);
  wire = forward = true;
  say(*anna, *offer);
  run_for(2s);
  EXPECT_EQ(anna->attempts(), 2);
  EXPECT_EQ(anna->state_of("bert", now), "connected");
  EXPECT_EQ(bert->state_of("anna", now), "connected");
}

TEST_F(Attempts, AreNotMadeToPeersThatAreAway) {
  forward = false;
  anna = &make("anna", "10.100.0.1/16", 1);
  bert = &make("bert", "10.100.0.2/16", 2);
  bring_online(*anna, {bert->info});
  say(*anna, signaling::PeerLeft{"bert"});
  run_for(10min);
  EXPECT_EQ(anna->attempts(), 1);
  EXPECT_EQ(anna->under_way(), 0);
  announce(*anna, {bert->info});
  EXPECT_EQ(anna->attempts(), 2);
}

TEST_F(Attempts, ThatBertRefusesAreRepeatedWithGrowingWaits) {
  anna = &make("anna", "10.100.0.1/16", 1);
  bert = &make("bert", "10.100.0.2/16", 2);
  forward = false;
  bring_online(*anna, {bert->info});
  for (const Instant end = now + 10min; now < end; run_for(100ms)) {
    if (!anna->take<signaling::Offer>()) continue;
    say(*anna, signaling::Answer{.from = "bert", .to = "anna", .sdp = "nonsense", .public_key = {}, .extra = {}});
  }
  EXPECT_GE(anna->attempts(), 20);
  EXPECT_LE(anna->attempts(), 35);
}

// pion sends its HelloVerifyRequest once; here the server's words are lost as long as bert is the client.
TEST_F(Attempts, ThatHeardNoDtlsAsItsClientAreRepeatedAsItsServer) {
  anna = &make("anna", "10.100.0.1/16", 1);
  bert = &make("bert", "10.100.0.2/16", 2);
  carries = [&](const Endpoint&, Bytes datagram) { return bert->attempts() > 1 || !is_dtls(datagram); };
  bring_online(*anna, {bert->info});
  const Instant start = now;
  bring_online(*bert, {anna->info});
  run_for(4900ms);
  EXPECT_EQ(bert->attempts(), 1);
  run_for(2s);
  EXPECT_TRUE(bert->noticed("a path was found, but the peer sent no DTLS over it"));
  EXPECT_EQ(bert->state_of("anna", now), "connected");
  EXPECT_EQ(anna->state_of("bert", now), "connected");
  EXPECT_LT(now - start, 8s);
}

TEST_F(Attempts, OfASilentHandshakeAreAnsweredInTheOtherRole) {
  forward = false;
  anna = &make("anna", "10.100.0.1/16", 1);
  bert = &make("bert", "10.100.0.2/16", 2);
  carries = [](const Endpoint&, Bytes datagram) { return !is_dtls(datagram); };
  bring_online(*anna, {bert->info});
  bring_online(*bert, {anna->info});
  for (const char* role : {"active", "passive", "active"}) {
    std::optional<signaling::Offer> offer;
    for (int i = 0; i < 100 && !offer; ++i) {
      run_for(100ms);
      offer = anna->take<signaling::Offer>();
    }
    ASSERT_TRUE(offer);
    say(*bert, *offer);
    const auto answer = bert->take<signaling::Answer>();
    ASSERT_TRUE(answer);
    EXPECT_NE(answer->sdp.find("a=setup:" + std::string(role)), std::string::npos) << answer->sdp;
    say(*anna, *answer);
    while (const auto candidate = anna->take<signaling::IceCandidate>()) say(*bert, *candidate);
    run_for(5200ms);
  }
}

TEST_F(Attempts, ThatFailedAreOfferedByTheAnsweringSideWhenNoOfferComesForAWhile) {
  connect_anna_and_bert();
  kill(*anna);
  wire = forward = false;
  for (int i = 0; i < 600 && bert->state_of("anna", now) != "reconnecting"; ++i) run_for(100ms);
  run_for(10s);
  ASSERT_EQ(bert->state_of("anna", now), "reconnecting");
  EXPECT_EQ(bert->count<signaling::Offer>(), 0) << "it is anna's turn";
  run_for(1s);
  EXPECT_EQ(bert->count<signaling::Offer>(), 1);
  EXPECT_EQ(bert->attempts(), 2);
  run_for(10min);
  EXPECT_LE(bert->attempts(), 2 + 600 / 60) << "each has 30 s, and waits for 10 s and ever longer";
}

// The channel's records of bert's are lost behind the first few: each further one gets the attempt further.
TEST_F(Attempts, SayWhetherTheChannelDidNotOpenOrWireGuardIsSilentInIt) {
  std::vector<std::string> reasons;
  for (int passed = 0; passed < 12; ++passed) {
    connect_with_bert_silent_after(passed);
    if (anna->state_of("bert", now) == "connected") break;
    for (const char* reason :
         {"the data channel did not open", "the data channel is open, but WireGuard got no answer"}) {
      if (anna->noticed(reason) && (reasons.empty() || reasons.back() != reason)) reasons.emplace_back(reason);
    }
    kill(*anna);
    kill(*bert);
  }
  EXPECT_THAT(reasons, ::testing::ElementsAre("the data channel did not open",
                                              "the data channel is open, but WireGuard got no answer"));
}

// bert's ACK is lost and waits to be sent again; the handshake that bert starts after 3 s overtakes it.
TEST_F(Attempts, HaveTheirChannelOpenedByAMessageThatOvertakesTheAck) {
  std::uint64_t opened_by_message = 0;
  for (int passed = 0; passed < 6; ++passed) {
    connect_with_bert_silent_after(passed, 2900ms);
    EXPECT_EQ(anna->state_of("bert", now), "connected");
    opened_by_message += anna->counter("messages_before_ack", now);
    EXPECT_EQ(anna->counter("dcep_refused", now) + bert->counter("dcep_refused", now), 0U);
    EXPECT_EQ(anna->counter("messages_no_channel", now) + bert->counter("messages_no_channel", now), 0U);
    kill(*anna);
    kill(*bert);
  }
  EXPECT_GE(opened_by_message, 1U);
}

class Connections : public ScriptedHub {
 protected:
  void SetUp() override { connect_anna_and_bert(); }
};

TEST_F(Connections, OutliveTheHub) {
  anna->hub_closes(1006);
  bert->hub_closes(1006);
  run_for(10min);
  EXPECT_FALSE(anna->runner.status(now).hub_connected);
  EXPECT_EQ(anna->state_of("bert", now), "connected");
  send_packet(*anna, "10.100.0.2");
  settle();
  EXPECT_EQ(bert->tun.size(), 1U);
  EXPECT_EQ(anna->attempts(), 1);
}

TEST_F(Connections, AreNotNegotiatedAgainWhenTheHubIsBack) {
  for (Actor* who : {anna, bert}) who->hub_closes(1006);
  run_for(1s);
  rejoin(*anna, {});
  EXPECT_EQ(anna->state_of("bert", now), "connected") << "though the hub does not know bert yet";
  rejoin(*bert, {anna->info});
  announce(*anna, {bert->info});
  run_for(1min);
  EXPECT_EQ(anna->attempts() + bert->attempts(), 2);
  send_packet(*anna, "10.100.0.2");
  settle();
  EXPECT_EQ(bert->tun.size(), 1U);
}

TEST_F(Connections, AreNotTouchedByAnOfferThatCannotBeRead) {
  for (const char* sdp : {"", "nonsense", "v=0\r\n"}) {
    say(*bert, signaling::Offer{.from = "anna", .to = "bert", .sdp = sdp, .public_key = {}, .extra = {}});
  }
  EXPECT_EQ(bert->state_of("anna", now), "connected");
  EXPECT_EQ(bert->attempts(), 1);
}

TEST_F(Connections, OutliveALostHubConnectionOfThePeer) {
  say(*anna, signaling::PeerLeft{"bert"});
  run_for(1min);
  EXPECT_EQ(anna->state_of("bert", now), "connected");
  announce(*anna, {bert->info});
  EXPECT_EQ(anna->attempts(), 1);
}

TEST_F(Connections, EndAtOnceForBothSidesWhenOneStops) {
  anna->runner.stop(now);
  settle();
  EXPECT_EQ(anna->disconnects, 1);
  EXPECT_EQ(anna->under_way(), 0);
  EXPECT_EQ(bert->state_of("anna", now), "reconnecting");
  EXPECT_EQ(bert->under_way(), 0);
  run_for(10min);
  EXPECT_EQ(anna->attempts(), 1) << "a stopped agent begins nothing";
}

TEST_F(Connections, AreMadeAfreshAtOnceWhenThePeerHasRestarted) {
  for (Actor* who : {bert, anna}) {
    Actor& other = who == anna ? *bert : *anna;
    kill(*who);
    run_for(1s);
    Actor& again = make(who->name, who->info.address, who == anna ? 1 : 2);
    ASSERT_EQ(again.info.public_key, who->info.public_key);
    bring_online(again, {other.info});
    ASSERT_NE(again.info.metadata, who->info.metadata) << "each run has an instance of its own";
    announce(other, {again.info});
    run_for(500ms);
    EXPECT_EQ(other.state_of(again.name, now), "connected");
    EXPECT_EQ(again.state_of(other.name, now), "connected");
    (who == anna ? anna : bert) = &again;
  }
}

TEST_F(Connections, AreNotMadeAfreshWhenThePeerOnlyJoinsAgain) {
  announce(*anna, {bert->info});
  bert->info.routes = {"192.168.1.0/24"};
  announce(*anna, {bert->info});
  EXPECT_EQ(anna->attempts(), 1);
  EXPECT_EQ(anna->state_of("bert", now), "connected");
}

// WireGuard takes an initiation with an older time for a replay (paper §5.1), and refuses it.
TEST_F(Connections, AreMadeThoughThePeersClockWentBack) {
  kill(*anna);
  Actor& again = make("anna", anna->info.address, 1, {}, -24h);
  bring_online(again, {bert->info});
  announce(*bert, {again.info});
  run_for(5s);
  EXPECT_EQ(again.state_of("bert", now), "connected");
  EXPECT_EQ(bert->state_of("anna", now), "connected");
}

TEST_F(Connections, OfIdlePeersAreLeftAlone) {
  run_for(3h);
  EXPECT_EQ(anna->attempts(), 1);
  EXPECT_EQ(anna->state_of("bert", now), "connected");
}

TEST_F(Connections, ThatAnswerNothingForFifteenSecondsAreMadeAfresh) {
  wire = false;
  send_packet(*anna, "10.100.0.2");
  run_for(14s);
  EXPECT_EQ(anna->state_of("bert", now), "connected");
  run_for(2s);
  EXPECT_EQ(anna->state_of("bert", now), "reconnecting");
  wire = true;
  run_for(31s);
  EXPECT_EQ(anna->state_of("bert", now), "connected");
}

TEST_F(Connections, AreTakenDownByNoDatagramOfAStranger) {
  for (const auto& [id, socket] : anna->sockets) {
    for (int first = 0; first < 256; ++first) {
      std::vector<std::byte> data(64, static_cast<std::byte>(first));
      anna->runner.on_datagram(now,
                               {.path = {.local = id, .remote = {IpAddress::v4(203, 0, 113, 66), 666}}, .data = data});
      // And as if it came from bert.
      anna->runner.on_datagram(now, {.path = {.local = id, .remote = bert->sockets.begin()->second}, .data = data});
    }
  }
  std::vector<std::byte> data(64);
  anna->runner.on_datagram(now, {.path = {.local = SocketId{9999}, .remote = {}}, .data = data});
  run_for(1s);
  EXPECT_GE(anna->counter("datagrams_no_connection", now), 256U + 1U) << "a stranger's, and that of no socket";
  EXPECT_EQ(anna->state_of("bert", now), "connected");
  send_packet(*bert, "10.100.0.1");
  settle();
  EXPECT_EQ(anna->tun.size(), 1U);
}

}  // namespace
}  // namespace bamgate::agent
