// How an agent keeps its connections: candidates in any order, answers too late, hubs and peers that go and come.
#include <gmock/gmock.h>

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
    candidate = anna->take<signaling::IceCandidate>();
    ASSERT_TRUE(offer && candidate);
  }

  bool connects_after_the_answer() {
    settle();
    const auto answer = bert->take<signaling::Answer>();
    if (!answer) return false;
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
  say(*bert, *candidate);
  EXPECT_FALSE(connects_after_the_answer());
}

TEST_F(Candidates, ThatCannotBeReadDoNoHarm) {
  for (const char* line : {"", "candidate:", "candidate:1 1 tcp 1 192.0.2.1 9 typ host", "v=0"}) {
    say(*bert, signaling::IceCandidate{.from = "anna", .to = "bert", .candidate = line, .extra = {}});
  }
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
  say(*bert, *candidate);
  say(*bert, *offer);
  EXPECT_TRUE(connects_after_the_answer());
}

class Attempts : public ScriptedHub {};

TEST_F(Attempts, AreGivenUpAfterThirtySecondsWithoutAnswer) {
  forward = false;
  anna = &make("anna", "10.100.0.1/16", 1);
  bert = &make("bert", "10.100.0.2/16", 2);
  bring_online(*anna, {bert->info});
  run_for(29s);
  EXPECT_EQ(anna->attempts, 1);
  EXPECT_EQ(anna->sockets.size(), 1U);
  run_for(2s);
  EXPECT_EQ(anna->attempts, 2);
  EXPECT_EQ(anna->sockets.size(), 1U) << "those of the first one are closed";
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
  EXPECT_EQ(anna->attempts, 1);
  run_for(2s);
  EXPECT_EQ(anna->attempts, 2);
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
  EXPECT_EQ(anna->attempts, 1);
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
  EXPECT_EQ(anna->attempts, 3);
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
  EXPECT_EQ(anna->attempts, 1);
}

// bert takes back his answer by offering himself: he has moved, and nobody else knows.
TEST_F(Attempts, GiveWayToAnOfferOfThePeerOnceTheirOwnIsAnswered) {
  wire = false;
  anna = &make("anna", "10.100.0.1/16", 1);
  bert = &make("bert", "10.100.0.2/16", 2);
  bring_online(*bert, {anna->info});
  bring_online(*anna, {bert->info});
  run_for(2s);
  ASSERT_EQ(bert->attempts, 1) << "he has answered";
  forward = false;
  move(*bert, {IpAddress::v4(198, 51, 100, 7)});
  rejoin(*bert, {anna->info});
  const auto offer = bert->take<signaling::Offer>();
  ASSERT_TRUE(offer);
  wire = forward = true;
  say(*anna, *offer);
  run_for(2s);
  EXPECT_EQ(anna->attempts, 2);
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
  EXPECT_EQ(anna->attempts, 1);
  EXPECT_THAT(anna->sockets, IsEmpty());
  announce(*anna, {bert->info});
  EXPECT_EQ(anna->attempts, 2);
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
  EXPECT_GE(anna->attempts, 20);
  EXPECT_LE(anna->attempts, 35);
}

class Connections : public ScriptedHub {
 protected:
  void SetUp() override { connect_anna_and_bert(); }
};

TEST_F(Connections, OutliveTheHub) {
  anna->agent->on_hub_closed(now, 1006);
  bert->agent->on_hub_closed(now, 1006);
  run_for(10min);
  EXPECT_FALSE(anna->agent->status(now).hub_connected);
  EXPECT_EQ(anna->state_of("bert", now), "connected");
  send_packet(*anna, "10.100.0.2");
  settle();
  EXPECT_EQ(bert->tun.size(), 1U);
  EXPECT_EQ(anna->attempts, 1);
}

TEST_F(Connections, AreNotNegotiatedAgainWhenTheHubIsBack) {
  for (Actor* who : {anna, bert}) who->agent->on_hub_closed(now, 1006);
  run_for(1s);
  rejoin(*anna, {});
  EXPECT_EQ(anna->state_of("bert", now), "connected") << "though the hub does not know bert yet";
  rejoin(*bert, {anna->info});
  announce(*anna, {bert->info});
  run_for(1min);
  EXPECT_EQ(anna->attempts + bert->attempts, 2);
  send_packet(*anna, "10.100.0.2");
  settle();
  EXPECT_EQ(bert->tun.size(), 1U);
}

TEST_F(Connections, AreNotTouchedByAnOfferThatCannotBeRead) {
  for (const char* sdp : {"", "nonsense", "v=0\r\n"}) {
    say(*bert, signaling::Offer{.from = "anna", .to = "bert", .sdp = sdp, .public_key = {}, .extra = {}});
  }
  EXPECT_EQ(bert->state_of("anna", now), "connected");
  EXPECT_EQ(bert->attempts, 1);
}

TEST_F(Connections, OutliveALostHubConnectionOfThePeer) {
  say(*anna, signaling::PeerLeft{"bert"});
  run_for(1min);
  EXPECT_EQ(anna->state_of("bert", now), "connected");
  announce(*anna, {bert->info});
  EXPECT_EQ(anna->attempts, 1);
}

TEST_F(Connections, EndAtOnceForBothSidesWhenOneStops) {
  anna->agent->stop(now);
  settle();
  EXPECT_EQ(anna->disconnects, 1);
  EXPECT_THAT(anna->sockets, IsEmpty());
  EXPECT_EQ(bert->state_of("anna", now), "reconnecting");
  EXPECT_THAT(bert->sockets, IsEmpty());
  run_for(10min);
  EXPECT_EQ(anna->attempts, 1) << "a stopped agent begins nothing";
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
  EXPECT_EQ(anna->attempts, 1);
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
  EXPECT_EQ(anna->attempts, 1);
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
      anna->agent->handle_datagram(
          now, {.path = {.local = id, .remote = {IpAddress::v4(203, 0, 113, 66), 666}}, .data = data});
      // And as if it came from bert.
      anna->agent->handle_datagram(
          now, {.path = {.local = id, .remote = bert->sockets.begin()->second.second}, .data = data});
    }
  }
  std::vector<std::byte> data(64);
  anna->agent->handle_datagram(now, {.path = {.local = SocketId{9999}, .remote = {}}, .data = data});
  run_for(1s);
  EXPECT_EQ(anna->counter("datagrams_unknown_socket", now), 1U);
  EXPECT_EQ(anna->state_of("bert", now), "connected");
  send_packet(*bert, "10.100.0.1");
  settle();
  EXPECT_EQ(anna->tun.size(), 1U);
}

}  // namespace
}  // namespace bamgate::agent
