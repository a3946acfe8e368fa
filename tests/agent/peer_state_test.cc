// The states of a peer, transition by transition. What is done on them is tested in agent_peer_test.cc and its
// neighbours.
#include "agent/peer_state.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "support/source_tree.h"

namespace bamgate::agent {

bool operator==(const PeerStep& left, const PeerStep& right) {
  return left.to == right.to && left.action == right.action;
}

std::ostream& operator<<(std::ostream& out, const PeerStep& step) {
  return out << to_string(step.to) << " (" << to_string(step.action) << ")";
}

namespace {

using enum PeerState;
using Action = PeerAction;
using Input = PeerInput;
using States = std::vector<PeerState>;

constexpr PeerRole kRoles[] = {PeerRole::kOffers, PeerRole::kAnswers};
const States kAll = {kAway,      kAwaiting, kConnecting, kReconnecting, kOpen,
                     kConnected, kDetached, kRenewing,   kFailed,       kLost};

/// Each of `from` goes to `to`, in the role given or in both.
void expect(const States& from, Input input, PeerState to, Action action, PeerRole role = PeerRole::kEither) {
  for (const PeerRole one : kRoles) {
    if (role != PeerRole::kEither && role != one) continue;
    for (const PeerState state : from) {
      EXPECT_EQ(on(state, input, one), (PeerStep{to, action})) << to_string(state) << ", " << to_string(input);
    }
  }
}

void expect_nothing(const States& from, Input input, PeerRole role = PeerRole::kEither) {
  for (const PeerState state : from) expect({state}, input, state, Action::kNone, role);
}

TEST(PeerStates, AListedPeerIsOfferedAConnectionByTheNameThatSortsFirst) {
  expect({kAway, kFailed}, Input::kListed, kConnecting, Action::kOffer, PeerRole::kOffers);
  expect({kLost}, Input::kListed, kReconnecting, Action::kOffer, PeerRole::kOffers);
}

TEST(PeerStates, AListedPeerIsWaitedForByTheOther) {
  expect({kAway}, Input::kListed, kAwaiting, Action::kNone, PeerRole::kAnswers);
  expect_nothing({kAwaiting, kConnecting, kReconnecting, kFailed, kLost}, Input::kListed, PeerRole::kAnswers);
}

TEST(PeerStates, AnOfferIsMadeAgainWhenThePeerIsListedBeforeItLedAnywhere) {
  expect({kConnecting}, Input::kListed, kConnecting, Action::kOffer, PeerRole::kOffers);
  expect({kReconnecting}, Input::kListed, kReconnecting, Action::kOffer, PeerRole::kOffers);
}

TEST(PeerStates, AConnectionThatWorksIsNotTouchedByAList) {
  expect_nothing({kOpen, kConnected, kRenewing}, Input::kListed);
  expect({kDetached}, Input::kListed, kConnected, Action::kNone);
}

TEST(PeerStates, WhatConnectedUsIsDeadWhenThePeerHasRestarted) {
  expect({kConnecting, kOpen}, Input::kRestarted, kFailed, Action::kDrop);
  expect({kReconnecting, kConnected, kDetached, kRenewing}, Input::kRestarted, kLost, Action::kDrop);
  expect_nothing({kAway, kAwaiting, kFailed, kLost}, Input::kRestarted);
}

TEST(PeerStates, APeerThatLeftIsTriedNoMore) {
  expect({kAwaiting}, Input::kLeft, kAway, Action::kNone);
  expect({kConnecting, kReconnecting, kOpen, kFailed, kLost}, Input::kLeft, kAway, Action::kDrop);
  expect_nothing({kAway}, Input::kLeft);
}

TEST(PeerStates, AConnectionOutlivesThePeersHubConnection) {
  expect({kConnected}, Input::kLeft, kDetached, Action::kNone);
  expect({kRenewing}, Input::kLeft, kDetached, Action::kKeep);
  expect_nothing({kDetached}, Input::kLeft);
}

TEST(PeerStates, AnOfferIsAnsweredInEveryState) {
  expect({kAway, kAwaiting, kConnecting, kOpen, kFailed}, Input::kOffer, kConnecting, Action::kAnswer);
  expect({kReconnecting, kLost}, Input::kOffer, kReconnecting, Action::kAnswer);
}

TEST(PeerStates, AnOfferEndsNoConnectionThatCarriesPackets) {
  expect({kConnected, kDetached, kRenewing}, Input::kOffer, kRenewing, Action::kBeside);
  expect({kRenewing}, Input::kSecured, kConnected, Action::kSwitch);
  expect({kRenewing}, Input::kFailed, kConnected, Action::kKeep);
  expect({kRenewing}, Input::kBroken, kReconnecting, Action::kSwitch);
  expect_nothing({kAway, kAwaiting, kConnecting, kReconnecting, kOpen, kConnected, kDetached, kFailed, kLost},
                 Input::kBroken);
}

TEST(PeerStates, AnAttemptLeadsToAnOpenChannel) {
  expect({kConnecting, kReconnecting}, Input::kOpened, kOpen, Action::kNone);
  expect_nothing({kAway, kAwaiting, kOpen, kConnected, kDetached, kRenewing, kFailed, kLost}, Input::kOpened);
}

TEST(PeerStates, AnOpenChannelLeadsToAConnectionWithWireGuardsHandshake) {
  expect({kOpen}, Input::kSecured, kConnected, Action::kNone);
  expect_nothing({kAway, kAwaiting, kConnecting, kReconnecting, kConnected, kDetached, kFailed, kLost},
                 Input::kSecured);
}

TEST(PeerStates, AnAttemptThatFailsIsRepeatedLater) {
  expect({kConnecting, kOpen}, Input::kFailed, kFailed, Action::kRetry);
  expect({kReconnecting}, Input::kFailed, kLost, Action::kRetry);
}

TEST(PeerStates, AConnectionThatFailsIsMadeAgainLater) { expect({kConnected}, Input::kFailed, kLost, Action::kRetry); }

TEST(PeerStates, AConnectionToAPeerThatLeftIsNotMadeAgain) {
  expect({kDetached}, Input::kFailed, kAway, Action::kTell);
}

TEST(PeerStates, NothingFailsWhereNothingRuns) { expect_nothing({kAway, kAwaiting, kFailed, kLost}, Input::kFailed); }

TEST(PeerStates, ARetryIsANewOffer) {
  expect({kFailed}, Input::kRetry, kConnecting, Action::kOffer);
  expect({kLost}, Input::kRetry, kReconnecting, Action::kOffer);
  expect_nothing({kAway, kAwaiting, kConnecting, kReconnecting, kOpen, kConnected, kDetached, kRenewing},
                 Input::kRetry);
}

TEST(PeerStates, WhatLeadsNowhereIsReplacedAtOnceByWhoeverNoticesIt) {
  expect({kConnecting, kOpen}, Input::kStale, kConnecting, Action::kOffer);
  expect({kReconnecting, kConnected, kRenewing}, Input::kStale, kReconnecting, Action::kOffer);
  expect_nothing({kAway, kAwaiting, kFailed, kLost}, Input::kStale);
}

TEST(PeerStates, WhatLeadsNowhereEndsWhenThePeerIsNotThereToBeToldOfANewOne) {
  expect({kDetached}, Input::kStale, kAway, Action::kDrop);
}

TEST(PeerStates, EveryEndIsToldToAPeerThatMayHear) {
  expect({kConnecting, kReconnecting, kOpen, kConnected, kDetached, kRenewing}, Input::kEnd, kAway, Action::kTell);
  expect({kFailed, kLost}, Input::kEnd, kAway, Action::kDrop);
  expect({kAwaiting}, Input::kEnd, kAway, Action::kNone);
  expect_nothing({kAway}, Input::kEnd);
}

TEST(PeerStates, EveryRowIsReachedAndNoneStandsTwice) {
  for (const PeerTransition& row : peer_transitions()) {
    const PeerRole role = row.role == PeerRole::kEither ? PeerRole::kOffers : row.role;
    EXPECT_EQ(on(row.from, row.input, role), (PeerStep{row.to, row.action}));
    const auto same = [&](const PeerTransition& other) {
      const bool overlap = row.role == other.role || row.role == PeerRole::kEither || other.role == PeerRole::kEither;
      return other.input == row.input && other.from == row.from && overlap;
    };
    EXPECT_EQ(std::ranges::count_if(peer_transitions(), same), 1) << to_string(row.from) << to_string(row.input);
  }
}

// An action that ends an attempt leads to a state without one, and the other way round.
TEST(PeerStates, TheActionsLeaveAConnectionExactlyWhereTheStateSaysSo) {
  for (const PeerTransition& row : peer_transitions()) {
    bool exists = has_connection(row.from);
    switch (row.action) {
      case Action::kNone:
        break;
      case Action::kOffer:
      case Action::kAnswer:
        exists = true;
        break;
      case Action::kBeside:
      case Action::kSwitch:
      case Action::kKeep:
        EXPECT_TRUE(exists) << "one of two stays";
        break;
      case Action::kDrop:
      case Action::kRetry:
      case Action::kTell:
        exists = false;
        break;
    }
    EXPECT_EQ(exists, has_connection(row.to)) << to_string(row.from) << ", " << to_string(row.input);
  }
}

TEST(PeerStates, StatusShowsTheFiveNamesOfTheProtocolDocument) {
  for (const PeerState state : {kAway, kAwaiting}) EXPECT_EQ(status_name(state), "new");
  for (const PeerState state : {kConnecting, kOpen}) EXPECT_EQ(status_name(state), "connecting");
  for (const PeerState state : {kConnected, kDetached, kRenewing}) EXPECT_EQ(status_name(state), "connected");
  for (const PeerState state : {kReconnecting, kLost}) EXPECT_EQ(status_name(state), "reconnecting");
  EXPECT_EQ(status_name(kFailed), "failed");
}

TEST(PeerStates, TheTableInTheDocsIsThisOne) {
  const auto path = testing::source_tree() / "docs" / "agent.md";
  std::ifstream page(path);
  ASSERT_TRUE(page.is_open());
  std::vector<std::string> shown;
  bool inside = false;
  for (std::string line; std::getline(page, line);) {
    if (line == "| happens | in | we | to | done |") inside = true;
    if (!line.starts_with("|")) inside = false;
    if (inside && !line.starts_with("|---") && !line.starts_with("| happens")) shown.push_back(line);
  }
  std::vector<std::string> expected;
  for (const PeerTransition& row : peer_transitions()) {
    std::ostringstream line;
    line << "| " << to_string(row.input) << " | " << to_string(row.from) << " | " << to_string(row.role) << " | "
         << to_string(row.to) << " | " << to_string(row.action) << " |";
    expected.push_back(line.str());
  }
  EXPECT_EQ(shown, expected);
}

}  // namespace
}  // namespace bamgate::agent
