// ICE restart within a connection (RFC 8445 §9, RFC 8839 §4.4.1.1.1): a new session finds a new path while the old one
// carries data; DTLS and SCTP live on.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "peer/flow.h"
#include "stun/message.h"

namespace bamgate::peer {
namespace {

using namespace testing;

/// The USERNAME of a check, nothing for any other datagram.
std::string username_of(Bytes datagram) {
  const auto message = stun::Message::parse(datagram);
  if (!message || message->message_class() != stun::Class::kRequest) return {};
  return std::string(message->text(stun::Attribute::kUsername).value_or(""));
}

/// Loses every check that names one of these.
void lose_checks_of(Link& link, std::vector<std::string> ufrags) {
  link.filter = [ufrags = std::move(ufrags)](const Side&, Bytes datagram) {
    const std::string username = username_of(datagram);
    return std::ranges::none_of(ufrags, [&](const std::string& ufrag) { return username.contains(ufrag); });
  };
}

class PeerRestart : public ::testing::TestWithParam<bool> {
 protected:
  PeerRestart() : PeerRestart(LinkOptions{}) {}
  explicit PeerRestart(const LinkOptions& options) : link(options) {}
  Side& asking() { return GetParam() ? link.a : link.b; }
  Side& answering() { return GetParam() ? link.b : link.a; }

