#include "wg/handshake.h"

#include <utility>

namespace bamgate::wg {
namespace {

/// Both sides' first step: e, whose public half is sent in clear (C = KDF1(C, e); H = HASH(H || e)).
void mix_ephemeral(SymmetricState& noise, const PublicKey& ephemeral) {
  noise.mix_key(ephemeral.bytes);
  noise.mix_hash(ephemeral.bytes);
}

void log_keys(const Identity& identity, const PrivateKey& ephemeral) {
  if (identity.key_log == nullptr) return;
  identity.key_log->add_wireguard({.local_static_private = identity.local.bytes(),
                                   .remote_static_public = identity.remote.bytes,
                                   .local_ephemeral_private = ephemeral.bytes(),
                                   .preshared = identity.preshared.bytes()});
}

}  // namespace

std::expected<Identity, Error> Identity::create(const PrivateKey& local, const PublicKey& remote,
                                                const PresharedKey& preshared) {
  const auto shared = dh(local, remote);
  if (!shared) return std::unexpected(shared.error());
  return Identity{local, local.public_key(), remote, *shared, preshared, nullptr};
}

std::expected<CreatedInitiation, Error> create_initiation(const Identity& identity, ReceiverIndex local_index,
                                                          const Tai64n& timestamp, Random& random) {
  CreatedInitiation created{
      .state = {SymmetricState(identity.remote), PrivateKey::generate(random), local_index},
      .message = {},
  };
  auto& [noise, ephemeral, index] = created.state;
  log_keys(identity, ephemeral);
  InitiationMessage& message = created.message;
  message.sender = local_index;
  message.ephemeral = ephemeral.public_key();
  mix_ephemeral(noise, message.ephemeral);

  const auto ephemeral_static = dh(ephemeral, identity.remote);
  if (!ephemeral_static) return std::unexpected(ephemeral_static.error());
  const Key static_key = noise.mix_key_and_derive(ephemeral_static->bytes());
  noise.encrypt_and_hash(static_key, identity.local_public.bytes, message.sealed_static);

  const Key timestamp_key = noise.mix_key_and_derive(identity.static_static.bytes());
  noise.encrypt_and_hash(timestamp_key, timestamp.bytes, message.sealed_timestamp);
  return created;
}

std::expected<ReceivedInitiation, Error> open_initiation(const PrivateKey& local, const PublicKey& local_public,
                                                         const InitiationMessage& message) {
  ReceivedInitiation received{
      .handshake = {SymmetricState(local_public), message.ephemeral, message.sender, {}},
      .initiator = {},
      .sealed_timestamp = message.sealed_timestamp,
  };
  SymmetricState& noise = received.handshake.noise;
  mix_ephemeral(noise, message.ephemeral);

  const auto ephemeral_static = dh(local, message.ephemeral);
  if (!ephemeral_static) return std::unexpected(ephemeral_static.error());
  const Key static_key = noise.mix_key_and_derive(ephemeral_static->bytes());
  if (!noise.decrypt_and_hash(static_key, message.sealed_static, received.initiator.bytes)) {
    return std::unexpected(Error::kBadTag);
  }
  return received;
}

std::expected<ResponderHandshake, Error> authenticate_initiation(const Identity& identity,
                                                                 ReceivedInitiation received) {
  if (!constant_time_equal(received.initiator.bytes, identity.remote.bytes)) return std::unexpected(Error::kWrongPeer);
  ResponderHandshake& handshake = received.handshake;
  const Key timestamp_key = handshake.noise.mix_key_and_derive(identity.static_static.bytes());
  if (!handshake.noise.decrypt_and_hash(timestamp_key, received.sealed_timestamp, handshake.timestamp.bytes)) {
    return std::unexpected(Error::kBadTag);
  }
  return std::move(handshake);
}

std::expected<ResponderHandshake, Error> consume_initiation(const Identity& identity,
                                                            const InitiationMessage& message) {
  auto received = open_initiation(identity.local, identity.local_public, message);
  if (!received) return std::unexpected(received.error());
  return authenticate_initiation(identity, std::move(*received));
}

std::expected<CreatedResponse, Error> create_response(const Identity& identity, ResponderHandshake handshake,
                                                      ReceiverIndex local_index, Random& random) {
  SymmetricState& noise = handshake.noise;
  CreatedResponse created;
  ResponseMessage& message = created.message;
  const PrivateKey ephemeral = PrivateKey::generate(random);
  log_keys(identity, ephemeral);
  message.sender = local_index;
  message.receiver = handshake.remote_index;
  message.ephemeral = ephemeral.public_key();
  mix_ephemeral(noise, message.ephemeral);

  const auto ephemeral_ephemeral = dh(ephemeral, handshake.remote_ephemeral);
  if (!ephemeral_ephemeral) return std::unexpected(ephemeral_ephemeral.error());
  noise.mix_key(ephemeral_ephemeral->bytes());
  const auto ephemeral_static = dh(ephemeral, identity.remote);
  if (!ephemeral_static) return std::unexpected(ephemeral_static.error());
  noise.mix_key(ephemeral_static->bytes());

  const Key key = noise.mix_preshared(identity.preshared);
  noise.encrypt_and_hash(key, {}, message.sealed_nothing);
  auto [initiator_sends, responder_sends] = noise.split();
  created.keys = {std::move(responder_sends), std::move(initiator_sends), local_index, handshake.remote_index};
  return created;
}

std::expected<TransportKeys, Error> consume_response(const Identity& identity, const InitiatorHandshake& handshake,
                                                     const ResponseMessage& message) {
  SymmetricState noise = handshake.noise;
  mix_ephemeral(noise, message.ephemeral);

  const auto ephemeral_ephemeral = dh(handshake.ephemeral, message.ephemeral);
  if (!ephemeral_ephemeral) return std::unexpected(ephemeral_ephemeral.error());
  noise.mix_key(ephemeral_ephemeral->bytes());
  const auto static_ephemeral = dh(identity.local, message.ephemeral);
  if (!static_ephemeral) return std::unexpected(static_ephemeral.error());
  noise.mix_key(static_ephemeral->bytes());

  const Key key = noise.mix_preshared(identity.preshared);
  if (!noise.decrypt_and_hash(key, message.sealed_nothing, {})) return std::unexpected(Error::kBadTag);
  auto [initiator_sends, responder_sends] = noise.split();
  return TransportKeys{std::move(initiator_sends), std::move(responder_sends), handshake.local_index, message.sender};
}

}  // namespace bamgate::wg
