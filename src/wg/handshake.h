// The handshake Noise_IKpsk2 in two messages (paper §5.4.2 to §5.4.5): one function for each message and side.
// Pure functions of their arguments: retries, replay of timestamps and MACs are the business of Tunnel and Macs.
#pragma once

#include <array>
#include <expected>

#include "core/key_log.h"
#include "core/random.h"
#include "wg/error.h"
#include "wg/keys.h"
#include "wg/messages.h"
#include "wg/noise.h"
#include "wg/tai64n.h"

namespace bamgate::wg {

/// What one tunnel knows before any message: both static keys and what follows from them.
struct Identity {
  PrivateKey local;
  PublicKey local_public;
  PublicKey remote;
  Key static_static;  // DH of both static keys, needed in every handshake
  PresharedKey preshared;
  KeyLog* key_log = nullptr;  // told of each ephemeral key; outlives the tunnel

  /// Error: kBadKey when the shared secret is all zero.
  static std::expected<Identity, Error> create(const PrivateKey& local, const PublicKey& remote,
                                               const PresharedKey& preshared);
};

/// The initiator between its initiation and the response.
struct InitiatorHandshake {
  SymmetricState noise;
  PrivateKey ephemeral;
  ReceiverIndex local_index;
};

/// The responder between initiation and response.
struct ResponderHandshake {
  SymmetricState noise;
  PublicKey remote_ephemeral;
  ReceiverIndex remote_index;
  Tai64n timestamp;
};

/// What both sides have at the end.
struct TransportKeys {
  Key send;
  Key receive;
  ReceiverIndex local_index;   // in what we receive
  ReceiverIndex remote_index;  // in what we send
};

/// An initiation and the state that waits for its response.
struct CreatedInitiation {
  InitiatorHandshake state;
  InitiationMessage message;
};
/// Error: kBadKey, which a checked Identity cannot lead to.
std::expected<CreatedInitiation, Error> create_initiation(const Identity& identity, ReceiverIndex local_index,
                                                          const Tai64n& timestamp, Random& random);

/// An initiation as far as it can be read before it is known who sent it. Whoever knows our public key can make one
/// with anybody's static key inside: `initiator` is a claim until authenticate_initiation() has proven it.
struct ReceivedInitiation {
  ResponderHandshake handshake;  // its timestamp is still zero
  PublicKey initiator;
  std::array<std::byte, kStampSize + kTagSize> sealed_timestamp{};
};
/// The first half of consume_initiation(), for a responder with many peers: tells which one to look up.
/// Errors: kBadKey, kBadTag.
std::expected<ReceivedInitiation, Error> open_initiation(const PrivateKey& local, const PublicKey& local_public,
                                                         const InitiationMessage& message);
/// The second half. Errors: kWrongPeer (the claim is not `identity.remote`), kBadTag (the claim is false).
std::expected<ResponderHandshake, Error> authenticate_initiation(const Identity& identity, ReceivedInitiation received);
/// Both at once, for a responder with one peer. Errors: kBadKey, kBadTag, kWrongPeer.
std::expected<ResponderHandshake, Error> consume_initiation(const Identity& identity, const InitiationMessage& message);

/// A response and the keys, which the responder must not send with before it received something sealed with them.
struct CreatedResponse {
  TransportKeys keys;
  ResponseMessage message;
};
/// Error: kBadKey.
std::expected<CreatedResponse, Error> create_response(const Identity& identity, ResponderHandshake handshake,
                                                      ReceiverIndex local_index, Random& random);

/// `handshake` stays usable after an error, so that a forged response cannot end it. Errors: kBadKey, kBadTag (also
/// when the pre-shared keys differ).
std::expected<TransportKeys, Error> consume_response(const Identity& identity, const InitiatorHandshake& handshake,
                                                     const ResponseMessage& message);

}  // namespace bamgate::wg
