// The rules of connectivity checks and nomination, one by one: what an agent sends, answers and learns.
#include <map>

#include "agent_alone.h"

namespace bamgate::ice {
namespace {

class IceChecks : public IceAgentAlone {
 protected:
  static StartOptions controlled() {
    StartOptions options;
    options.role = Role::kControlled;
    return options;
  }
  /// An authentic Binding request of the peer with whatever `write` puts into it.
  template <typename Write>
  std::vector<std::byte> request(Write write) {
    std::array<std::byte, 300> buffer{};
    stun::Builder builder(buffer, stun::Class::kRequest, stun::Method::kBinding, stun::make_transaction_id(random));
    builder.text(stun::Attribute::kUsername, agent->local_credentials().ufrag + ":peer");
    write(builder);
    const auto size = builder.integrity(crypto, as_bytes(agent->local_credentials().pwd)).fingerprint().finish();
    return {buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(*size)};
  }
  /// The error code that answers `bytes`; 0 when it is a success, nullopt without any answer.
  std::optional<int> code_of_answer(std::vector<std::byte> bytes) {
    (void)receive(from("198.51.100.1:100"), std::move(bytes));
    for (const Sent& sent : drain()) {
      const auto message = stun::Message::parse(sent.bytes);
      if (message->message_class() == stun::Class::kRequest) continue;
      EXPECT_TRUE(stun::check_integrity(*message, crypto, as_bytes(agent->local_credentials().pwd)));
      EXPECT_TRUE(message->has_fingerprint());
      return message->error_code() ? message->error_code()->code : 0;
    }
    return std::nullopt;
  }
};

// --- Sending

TEST_F(IceChecks, TheTimeoutGrowsWithTheNumberOfPairsUpToTwoSeconds) {
  for (const auto& [pairs, rto] : {std::pair{3, 500ms}, std::pair{20, 1000ms}, std::pair{32, 1600ms}}) {
    start_with_host();
    for (int i = 0; i < pairs; ++i) {
      const auto number = std::to_string(i);
      ASSERT_TRUE(agent->add_remote_candidate(now, host("198.51.100." + number + ":100", 2'000'000'000, number)));
    }
    agent->set_remote_credentials(now, remote);
    const auto sent = run_for(5s);
    const auto again = std::ranges::find_if(sent.begin() + 1, sent.end(),
                                            [&](const Sent& one) { return one.bytes == sent.front().bytes; });
    ASSERT_NE(again, sent.end());
    EXPECT_EQ(again->when - sent.front().when, rto) << pairs;
  }
}

TEST_F(IceChecks, AnUnansweredCheckIsRepeatedAndGivenUpAfter39And500Milliseconds) {
  start_with_host();
  ASSERT_TRUE(agent->add_remote_candidate(now, host("198.51.100.1:100")));
  agent->set_remote_credentials(now, remote);
  const Instant start_of_all = now;
  const auto sent = run_for(39'499ms);
  EXPECT_EQ(sent.size(), 20U);
  EXPECT_EQ(sent.back().when - start_of_all, 35'500ms);
  EXPECT_EQ(agent->counters().checks_failed, 0U);
  run_for(1ms);
  EXPECT_EQ(agent->counters().checks_failed, 1U);
}

TEST_F(IceChecks, BeforeTheNominationNoCheckCarriesUseCandidateAndAfterItOnlyTheChosenPairIsChecked) {
  start_with_host();
  for (int i = 0; i < 3; ++i) {
    const auto number = std::to_string(i);
    const auto priority = static_cast<std::uint32_t>(1000 - i);
    ASSERT_TRUE(agent->add_remote_candidate(now, host("198.51.100.1:10" + number, priority, number)));
  }
  agent->set_remote_credentials(now, remote);
  const auto sent = run_for(60ms);
  ASSERT_EQ(sent.size(), 2U);
  for (const Sent& one : sent) EXPECT_FALSE(has_use_candidate(one));
  ASSERT_TRUE(receive(sent[0].path, answer(sent[0])));
  const auto nomination = drain();
  ASSERT_EQ(nomination.size(), 1U);
  EXPECT_TRUE(has_use_candidate(nomination[0]));
  EXPECT_EQ(nomination[0].path, sent[0].path);
  ASSERT_TRUE(receive(nomination[0].path, answer(nomination[0])));
  for (const Sent& later : run_for(20s)) EXPECT_EQ(later.path, sent[0].path);
}

// --- Answers

TEST_F(IceChecks, AnAuthenticCheckWithoutPriorityIsAnsweredWith400) {
  start_with_host();
  agent->set_remote_credentials(now, remote);
  const auto no_priority = [](stun::Builder& builder) { builder.u64(stun::Attribute::kIceControlled, 1); };
  EXPECT_EQ(code_of_answer(request(no_priority)), 400);
  const auto priority = [](std::uint32_t value) {
    return [value](stun::Builder& builder) {
      builder.u32(stun::Attribute::kPriority, value).u64(stun::Attribute::kIceControlled, 1);
    };
  };
  EXPECT_EQ(code_of_answer(request(priority(0))), 400);
  EXPECT_EQ(code_of_answer(request(priority(0x80000000))), 400);
  EXPECT_EQ(agent->counters().dropped_malformed, 3U);
  EXPECT_EQ(agent->pair_count(), 0U);
  EXPECT_EQ(code_of_answer(request(priority(0x7fffffff))), 0);
  EXPECT_EQ(agent->pair_count(), 1U);
}

TEST_F(IceChecks, ASuccessThatAsksForTheUnknownIsAFailure) {
  start_with_host();
  ASSERT_TRUE(agent->add_remote_candidate(now, host("198.51.100.1:100")));
  agent->set_remote_credentials(now, remote);
  const auto sent = drain();
  std::array<std::byte, 200> buffer{};
  const auto id = stun::Message::parse(sent.at(0).bytes)->id();
  const auto size = stun::Builder(buffer, stun::Class::kSuccess, stun::Method::kBinding, id)
                        .xor_address(stun::Attribute::kXorMappedAddress, *Endpoint::parse("192.0.2.10:7000"))
                        .flag(static_cast<stun::Attribute>(0x7123))
                        .integrity(crypto, as_bytes(remote.pwd))
                        .fingerprint()
                        .finish();
  const std::vector<std::byte> bytes(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(*size));
  EXPECT_EQ(receive(sent[0].path, bytes).error(), Error::kBadResponse);
  EXPECT_FALSE(agent->is_valid_path(sent[0].path));
  EXPECT_EQ(agent->counters().checks_failed, 1U);
}

TEST_F(IceChecks, AKeepaliveIndicationChangesNothingAndIsNotAnswered) {
  start_with_host();
  agent->set_remote_credentials(now, remote);
  std::array<std::byte, 64> buffer{};
  const auto size = stun::Builder(buffer, stun::Class::kIndication, stun::Method::kBinding, {}).fingerprint().finish();
  EXPECT_TRUE(receive(from("198.51.100.1:100"), {buffer.begin(), buffer.begin() + static_cast<long>(*size)}));
  EXPECT_TRUE(drain().empty());
  EXPECT_EQ(agent->pair_count(), 0U);
}

TEST_F(IceChecks, AfterTheNominationChecksOnOtherPathsAreStillAnsweredButTriggerNone) {
  start_with_host();
  ASSERT_TRUE(agent->add_remote_candidate(now, host("198.51.100.1:200")));
  agent->set_remote_credentials(now, remote);
  const auto sent = drain();
  now += 20ms;
  ASSERT_TRUE(receive(sent.at(0).path, answer(sent.at(0))));
  const auto nomination = first_request(drain());
  ASSERT_TRUE(nomination);
  ASSERT_TRUE(receive(nomination->path, answer(*nomination)));
  EXPECT_EQ(code_of_answer(check()), 0);
  EXPECT_FALSE(first_request(run_for(1s)));
}

TEST_F(IceChecks, AnEarlyCheckIsAnsweredAtOnceAndTriggersACheckOnceTheCredentialsAreKnown) {
  start_with_host();
  EXPECT_EQ(code_of_answer(check()), 0);
  EXPECT_EQ(agent->pair_count(), 0U);
  now += 1s;
  agent->set_remote_credentials(now, remote);
  const auto triggered = first_request(drain());
  ASSERT_TRUE(triggered);
  EXPECT_EQ(triggered->path, from("198.51.100.1:100"));
}

// --- Peer-reflexive candidates

TEST_F(IceChecks, APeerReflexiveRemoteCandidateHasThePriorityOfItsCheck) {
  start_with_host(controlled());
  agent->set_remote_credentials(now, remote);
  ASSERT_TRUE(receive(from("198.51.100.1:100"), check(true, Role::kControlling)));
  const auto sent = first_request(drain());
  ASSERT_TRUE(receive(sent->path, answer(*sent)));
  ASSERT_TRUE(agent->selected());
  EXPECT_EQ(agent->selected()->remote.type, CandidateType::kPeerReflexive);
  EXPECT_EQ(agent->selected()->remote.priority, 1000U);
}

TEST_F(IceChecks, APeerReflexiveLocalCandidateHasThePriorityThatTheCheckCarried) {
  start_with_host();
  ASSERT_TRUE(agent->add_remote_candidate(now, host("198.51.100.1:100")));
  agent->set_remote_credentials(now, remote);
  const auto sent = drain();
  ASSERT_TRUE(receive(sent.at(0).path, answer(sent.at(0), "203.0.113.44:5555")));
  run_for(200ms);
  ASSERT_TRUE(agent->selected());
  const Candidate& local = agent->selected()->local;
  EXPECT_EQ(local.type, CandidateType::kPeerReflexive);
  EXPECT_EQ(local.endpoint, *Endpoint::parse("203.0.113.44:5555"));
  EXPECT_EQ(local.priority, stun::Message::parse(sent[0].bytes)->u32(stun::Attribute::kPriority));
  EXPECT_EQ(local.related, Endpoint::parse("192.0.2.10:7000"));
  EXPECT_EQ(count_events<LocalCandidate>(), 1U) << "it is not announced";
}

// --- Nomination and patience

TEST_F(IceChecks, ANominationOfAPathThatWasAnsweredLongAgoIsAskedAgainBeforeUse) {
  start_with_host(controlled());
  agent->set_remote_credentials(now, remote);
  ASSERT_TRUE(receive(from("198.51.100.1:100"), check(false, Role::kControlling)));
  const auto first = first_request(drain());
  ASSERT_TRUE(receive(first->path, answer(*first)));
  run_for(31s);
  ASSERT_EQ(agent->state(), State::kChecking);
  ASSERT_TRUE(receive(from("198.51.100.1:100"), check(true, Role::kControlling)));
  EXPECT_EQ(agent->state(), State::kChecking) << "31 s without an answer are no consent";
  const auto again = first_request(drain());
  ASSERT_TRUE(again);
  ASSERT_TRUE(receive(again->path, answer(*again)));
  EXPECT_EQ(agent->state(), State::kConnected);
  EXPECT_TRUE(agent->may_send(now + 29s));
}

TEST_F(IceChecks, FailedPairsAloneNeverEndPatience) {
  start_with_host();
  ASSERT_TRUE(agent->add_remote_candidate(now, host("198.51.100.1:100")));
  agent->set_remote_credentials(now, remote);
  agent->set_local_addresses_complete(now);
  agent->set_remote_candidates_complete(now);
  const auto sent = drain();
  const auto id = stun::Message::parse(sent.at(0).bytes)->id();
  EXPECT_EQ(receive(sent[0].path, write_check_error(crypto, id, 400, {}, remote)).error(), Error::kErrorResponse);
  EXPECT_EQ(agent->counters().checks_failed, 1U);
  run_for(39s);
  ASSERT_EQ(agent->state(), State::kChecking);
  // In the last moment the peer gets through after all.
  ASSERT_TRUE(receive(from("198.51.100.9:900"), check()));
  const auto triggered = first_request(drain());
  ASSERT_TRUE(triggered);
  ASSERT_TRUE(receive(triggered->path, answer(*triggered)));
  run_for(1s);
  EXPECT_EQ(agent->state(), State::kConnected);
}

TEST_F(IceChecks, ALateCandidateHasTimeAfterPatienceButNotForEver) {
  start_with_host();
  agent->set_remote_credentials(now, remote);
  run_for(39s);
  ASSERT_TRUE(agent->add_remote_candidate(now, host("198.51.100.1:100")));
  run_for(39s);
  EXPECT_EQ(agent->state(), State::kChecking);
  run_for(1s);
  EXPECT_EQ(agent->state(), State::kFailed);
}

TEST_F(IceChecks, ANominationBesideABetterOneLosesWhateverTheOrder) {
  // Both nominations come before our own checks are answered; the better pair is answered first, then last.
  for (const bool better_first : {true, false}) {
    start_with_host(controlled());
    agent->set_remote_credentials(now, remote);
    ASSERT_TRUE(agent->add_remote_candidate(now, host("198.51.100.1:100", 1000, "1")));
    ASSERT_TRUE(agent->add_remote_candidate(now, host("198.51.100.1:200", 2000, "2")));
    ASSERT_TRUE(receive(from("198.51.100.1:100"), check(true, Role::kControlling)));
    ASSERT_TRUE(receive(from("198.51.100.1:200"), check(true, Role::kControlling)));
    std::map<std::uint16_t, Sent> newest;
    for (const Sent& one : run_for(100ms)) {
      if (is_request(one)) newest.insert_or_assign(one.path.remote.port, one);
    }
    for (const std::uint16_t port :
         better_first ? std::array<std::uint16_t, 2>{200, 100} : std::array<std::uint16_t, 2>{100, 200}) {
      (void)receive(newest.at(port).path, answer(newest.at(port)));
    }
    EXPECT_EQ(agent->selected_path(), from("198.51.100.1:200"));
  }
}

}  // namespace
}  // namespace bamgate::ice
