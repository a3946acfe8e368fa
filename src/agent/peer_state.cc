#include "agent/peer_state.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace bamgate::agent {
namespace {

using Action = PeerAction;
using Input = PeerInput;
using Role = PeerRole;
using State = PeerState;

// docs/agent.md shows this table row by row; a test compares the two.
constexpr PeerTransition kTransitions[] = {
    {Input::kListed, State::kAway, Role::kOffers, State::kConnecting, Action::kOffer},
    {Input::kListed, State::kAway, Role::kAnswers, State::kAwaiting, Action::kNone},
    // An offer or its answer may have been lost with an old connection to the hub.
    {Input::kListed, State::kConnecting, Role::kOffers, State::kConnecting, Action::kOffer},
    {Input::kListed, State::kReconnecting, Role::kOffers, State::kReconnecting, Action::kOffer},
    {Input::kListed, State::kDetached, Role::kEither, State::kConnected, Action::kNone},
    {Input::kListed, State::kFailed, Role::kOffers, State::kConnecting, Action::kOffer},
    {Input::kListed, State::kLost, Role::kOffers, State::kReconnecting, Action::kOffer},

    {Input::kRestarted, State::kConnecting, Role::kEither, State::kFailed, Action::kDrop},
    {Input::kRestarted, State::kReconnecting, Role::kEither, State::kLost, Action::kDrop},
    {Input::kRestarted, State::kOpen, Role::kEither, State::kFailed, Action::kDrop},
    {Input::kRestarted, State::kConnected, Role::kEither, State::kLost, Action::kDrop},
    {Input::kRestarted, State::kDetached, Role::kEither, State::kLost, Action::kDrop},
    {Input::kRestarted, State::kRenewing, Role::kEither, State::kLost, Action::kDrop},

    {Input::kLeft, State::kAwaiting, Role::kEither, State::kAway, Action::kNone},
    {Input::kLeft, State::kConnecting, Role::kEither, State::kAway, Action::kDrop},
    {Input::kLeft, State::kReconnecting, Role::kEither, State::kAway, Action::kDrop},
    {Input::kLeft, State::kOpen, Role::kEither, State::kAway, Action::kDrop},
    // Only its connection to the hub is gone; consent will tell about ours.
    {Input::kLeft, State::kConnected, Role::kEither, State::kDetached, Action::kNone},
    {Input::kLeft, State::kRenewing, Role::kEither, State::kDetached, Action::kKeep},
    {Input::kLeft, State::kFailed, Role::kEither, State::kAway, Action::kDrop},
    {Input::kLeft, State::kLost, Role::kEither, State::kAway, Action::kDrop},

    {Input::kOffer, State::kAway, Role::kEither, State::kConnecting, Action::kAnswer},
    {Input::kOffer, State::kAwaiting, Role::kEither, State::kConnecting, Action::kAnswer},
    {Input::kOffer, State::kConnecting, Role::kEither, State::kConnecting, Action::kAnswer},
    {Input::kOffer, State::kReconnecting, Role::kEither, State::kReconnecting, Action::kAnswer},
    {Input::kOffer, State::kOpen, Role::kEither, State::kConnecting, Action::kAnswer},
    // An offer is the hub's word alone: it ends nothing that the peer itself has authenticated.
    {Input::kOffer, State::kConnected, Role::kEither, State::kRenewing, Action::kBeside},
    {Input::kOffer, State::kDetached, Role::kEither, State::kRenewing, Action::kBeside},
    {Input::kOffer, State::kRenewing, Role::kEither, State::kRenewing, Action::kBeside},
    {Input::kOffer, State::kFailed, Role::kEither, State::kConnecting, Action::kAnswer},
    {Input::kOffer, State::kLost, Role::kEither, State::kReconnecting, Action::kAnswer},

    {Input::kOpened, State::kConnecting, Role::kEither, State::kOpen, Action::kNone},
    {Input::kOpened, State::kReconnecting, Role::kEither, State::kOpen, Action::kNone},

    {Input::kSecured, State::kOpen, Role::kEither, State::kConnected, Action::kNone},
    {Input::kSecured, State::kRenewing, Role::kEither, State::kConnected, Action::kSwitch},

    {Input::kFailed, State::kConnecting, Role::kEither, State::kFailed, Action::kRetry},
    {Input::kFailed, State::kReconnecting, Role::kEither, State::kLost, Action::kRetry},
    {Input::kFailed, State::kOpen, Role::kEither, State::kFailed, Action::kRetry},
    {Input::kFailed, State::kConnected, Role::kEither, State::kLost, Action::kRetry},
    {Input::kFailed, State::kDetached, Role::kEither, State::kAway, Action::kTell},
    {Input::kFailed, State::kRenewing, Role::kEither, State::kConnected, Action::kKeep},

    {Input::kBroken, State::kRenewing, Role::kEither, State::kReconnecting, Action::kSwitch},

    {Input::kRetry, State::kFailed, Role::kEither, State::kConnecting, Action::kOffer},
    {Input::kRetry, State::kLost, Role::kEither, State::kReconnecting, Action::kOffer},

    {Input::kStale, State::kConnecting, Role::kEither, State::kConnecting, Action::kOffer},
    {Input::kStale, State::kReconnecting, Role::kEither, State::kReconnecting, Action::kOffer},
    {Input::kStale, State::kOpen, Role::kEither, State::kConnecting, Action::kOffer},
    {Input::kStale, State::kConnected, Role::kEither, State::kReconnecting, Action::kOffer},
    {Input::kStale, State::kRenewing, Role::kEither, State::kReconnecting, Action::kOffer},
    // No message reaches it.
    {Input::kStale, State::kDetached, Role::kEither, State::kAway, Action::kDrop},

    {Input::kEnd, State::kAwaiting, Role::kEither, State::kAway, Action::kNone},
    {Input::kEnd, State::kConnecting, Role::kEither, State::kAway, Action::kTell},
    {Input::kEnd, State::kReconnecting, Role::kEither, State::kAway, Action::kTell},
    {Input::kEnd, State::kOpen, Role::kEither, State::kAway, Action::kTell},
    {Input::kEnd, State::kConnected, Role::kEither, State::kAway, Action::kTell},
    {Input::kEnd, State::kDetached, Role::kEither, State::kAway, Action::kTell},
    {Input::kEnd, State::kRenewing, Role::kEither, State::kAway, Action::kTell},
    {Input::kEnd, State::kFailed, Role::kEither, State::kAway, Action::kDrop},
    {Input::kEnd, State::kLost, Role::kEither, State::kAway, Action::kDrop},
};

}  // namespace