  Link link;
};

INSTANTIATE_TEST_SUITE_P(Asked, PeerRestart, ::testing::Bool(),
                         [](const auto& by) { return by.param ? "ByTheOfferer" : "ByTheAnswerer"; });

TEST_P(PeerRestart, ChangesUfragAndPasswordOfBothSidesAndNothingElseOfTheDescriptions) {
  std::string first_offer;
  std::string first_answer;
  link.offer = [&](const std::string& sdp) { return first_offer = sdp; };
  link.answer = [&](const std::string& sdp) { return first_answer = sdp; };
  ASSERT_TRUE(link.connect());
  const Description offerer = parse_description(first_offer).value();
  const Description answerer = parse_description(first_answer).value();
  const auto offer = asking()->restart(link.now());
  ASSERT_TRUE(offer);
  const auto answer = answering()->accept_offer(link.now(), *offer);
  ASSERT_TRUE(answer);
  const Description asked = parse_description(*offer).value();
  const Description answered = parse_description(*answer).value();
  for (const auto& [before, now] :
       {std::pair(GetParam() ? offerer : answerer, asked), std::pair(GetParam() ? answerer : offerer, answered)}) {
    EXPECT_NE(now.ice.ufrag, before.ice.ufrag);
    EXPECT_NE(now.ice.pwd, before.ice.pwd);
    EXPECT_EQ(now.session_id, before.session_id);
    EXPECT_EQ(now.fingerprints, before.fingerprints);
    EXPECT_EQ(now.mid, before.mid);
    EXPECT_EQ(now.candidates.size(), 1U);
    EXPECT_TRUE(now.end_of_candidates);
  }
  EXPECT_NE(offer->find(" 3 IN IP4"), std::string::npos) << "RFC 3264 §8: the version of the session grows";
  EXPECT_EQ(asked.setup, Setup::kActpass);
  // B is the DTLS client since the first answer.
  EXPECT_EQ(answered.setup, GetParam() ? Setup::kActive : Setup::kPassive);
}

TEST_P(PeerRestart, KeepsDtlsAndSctpAndLosesNoMessage) {
  ASSERT_TRUE(link.connect());
  Flow flow(link);
  flow.run(200ms);
  const auto sctp_before = link.a->sctp_counters().messages_dropped;
  ASSERT_TRUE(link.restart(asking()));
  const std::vector<std::string> ufrags = link.a->local_ufrags();
  EXPECT_EQ(ufrags.size(), 2U);
  flow.run(1s);
  EXPECT_TRUE(both_at(link, 2)) << "both have selected a path of the new session";
  EXPECT_EQ(link.a->ice().local_credentials().ufrag, ufrags[0]);
  EXPECT_EQ(link.b->ice().remote_credentials()->ufrag, ufrags[0]);
  EXPECT_EQ(link.a->ice().role(), ice::Role::kControlling) << "RFC 8445 §6.1.1: roles stay";
  flow.run(5s);
  EXPECT_EQ(link.a->local_ufrags(), std::vector{ufrags[0]}) << "the former session is over";
  EXPECT_EQ(link.b->local_ufrags().size(), 1U);
  flow.expect_all();
  EXPECT_EQ(link.a->sctp_counters().messages_dropped, sctp_before);
  for (const Side* side : {&link.a, &link.b}) {
    EXPECT_EQ(side->states.size(), 4U) << "it is connected all the time";
    EXPECT_EQ(side->failed_restarts, 0U);
    EXPECT_EQ(side->connection->counters().unexpected_source, 0U);
  }
}

TEST_P(PeerRestart, MovesTheConnectionToANewAddressWithoutLosingAMessage) {
  ASSERT_TRUE(link.connect());
  Flow flow(link);
  const SocketId fresh = link.add_address(asking(), "198.51.100.7:7000");
  const SocketId old = asking().socket;
  // The new network is preferred; here it is the only one that is kept.
  asking()->forget_local_addresses();
  asking()->add_local_address(link.now(), fresh, asking().addresses[fresh]);
  ASSERT_TRUE(link.restart(asking()));
  flow.run(1s);
  EXPECT_TRUE(both_at(link, 2));
  EXPECT_EQ(asking().paths.back().path.local, fresh);
  EXPECT_EQ(answering().paths.back().path.remote, asking().addresses[fresh]);
  flow.run(4s);
  link.remove_address(asking(), old);
  flow.run(100ms);
  flow.expect_all();
  EXPECT_FALSE(link.a.closed || link.b.closed);
}

TEST_P(PeerRestart, FindsANewPathWhenTheOldAddressIsGoneAtOnce) {
  ASSERT_TRUE(link.connect());
  Flow flow(link);
  flow.run(50ms);
  (void)link.add_address(asking(), "198.51.100.7:7000");
  const auto offer = asking()->restart(link.now());
  ASSERT_TRUE(offer);
  link.remove_address(asking(), asking().socket);
  EXPECT_FALSE(asking().closed) << "a restart is under way";
  EXPECT_EQ(asking().send(link.now(), pattern(5, 1)).error(), Error::kNotConnected) << "but nothing can be sent";
  link.run(200ms);  // the offer travels
  const auto answer = answering()->accept_offer(link.now(), *offer);
  ASSERT_TRUE(answer);
  link.run(200ms);
  ASSERT_TRUE(asking()->accept_answer(link.now(), *answer));
  ASSERT_TRUE(link.run(1s, [&] { return both_at(link, 2); }));
  flow.at_a.clear();
  flow.at_b.clear();
  flow.sent = 0;
  flow.run(500ms);
  flow.expect_all();
}

TEST_P(PeerRestart, LeavesTheOldPathInUseWhenTheNewSessionFindsNone) {
  ASSERT_TRUE(link.connect());
  Flow flow(link);
  ASSERT_TRUE(link.restart(asking()));
  lose_checks_of(link, {link.a->local_ufrags()[0], link.b->local_ufrags()[0]});
  flow.run(50s);  // patience ends after 39.5 s; consent on the old path would have after 30 s
  EXPECT_TRUE(both_at(link, 1));
  EXPECT_EQ(link.a.failed_restarts, 1U);
  EXPECT_EQ(link.b.failed_restarts, 1U);
  EXPECT_EQ(link.a->local_ufrags().size(), 1U);
  link.filter = nullptr;
  ASSERT_TRUE(link.restart(asking())) << "the next one is another attempt";
  flow.run(1s);
  EXPECT_TRUE(both_at(link, 2));
  flow.expect_all();
}

TEST_P(PeerRestart, IsTheEndWhenNeitherTheNewNorTheOldPathWorks) {
  ASSERT_TRUE(link.connect());
  ASSERT_TRUE(link.restart(asking()));
  link.cut = true;
  const Instant start = link.now();
  EXPECT_TRUE(link.run(120s, [&] { return link.a.closed && link.b.closed; }));
  EXPECT_EQ(link.a.closed, Error::kIceFailed);
  EXPECT_EQ(link.b.closed, Error::kIceFailed);
  EXPECT_GT(link.now() - start, 39s) << "RFC 8863: patience is not cut short by the end of consent";
  EXPECT_EQ(asking()->restart(link.now()).error(), Error::kWrongState);
}

TEST_P(PeerRestart, WithoutAnAnswerEndsAfter30SecondsAndALateAnswerChangesNothing) {
  ASSERT_TRUE(link.connect());
  const auto offer = asking()->restart(link.now());
  ASSERT_TRUE(offer);
  EXPECT_TRUE(asking()->awaits_restart_answer());
  link.run(29s);
  EXPECT_EQ(asking().failed_restarts, 0U);
  link.run(2s);
  EXPECT_EQ(asking().failed_restarts, 1U);
  const auto answer = answering()->accept_offer(link.now(), *offer);
  ASSERT_TRUE(answer);
  EXPECT_EQ(asking()->accept_answer(link.now(), *answer).error(), Error::kWrongState);
  link.run(60s);
  EXPECT_EQ(answering().failed_restarts, 1U) << "its checks found nobody";
  EXPECT_TRUE(both_at(link, 1));
  ASSERT_TRUE(link.a.send(link.now(), pattern(5, 1)) && link.b.send(link.now(), pattern(5, 1)));
  EXPECT_TRUE(link.run(1s, [&] { return link.a.message_count == 1 && link.b.message_count == 1; }));
}

TEST_P(PeerRestart, WaitingForItsAnswerOutlivesTheOldPathButNotForEver) {
  ASSERT_TRUE(link.connect());
  ASSERT_TRUE(asking()->restart(link.now()));
  link.cut = true;
  EXPECT_TRUE(link.run(40s, [&] { return asking().closed.has_value(); }));
  EXPECT_EQ(asking().closed, Error::kIceFailed);
}

TEST_P(PeerRestart, AnOfferThatWasLostIsMadeOnceMoreWithTheSameCredentials) {
  ASSERT_TRUE(link.connect());
  const auto lost = asking()->restart(link.now());
  link.run(5s);
  const auto again = asking()->restart(link.now());
  ASSERT_TRUE(lost && again);
  EXPECT_EQ(parse_description(*lost)->ice, parse_description(*again)->ice);
  EXPECT_EQ(parse_description(*again)->candidates.size(), 1U);
  // The first came after all; both have one answer.
  const auto first = answering()->accept_offer(link.now(), *lost);
  const auto second = answering()->accept_offer(link.now(), *again);
  ASSERT_TRUE(first && second);
  EXPECT_EQ(parse_description(*first)->ice, parse_description(*second)->ice);
  ASSERT_TRUE(asking()->accept_answer(link.now(), *second));
  EXPECT_EQ(asking()->accept_answer(link.now(), *first).error(), Error::kWrongState);
  EXPECT_TRUE(link.run(1s, [&] { return both_at(link, 2); }));
}

TEST_P(PeerRestart, ChecksThatComeBeforeTheAnswerAreAnsweredAndTakenUp) {
  ASSERT_TRUE(link.connect());
  const auto offer = asking()->restart(link.now());
  ASSERT_TRUE(offer);
  auto answer = answering()->accept_offer(link.now(), *offer);
  ASSERT_TRUE(answer);
  link.run(300ms);
  const Path path = link.a.paths[0].path;
  EXPECT_TRUE(asking()->has_remote_check(GetParam() ? path : link.b.paths[0].path));
  EXPECT_TRUE(asking()->is_restarting());
  // Of the peer's candidates nothing is known but what its checks have shown.
  ASSERT_TRUE(asking()->accept_answer(link.now(), replaced(without_candidates(*answer), "a=end-of-candidates", "")));
  const Instant start = link.now();
  ASSERT_TRUE(link.run(1s, [&] { return both_at(link, 2); }));
  EXPECT_LE(link.now() - start, 150ms);
  EXPECT_EQ(asking().paths.back().remote.type, ice::CandidateType::kPeerReflexive);
}

TEST_P(PeerRestart, TheOldUfragIsAnsweredUntilTheSwitchAndForAMomentAfterIt) {
  std::vector<std::byte> old_check;
  link.filter = [&](const Side& from, Bytes datagram) {
    if (&from == &answering() && !username_of(datagram).empty()) old_check.assign(datagram.begin(), datagram.end());
    return true;
  };
  ASSERT_TRUE(link.connect());
  link.filter = nullptr;
  ASSERT_FALSE(old_check.empty());
  const auto offer = asking()->restart(link.now());
  ASSERT_TRUE(offer);
  const auto answered = link.a->ice_counters().consent_answered;
  link.run(20s);
  EXPECT_GE(link.a->ice_counters().consent_answered - answered, 2U) << "consent goes on while the answer is awaited";
  const auto answer = answering()->accept_offer(link.now(), *offer);
  ASSERT_TRUE(answer);
  ASSERT_TRUE(asking()->accept_answer(link.now(), *answer));
  ASSERT_TRUE(link.run(1s, [&] { return both_at(link, 2); }));
  const auto counted = [&] { return asking()->ice_counters().checks_received; };
  const auto before = counted();
  EXPECT_TRUE(link.deliver(asking(), answering().address, old_check)) << "a late one";
  EXPECT_EQ(counted(), before + 1);
  link.run(4s);
  EXPECT_EQ(link.deliver(asking(), answering().address, old_check).error(), Error::kBadPacket) << "too late";
  ASSERT_TRUE(link.a.send(link.now(), pattern(5, 1)));
  EXPECT_TRUE(link.run(1s, [&] { return link.b.message_count == 1; }));
}

TEST_P(PeerRestart, TwiceInARowEachTakesThePlaceOfTheOneBefore) {
  ASSERT_TRUE(link.connect());
  Flow flow(link);
  ASSERT_TRUE(link.restart(asking()));
  const std::string first = link.a->local_ufrags()[0];
  ASSERT_TRUE(link.restart(asking())) << "before the first has a path";
  const std::string second = link.a->local_ufrags()[0];
  EXPECT_NE(first, second);
  EXPECT_EQ(link.a->local_ufrags().size(), 2U);
  flow.run(500ms);
  EXPECT_TRUE(both_at(link, 2));
  ASSERT_TRUE(link.restart(answering())) << "while the one before is still heard";
  EXPECT_EQ(link.a->local_ufrags().size(), 3U);
  flow.run(500ms);
  EXPECT_TRUE(both_at(link, 3));
  EXPECT_EQ(link.a->ice().remote_credentials()->ufrag, link.b->ice().local_credentials().ufrag);
  flow.run(4s);
  EXPECT_EQ(link.a->local_ufrags().size(), 1U);
  flow.expect_all();
}

TEST_P(PeerRestart, AnOfferWithTheSameCredentialsIsAnsweredAsBefore) {
  std::string offer;
  std::string answer;
  link.offer = [&](const std::string& sdp) { return offer = sdp; };
  link.answer = [&](const std::string& sdp) { return answer = sdp; };
  ASSERT_TRUE(link.connect());
  if (!GetParam()) std::swap(offer, answer);  // the former answerer offers what it is
  const std::string again = replaced(offer, "a=setup:active", "a=setup:actpass");
  const auto same = answering()->accept_offer(link.now(), again);
  ASSERT_TRUE(same) << to_string(same.error());
  EXPECT_EQ(parse_description(*same)->ice, parse_description(answer)->ice);
  EXPECT_FALSE(answering()->is_restarting());
  link.run(60s);
  EXPECT_TRUE(both_at(link, 1));
  ASSERT_TRUE(link.a.send(link.now(), pattern(5, 1)));
  EXPECT_TRUE(link.run(1s, [&] { return link.b.message_count == 1; }));
}

TEST_P(PeerRestart, ADescriptionOfAnotherConnectionIsToldApartAndChangesNothing) {
  ASSERT_TRUE(link.connect());
  const auto offer = asking()->restart(link.now());
  ASSERT_TRUE(offer);
  const Description read = parse_description(*offer).value();
  Description other = read;
  // Another connection of the same device has the same certificate.
  other.session_id ^= 1;
  EXPECT_EQ(answering()->accept_offer(link.now(), write_description(other)).error(), Error::kOtherConnection);
  other = read;
  other.fingerprints = dtls::Certificate::generate(link.a.random, UnixTime{1'750'000'000}).value()->fingerprint();
  EXPECT_EQ(answering()->accept_offer(link.now(), write_description(other)).error(), Error::kOtherConnection);
  other = read;
  other.setup = answering()->dtls_role() == dtls::Role::kClient ? Setup::kActive : Setup::kPassive;
  EXPECT_EQ(answering()->accept_offer(link.now(), write_description(other)).error(), Error::kOtherConnection)
      << "RFC 8842 §4: another role is another association";
  EXPECT_FALSE(answering()->is_restarting());
  // As answer: the peer has begun afresh instead of restarting.
  const auto answer = answering()->accept_offer(link.now(), *offer);
  ASSERT_TRUE(answer);
  other = parse_description(*answer).value();
  other.session_id ^= 1;
  EXPECT_EQ(asking()->accept_answer(link.now(), write_description(other)).error(), Error::kOtherConnection);
  EXPECT_FALSE(asking()->is_restarting());
  ASSERT_TRUE(link.a.send(link.now(), pattern(5, 1)));
  EXPECT_TRUE(link.run(1s, [&] { return link.b.message_count == 1; }));
}

TEST_P(PeerRestart, APeerThatAnswersWithItsFormerCredentialsDoesNotRestart) {
  std::string offer;
  std::string answer;
  link.offer = [&](const std::string& sdp) { return offer = sdp; };
  link.answer = [&](const std::string& sdp) { return answer = sdp; };
  ASSERT_TRUE(link.connect());
  ASSERT_TRUE(asking()->restart(link.now()));
  const std::string former = replaced(GetParam() ? answer : offer, "actpass", "active");
  EXPECT_EQ(asking()->accept_answer(link.now(), former).error(), Error::kRestartRefused);
  EXPECT_FALSE(asking()->is_restarting());
  link.run(60s);
  EXPECT_EQ(asking().failed_restarts, 0U) << "the error has told";
  ASSERT_TRUE(link.b.send(link.now(), pattern(5, 1)));
  EXPECT_TRUE(link.run(1s, [&] { return link.a.message_count == 1; }));
}

TEST_P(PeerRestart, AnAnswerThatRepeatsNoRoleIsTakenAsPionGivesIt) {
  ASSERT_TRUE(link.connect());
  const auto offer = asking()->restart(link.now());
  auto answer = answering()->accept_offer(link.now(), *offer);
  ASSERT_TRUE(answer);
  const bool active = answer->contains("a=setup:active");
  const std::string turned = active ? replaced(*answer, "a=setup:active", "a=setup:passive")
                                    : replaced(*answer, "a=setup:passive", "a=setup:active");
  const dtls::Role role = asking()->dtls_role();
  ASSERT_TRUE(asking()->accept_answer(link.now(), turned));
  EXPECT_TRUE(link.run(1s, [&] { return both_at(link, 2); }));
  EXPECT_EQ(asking()->dtls_role(), role);
}

TEST_P(PeerRestart, OffersWithoutEndMakeNothingGrow) {
  ASSERT_TRUE(link.connect());
  const auto offer = asking()->restart(link.now());
  Description storm = parse_description(*offer).value();
  for (unsigned i = 0; i < 5000; ++i) {
    storm.ice = ice::Credentials::generate(asking().random);
    ASSERT_TRUE(answering()->accept_offer(link.now(), write_description(storm)));
    ASSERT_LE(answering()->local_ufrags().size(), 2U);
    if (i % 1000 == 0) link.run(10ms);
  }
  unsigned told = 0;
  unsigned events = 0;
  while (const auto event = answering()->poll_event()) {
    ++events;
    told += std::holds_alternative<LocalUfragsChanged>(*event) ? 1 : 0;
  }
  EXPECT_EQ(told, 1U);
  EXPECT_LE(events, 4100U);
  link.run(60s);
  EXPECT_EQ(answering().failed_restarts, 1U);
  EXPECT_EQ(answering()->local_ufrags().size(), 1U);
  ASSERT_TRUE(link.a.send(link.now(), pattern(5, 1)));
  EXPECT_TRUE(link.run(1s, [&] { return link.b.message_count == 1; }));
}

TEST_P(PeerRestart, CandidatesGoToTheSessionThatTheyName) {
  ASSERT_TRUE(link.connect());
  const auto offer = asking()->restart(link.now());
  const auto line = [](std::string_view address, std::string_view ufrag) {
    return "candidate:1 1 udp 2130706431 " + std::string(address) + " 5000 typ host ufrag " + std::string(ufrag);
  };
  const std::string old = asking()->remote_ufrag();
  const std::size_t known = asking()->ice().remote_candidate_count();
  EXPECT_TRUE(asking()->add_remote_candidate(link.now(), line("192.0.2.9", old))) << "a late one of the old session";
  EXPECT_EQ(asking()->ice().remote_candidate_count(), known + 1);
  EXPECT_TRUE(asking()->add_remote_candidate(link.now(), line("192.0.2.10", "soon"))) << "before its answer";
  EXPECT_EQ(asking()->ice().remote_candidate_count(), known + 1);
  const auto answer = answering()->accept_offer(link.now(), *offer);
  ASSERT_TRUE(asking()->accept_answer(link.now(), *answer));
  EXPECT_EQ(asking()->add_remote_candidate(link.now(), line("192.0.2.11", "nobody")).error(), Error::kUnknownUfrag);
  EXPECT_EQ(asking()->remote_ufrag(), parse_description(*answer)->ice.ufrag);
  ASSERT_TRUE(link.run(1s, [&] { return both_at(link, 2); }));
  EXPECT_EQ(asking()->ice().remote_candidate_count(), 2U) << "that of the answer, and the early one";
}

/// Who can write signaling messages, and has an address: it gives its own credentials as those of a peer.
class Forger {
 public:
  Forger(Link& between, Side& deceived) : link_(between), side_(deceived) {
    link_.elsewhere = [this](const Side&, const Endpoint&, Bytes datagram) {
      heard_.emplace_back(datagram.begin(), datagram.end());
    };
  }
  /// The side takes a restart for one of its peer.
  bool restart(const std::string& true_offer) {
    ice::Options options;
    options.role = opposite(side_->ice().role());
    options.local = ice::Credentials::generate(random_);
    Description forged = parse_description(true_offer).value();
    forged.ice = options.local;
    forged.candidates.clear();
    agent_ = std::make_unique<ice::Agent>(std::move(options), random_, crypto_);
    const auto answer = side_->accept_offer(link_.now(), write_description(forged));
    if (!answer) return false;
    const Description read = parse_description(*answer).value();
    (void)agent_->add_local_address(link_.now(), SocketId{1}, address);
    (void)agent_->set_remote_credentials(link_.now(), read.ice);
    for (const ice::Candidate& candidate : read.candidates) (void)agent_->add_remote_candidate(link_.now(), candidate);
    return true;
  }
  void step() {
    for (std::vector<std::byte>& datagram : std::exchange(heard_, {})) {
      if (classify(datagram) != Protocol::kStun) ++records;
      (void)agent_->handle_input(link_.now(), {.path = {SocketId{1}, side_.address}, .data = datagram});
    }
    agent_->handle_timeout(link_.now());
    std::array<std::byte, 1500> buffer;
    while (const auto sent = agent_->poll_transmit(link_.now(), buffer)) {
      (void)link_.deliver(side_, address, {buffer.begin(), buffer.begin() + sent->size});
    }
  }

  Endpoint address = *Endpoint::parse("203.0.113.66:6666");
  unsigned records = 0;  // that it got in place of the peer

 private:
  Link& link_;
  Side& side_;
  ::bamgate::testing::SeededRandom random_{66};
  os::NativeCrypto crypto_;
  std::unique_ptr<ice::Agent> agent_;
  std::vector<std::vector<std::byte>> heard_;
};

TEST_P(PeerRestart, ThatIsForgedTakesThePathForATrialOnlyAndThePeerStays) {
  ASSERT_TRUE(link.connect());
  Flow flow(link);
  Side& deceived = answering();
  std::string offer = asking()->restart(link.now()).value();
  Forger forger(link, deceived);
  for (unsigned again = 0; again < 3; ++again) {
    ASSERT_TRUE(forger.restart(offer));
    flow.run(1s, [&] { forger.step(); });
    EXPECT_EQ(deceived.paths.back().path.remote, forger.address) << "checks alone prove no peer";
  }
  EXPECT_GT(forger.records, 0U);
  flow.run(7s, [&] { forger.step(); });
  EXPECT_EQ(deceived.paths.back().path.remote, asking().address) << "the peer is where it was";
  link.run(1s);
  // Of what the deceived side sent a quarter was lost for the time of the trials; of the other direction nothing.
  const bool b_deceived = &deceived == &link.b;
  const std::size_t of_deceived = (b_deceived ? flow.at_a : flow.at_b).size();
  EXPECT_EQ((b_deceived ? flow.at_b : flow.at_a).size(), flow.sent);
  EXPECT_GT(of_deceived, flow.sent * 80 / 100);
  EXPECT_LT(of_deceived, flow.sent);
  for (unsigned i = 0; i < 35'000; ++i, link.run(1ms)) forger.step();
  EXPECT_GE(deceived.failed_restarts, 1U);
  EXPECT_EQ(deceived->local_ufrags().size(), 1U) << "a doubted path is not kept for ever";
  EXPECT_FALSE(link.a.closed || link.b.closed);
}

TEST_P(PeerRestart, APeerThatIsSlowToSwitchBringsTheNewPathBack) {
  ASSERT_TRUE(link.connect());
  Flow flow(link);
  const SocketId fresh = link.add_address(asking(), "198.51.100.7:7000");
  asking()->forget_local_addresses();
  asking()->add_local_address(link.now(), fresh, asking().addresses[fresh]);
  link.filter = [](const Side&, Bytes datagram) {
    const auto message = stun::Message::parse(datagram);
    return !message || !message->has(stun::Attribute::kUseCandidate);
  };
  ASSERT_TRUE(link.restart(asking()));
  flow.run(8s);
  EXPECT_TRUE(link.a.paths.size() == 3 && link.b.paths.size() == 1) << "A has nominated, waited and gone back";
  link.filter = nullptr;
  flow.run(12s);
  EXPECT_TRUE(link.a.paths.size() == 4 && link.b.paths.size() == 2);
  EXPECT_EQ(asking().paths.back().path.local, fresh);
  EXPECT_EQ(link.a->local_ufrags().size(), 1U);
  EXPECT_EQ(link.b->local_ufrags().size(), 1U);
  EXPECT_EQ(link.a.failed_restarts + link.b.failed_restarts, 0U);
  flow.expect_all();
}

TEST_P(PeerRestart, ToAPathThatIsSlowerThanTheOldOneIsNoForgery) {
  // Each record that goes over both comes over the old path first.
  ASSERT_TRUE(link.connect());
  Flow flow(link);
  const SocketId fresh = link.add_address(asking(), "198.51.100.7:7000");
  link.slow = asking().addresses[fresh];
  asking()->forget_local_addresses();
  asking()->add_local_address(link.now(), fresh, *link.slow);
  ASSERT_TRUE(link.restart(asking()));
  flow.run(20s);
  EXPECT_TRUE(both_at(link, 2));
  EXPECT_EQ(asking().paths.back().path.local, fresh);
  EXPECT_EQ(link.a->local_ufrags().size(), 1U);
  EXPECT_EQ(link.b->local_ufrags().size(), 1U);
  flow.expect_all();
}

}  // namespace
}  // namespace bamgate::peer
