// The states of one other device, what can happen to it, and every transition between them: the table of docs/agent.md.
// Nothing else decides what state follows. What is done on a transition is an action, carried out in peer.cc.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace bamgate::agent {

enum class PeerState : std::uint8_t {
  kAway,          // the hub does not list it, and nothing connects us
  kAwaiting,      // it is there, and its first offer is awaited
  kConnecting,    // an attempt is under way: descriptions, ICE, DTLS, SCTP
  kReconnecting,  // the same after a connection that was lost
  kOpen,          // the data channel is open, WireGuard shakes hands in it
  kConnected,     // packets flow
  kDetached,      // packets flow, though the hub does not list it
  kRenewing,      // packets flow, and beside that connection a new one is under way, which the peer has offered
  kFailed,        // an attempt failed: a retry is due, or for a while its next offer is awaited
  kLost,          // a connection was lost: likewise
};

enum class PeerInput : std::uint8_t {
  kListed,     // the hub lists it
  kRestarted,  // it has started afresh, so what connected us is dead; kListed follows
  kLeft,       // the hub says that it left
  kOffer,      // its offer came, and no offer of ours overrules it
  kOpened,     // the data channel is open
  kSecured,    // WireGuard's handshake is complete; in a connection beside another, it has authenticated a message
  kFailed,     // no answer in time, no consent, closed by the peer, or silence; of two connections the new one's
  kBroken,     // of two connections the old one's
  kRetry,      // the retry is due, or the network has changed
  kStale,      // what is under way leads nowhere: our address is gone, or the answer was to an older offer
  kEnd,        // revoked, or we go down
};

/// Who makes the offer: of an attempt that is under way whoever made its offer, else the device whose name sorts first.
enum class PeerRole : std::uint8_t { kOffers, kAnswers, kEither };

enum class PeerAction : std::uint8_t {
  kNone,
  kOffer,   // what was there is dropped; a new attempt with our offer
  kAnswer,  // what was there is dropped; a new attempt that answers
  kBeside,  // what carries packets stays; a new attempt that answers, in place of another beside it
  kSwitch,  // the peer is told, the old connection is dropped; the new one carries packets
  kKeep,    // the peer is told, the new attempt is dropped; the old connection stays
  kDrop,    // what was there is dropped without a word
  kRetry,   // the peer is told, what was there is dropped; a new try later, of whose name sorts first sooner
  kTell,    // the peer is told, what was there is dropped
};

/// One row of the table: in `from`, for a device of this role, `input` leads to `to`.
struct PeerTransition {
  PeerInput input;
  PeerState from;
  PeerRole role;
  PeerState to;
  PeerAction action;
};

/// The whole table. What it does not name changes nothing.
std::span<const PeerTransition> peer_transitions();

struct PeerStep {
  PeerState to;
  PeerAction action;
};

/// What `input` does to a peer in `state`. `role` is kOffers or kAnswers.
PeerStep on(PeerState state, PeerInput input, PeerRole role);

/// True in the states in which a connection exists.
bool has_connection(PeerState state);

/// What `bamgate status` shows: new, connecting, connected, reconnecting or failed (docs/agent.md).
std::string_view status_name(PeerState state);

// Names for docs and tests.
std::string_view to_string(PeerState state);
std::string_view to_string(PeerInput input);
std::string_view to_string(PeerRole role);
std::string_view to_string(PeerAction action);

}  // namespace bamgate::agent
