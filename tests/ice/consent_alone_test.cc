// Consent checks of one agent, seen datagram by datagram.
#include <set>

#include "agent_alone.h"

namespace bamgate::ice {
namespace {

class IceConsentAlone : public IceAgentAlone {
 protected:
  /// Connected by 198.51.100.1:100, with a second valid path of less priority.
  void connect() {
    start_with_host();
    ASSERT_TRUE(agent->add_remote_candidate(now, host("198.51.100.1:100")));
    ASSERT_TRUE(agent->add_remote_candidate(now, host("198.51.100.1:200", 1000, "2")));
    agent->set_remote_credentials(now, remote);
    const auto sent = run_for(60ms);
    ASSERT_EQ(sent.size(), 2U);
    ASSERT_TRUE(receive(sent[0].path, answer(sent[0])));
    const auto nomination = first_request(drain());
    ASSERT_TRUE(nomination && has_use_candidate(*nomination));
    ASSERT_TRUE(receive(nomination->path, answer(*nomination)));
    (void)receive(sent[1].path, answer(sent[1]));
    ASSERT_EQ(agent->state(), State::kConnected);
    connected_at = now;
  }
  Instant connected_at;
};

TEST_F(IceConsentAlone, EachCheckHasAFreshIdGoesOverTheSelectedPathAndIsSentOnce) {
  connect();
  std::set<stun::TransactionId> ids;
  for (int i = 0; i < 100; ++i) {
    const auto sent = run_for(agent->next_timeout() - now);
    ASSERT_EQ(sent.size(), 1U);
    EXPECT_EQ(sent[0].path, from("198.51.100.1:100"));
    const auto message = stun::Message::parse(sent[0].bytes);
    EXPECT_TRUE(ids.insert(message->id()).second) << "an id was used twice";
    EXPECT_TRUE(stun::check_integrity(*message, crypto, as_bytes(remote.pwd)));
    now += 30ms;
    ASSERT_TRUE(receive(sent[0].path, answer(sent[0])));
  }
  EXPECT_EQ(agent->counters().consent_answered, 100U);
}

TEST_F(IceConsentAlone, RequestsOfThePeerGiveNoConsent) {
  connect();
  for (int second = 0; second < 29; ++second) {
    run_for(1s);
    ASSERT_TRUE(receive(from("198.51.100.1:100"), check()));
    drain();
  }
  EXPECT_EQ(agent->state(), State::kConnected);
  run_for(1s);
  EXPECT_EQ(agent->state(), State::kDisconnected);
}

TEST_F(IceConsentAlone, ErrorsForgeriesAndAnswersOnOtherPathsGiveNoConsent) {
  connect();
  const Credentials forger{"peer", std::string(24, 'f')};
  for (int i = 0; i < 4; ++i) {
    const auto sent = run_for(agent->next_timeout() - now);
    ASSERT_EQ(sent.size(), 1U);
    const auto id = stun::Message::parse(sent[0].bytes)->id();
    const Endpoint mapped = *Endpoint::parse("192.0.2.10:7000");
    EXPECT_EQ(receive(sent[0].path, write_check_success(crypto, id, mapped, forger)).error(), Error::kBadIntegrity);
    EXPECT_EQ(receive(from("198.51.100.1:200"), answer(sent[0])).error(), Error::kNoTransaction);
    EXPECT_EQ(receive(sent[0].path, write_check_error(crypto, id, 400, {}, remote)).error(), Error::kErrorResponse);
  }
  EXPECT_EQ(agent->counters().consent_answered, 0U);
  run_for(connected_at + 30s - now);
  EXPECT_EQ(agent->state(), State::kDisconnected);
}

TEST_F(IceConsentAlone, ALateAnswerStillCountsWithinTheLifetime) {
  connect();
  const auto first = run_for(agent->next_timeout() - now);
  ASSERT_EQ(first.size(), 1U);
  run_for(connected_at + 29s - now);
  ASSERT_TRUE(receive(first[0].path, answer(first[0])));
  EXPECT_TRUE(agent->may_send(now + 29s));
  EXPECT_EQ(receive(first[0].path, answer(first[0])).error(), Error::kNoTransaction) << "but only once";
}

TEST_F(IceConsentAlone, NothingIsSentAfterTheEndNotEvenAnAnswer) {
  connect();
  run_for(31s);
  ASSERT_EQ(agent->state(), State::kDisconnected);
  EXPECT_EQ(receive(from("198.51.100.1:100"), check()).error(), Error::kClosed);
  EXPECT_EQ(agent->set_remote_credentials(now, remote).error(), Error::kClosed) << "the credentials are spent";
  EXPECT_TRUE(run_for(1h).empty());
}

}  // namespace
}  // namespace bamgate::ice