std::span<const PeerTransition> peer_transitions() { return kTransitions; }

PeerStep on(PeerState state, PeerInput input, PeerRole role) {
  const auto row = std::ranges::find_if(kTransitions, [&](const PeerTransition& candidate) {
    return candidate.input == input && candidate.from == state &&
           (candidate.role == PeerRole::kEither || candidate.role == role);
  });
  if (row == std::end(kTransitions)) return {state, PeerAction::kNone};
  return {row->to, row->action};
}

bool has_connection(PeerState state) {
  switch (state) {
    case PeerState::kConnecting:
    case PeerState::kReconnecting:
    case PeerState::kOpen:
    case PeerState::kConnected:
    case PeerState::kDetached:
    case PeerState::kRenewing:
      return true;
    case PeerState::kAway:
    case PeerState::kAwaiting:
    case PeerState::kFailed:
    case PeerState::kLost:
      return false;
  }
  std::unreachable();
}

std::string_view status_name(PeerState state) {
  switch (state) {
    case PeerState::kAway:
    case PeerState::kAwaiting:
      return "new";
    case PeerState::kConnecting:
    case PeerState::kOpen:
      return "connecting";
    case PeerState::kConnected:
    case PeerState::kDetached:
    case PeerState::kRenewing:
      return "connected";
    case PeerState::kReconnecting:
    case PeerState::kLost:
      return "reconnecting";
    case PeerState::kFailed:
      return "failed";
  }
  std::unreachable();
}

std::string_view to_string(PeerState state) {
  switch (state) {
    case PeerState::kAway:
      return "Away";
    case PeerState::kAwaiting:
      return "Awaiting";
    case PeerState::kConnecting:
      return "Connecting";
    case PeerState::kReconnecting:
      return "Reconnecting";
    case PeerState::kOpen:
      return "Open";
    case PeerState::kConnected:
      return "Connected";
    case PeerState::kDetached:
      return "Detached";
    case PeerState::kRenewing:
      return "Renewing";
    case PeerState::kFailed:
      return "Failed";
    case PeerState::kLost:
      return "Lost";
  }
  std::unreachable();
}

std::string_view to_string(PeerInput input) {
  switch (input) {
    case PeerInput::kListed:
      return "listed";
    case PeerInput::kRestarted:
      return "restarted";
    case PeerInput::kLeft:
      return "left";
    case PeerInput::kOffer:
      return "offer";
    case PeerInput::kOpened:
      return "opened";
    case PeerInput::kSecured:
      return "secured";
    case PeerInput::kFailed:
      return "failed";
    case PeerInput::kBroken:
      return "broken";
    case PeerInput::kRetry:
      return "retry";
    case PeerInput::kStale:
      return "stale";
    case PeerInput::kEnd:
      return "end";
  }
  std::unreachable();
}

std::string_view to_string(PeerRole role) {
  switch (role) {
    case PeerRole::kOffers:
      return "offers";
    case PeerRole::kAnswers:
      return "answers";
    case PeerRole::kEither:
      return "either";
  }
  std::unreachable();
}

std::string_view to_string(PeerAction action) {
  switch (action) {
    case PeerAction::kNone:
      return "-";
    case PeerAction::kOffer:
      return "offer";
    case PeerAction::kAnswer:
      return "answer";
    case PeerAction::kBeside:
      return "answer beside";
    case PeerAction::kSwitch:
      return "tell, switch";
    case PeerAction::kKeep:
      return "tell, keep the old";
    case PeerAction::kDrop:
      return "drop";
    case PeerAction::kRetry:
      return "tell, retry later";
    case PeerAction::kTell:
      return "tell, drop";
  }
  std::unreachable();
}

}  // namespace bamgate::agent
