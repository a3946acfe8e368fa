// The checklist, the nomination rule and consent, each alone.
#include <gtest/gtest.h>

#include "ice/checklist.h"
#include "ice/consent.h"
#include "ice/nomination.h"
#include "stun/message.h"
#include "support/seeded_random.h"

namespace bamgate::ice {
namespace {

using namespace std::chrono_literals;
using bamgate::testing::SeededRandom;

constexpr Instant kStart = Instant{} + 1h;

Candidate candidate(CandidateType type, std::uint16_t preference, const std::string& foundation) {
  return {
      type, foundation, candidate_priority(type, preference), {IpAddress::v4(192, 0, 2, 1), preference}, std::nullopt};
}

Pair make_pair(std::uint16_t port, const std::string& remote_foundation, CandidateType type = CandidateType::kHost) {
  Pair pair;
  pair.local = candidate(CandidateType::kHost, 65535, "1");
  pair.remote = candidate(type, port, remote_foundation);
  pair.path = {static_cast<SocketId>(1), pair.remote.endpoint, RelayId::kNone};
  return pair;
}

void make_valid(Pair& pair, Instant when) {
  pair.state = PairState::kSucceeded;
  pair.valid_since = when;
}

TEST(IceChecklist, OnePairOfAFoundationGoesFirst) {
  Checklist list;
  EXPECT_EQ(list.add(make_pair(1, "a"), Role::kControlling)->state, PairState::kWaiting);
  EXPECT_EQ(list.add(make_pair(3, "a"), Role::kControlling)->state, PairState::kFrozen);
  EXPECT_EQ(list.add(make_pair(2, "b"), Role::kControlling)->state, PairState::kWaiting);
  Pair* first = list.take_ordinary();
  EXPECT_EQ(first->path.remote.port, 2);
  first->state = PairState::kInProgress;
  Pair* second = list.take_ordinary();
  EXPECT_EQ(second->path.remote.port, 1);
  second->state = PairState::kInProgress;
  second->transaction.emplace(kStart, stun::TransactionId{});
  EXPECT_FALSE(list.has_ordinary());
  // Unanswered once: the frozen pair need not wait for 40 s.
  second->transaction->handle_timeout(kStart + 500ms);
  ASSERT_TRUE(list.has_ordinary());
  EXPECT_EQ(list.take_ordinary()->path.remote.port, 3);
}

TEST(IceChecklist, ASuccessUnfreezesItsFoundation) {
  Checklist list;
  list.add(make_pair(1, "a"), Role::kControlling)->state = PairState::kInProgress;
  Pair* busy = list.find(make_pair(1, "a").path);
  busy->transaction.emplace(kStart, stun::TransactionId{});
  Pair* frozen = list.add(make_pair(2, "a"), Role::kControlling);
  EXPECT_EQ(frozen->state, PairState::kFrozen);
  list.unfreeze(frozen->foundation);
  EXPECT_EQ(frozen->state, PairState::kWaiting);
}

TEST(IceChecklist, ANewPairOfAFoundationThatWorksNeedNotWait) {
  Checklist list;
  make_valid(*list.add(make_pair(1, "a"), Role::kControlling), kStart);
  EXPECT_EQ(list.add(make_pair(2, "a"), Role::kControlling)->state, PairState::kWaiting);
  EXPECT_EQ(list.add(make_pair(3, "a"), Role::kControlling)->state, PairState::kWaiting);
}

TEST(IceChecklist, ARoleChangeRecomputesEveryPriority) {
  Checklist list;
  const Pair* pair = list.add(make_pair(1, "a"), Role::kControlling);
  const std::uint64_t controlling = pair->priority;
  EXPECT_EQ(controlling % 2, 1U) << "the controlling side's candidate is the better one";
  list.set_role(Role::kControlled);
  EXPECT_EQ(pair->priority, controlling - 1);
}

TEST(IceChecklist, TriggeredPairsComeInOrderAndOnce) {
  Checklist list;
  list.add(make_pair(1, "a"), Role::kControlling);
  list.add(make_pair(2, "b"), Role::kControlling);
  list.find(make_pair(2, "b").path)->state = PairState::kFailed;
  list.trigger(*list.find(make_pair(1, "a").path));
  list.trigger(*list.find(make_pair(2, "b").path));
  list.trigger(*list.find(make_pair(1, "a").path));
  EXPECT_EQ(list.take_triggered()->path.remote.port, 1);
  Pair* revived = list.take_triggered();
  EXPECT_EQ(revived->path.remote.port, 2);
  EXPECT_EQ(revived->state, PairState::kWaiting);
  EXPECT_FALSE(list.has_triggered());
}

TEST(IceChecklist, BeyondTheLimitOnlyBetterPairsComeIn) {
  Checklist list;
  for (std::uint16_t i = 0; i < Checklist::kMaxPairs; ++i) {
    ASSERT_TRUE(list.add(make_pair(static_cast<std::uint16_t>(1000 + i), "a"), Role::kControlling));
  }
  make_valid(*list.find(make_pair(1000, "a").path), kStart);
  EXPECT_FALSE(list.add(make_pair(1, "b"), Role::kControlling));
  EXPECT_TRUE(list.add(make_pair(2000, "b"), Role::kControlling));
  EXPECT_EQ(list.size(), Checklist::kMaxPairs);
  EXPECT_TRUE(list.find(make_pair(1000, "a").path)) << "a valid pair is never thrown out";
  EXPECT_FALSE(list.find(make_pair(1001, "a").path));
}

TEST(IceChecklist, BeyondTheLimitAFailedPairGivesWayFirst) {
  Checklist list;
  for (std::uint16_t i = 0; i < Checklist::kMaxPairs; ++i) {
    ASSERT_TRUE(list.add(make_pair(static_cast<std::uint16_t>(1000 + i), "a"), Role::kControlling));
  }
  list.find(make_pair(1050, "a").path)->state = PairState::kFailed;
  EXPECT_TRUE(list.add(make_pair(1, "b"), Role::kControlling));
  EXPECT_FALSE(list.find(make_pair(1050, "a").path));
  EXPECT_TRUE(list.find(make_pair(1000, "a").path));
}

TEST(IceNomination, HostPairsAreNominatedAtOnceOthersAfterAShortWait) {
  Checklist list;
  make_valid(*list.add(make_pair(1, "a", CandidateType::kServerReflexive), Role::kControlling), kStart + 10ms);
  NominationInput input{kStart, false, true};
  auto choice = choose_nomination(list, input, kStart + 20ms);
  EXPECT_EQ(choice.pair, nullptr);
  EXPECT_EQ(choice.next, kStart + 110ms);
  EXPECT_NE(choose_nomination(list, input, kStart + 110ms).pair, nullptr);

  make_valid(*list.add(make_pair(2, "b"), Role::kControlling), kStart + 20ms);
  choice = choose_nomination(list, input, kStart + 20ms);
  ASSERT_NE(choice.pair, nullptr);
  EXPECT_EQ(choice.pair->path.remote.port, 2);
}

TEST(IceNomination, AHostPairOfIpv4WaitsForIpv6WhereThatIsPossible) {
  Checklist list;
  Pair* pair = list.add(make_pair(1, "a"), Role::kControlling);
  make_valid(*pair, kStart);
  NominationInput input{.checks_started = kStart, .direct_possible = true, .v6_possible = true};
  EXPECT_EQ(choose_nomination(list, input, kStart + 99ms).pair, nullptr);
  EXPECT_NE(choose_nomination(list, input, kStart + 100ms).pair, nullptr);
  pair->round_trip = 300ms;
  EXPECT_EQ(choose_nomination(list, input, kStart + 299ms).pair, nullptr) << "a round trip for the other family";
  EXPECT_NE(choose_nomination(list, input, kStart + 300ms).pair, nullptr);
  input.v6_possible = false;
  EXPECT_NE(choose_nomination(list, input, kStart).pair, nullptr);
}

TEST(IceNomination, NobodyWaitsWhenNothingBetterCanCome) {
  Checklist list;
  make_valid(*list.add(make_pair(1, "a", CandidateType::kServerReflexive), Role::kControlling), kStart);
  EXPECT_NE(choose_nomination(list, {kStart, true, true}, kStart).pair, nullptr);
  list.add(make_pair(2, "b"), Role::kControlling);
  EXPECT_EQ(choose_nomination(list, {kStart, true, true}, kStart).pair, nullptr);
}

TEST(IceNomination, RelayedPairsWaitLonger) {
  Checklist list;
  Pair relayed = make_pair(1, "a", CandidateType::kRelayed);
  relayed.path.relay = static_cast<RelayId>(1);
  make_valid(*list.add(std::move(relayed), Role::kControlling), kStart + 50ms);
  EXPECT_EQ(choose_nomination(list, {kStart, false, true}, kStart + 1999ms).pair, nullptr);
  EXPECT_NE(choose_nomination(list, {kStart, false, true}, kStart + 2s).pair, nullptr);
  EXPECT_NE(choose_nomination(list, {kStart, false, false}, kStart + 150ms).pair, nullptr)
      << "only relays on this side";
}

TEST(IceConsent, ChecksComeEveryFourToSixSecondsAndNotInStep) {
  SeededRandom random(1);
  Consent consent;
  consent.grant(kStart, kStart, random);
  Duration shortest = 1h;
  Duration longest = 0s;
  Instant last = kStart;
  for (int i = 0; i < 500; ++i) {
    const Instant now = consent.next_timeout();
    ASSERT_TRUE(consent.check_due(now));
    shortest = std::min(shortest, now - last);
    longest = std::max(longest, now - last);
    last = now;
    const auto id = stun::make_transaction_id(random);
    consent.note_sent(now, id, random);
    EXPECT_EQ(consent.unanswered(), 1U);
    consent.note_answered(now, id);
    EXPECT_EQ(consent.unanswered(), 0U);
  }
  EXPECT_GE(shortest, 4s);
  EXPECT_LE(longest, 6s);
  EXPECT_LT(shortest, 4200ms);
  EXPECT_GT(longest, 5800ms);
}

TEST(IceConsent, LivesThirtySecondsFromTheLastAnswer) {
  SeededRandom random(1);
  Consent consent;
  EXPECT_FALSE(consent.alive(kStart));
  consent.grant(kStart + 1s, kStart, random);
  EXPECT_TRUE(consent.alive(kStart + 29'999ms));
  EXPECT_FALSE(consent.alive(kStart + 30s));
  const auto id = stun::make_transaction_id(random);
  consent.note_sent(kStart + 5s, id, random);
  consent.note_answered(kStart + 20s, id);
  EXPECT_TRUE(consent.alive(kStart + 49s));
  consent.note_answered(kStart + 40s, id);
  EXPECT_FALSE(consent.alive(kStart + 50s)) << "one answer counts once";
}

TEST(IceConsent, AnswersFromBeforeTheGrantDoNotCount) {
  SeededRandom random(1);
  Consent consent;
  consent.grant(kStart, kStart, random);
  const auto id = stun::make_transaction_id(random);
  consent.note_sent(kStart + 5s, id, random);
  consent.grant(kStart + 6s, kStart + 6s, random);
  EXPECT_FALSE(consent.is_pending(id));
}

}  // namespace
}  // namespace bamgate::ice
