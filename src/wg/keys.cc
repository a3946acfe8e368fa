#include "wg/keys.h"

#include <sodium.h>

#include "core/encoding.h"

namespace bamgate::wg {
namespace {

std::optional<Secret<kKeySize>> secret_from_base64(std::string_view base64) {
  auto bytes = array_from_base64<kKeySize>(base64);
  if (!bytes) return std::nullopt;
  Secret<kKeySize> secret{std::span<const std::byte, kKeySize>(*bytes)};
  wipe(*bytes);
  return secret;
}

}  // namespace

std::optional<PublicKey> PublicKey::parse(std::string_view base64) {
  const auto bytes = array_from_base64<kKeySize>(base64);
  if (!bytes) return std::nullopt;
  return PublicKey{*bytes};
}

std::string PublicKey::to_string() const { return bamgate::to_base64(bytes); }

PrivateKey PrivateKey::from_bytes(std::span<const std::byte, kKeySize> bytes) {
  PrivateKey key;
  key.secret_ = Secret<kKeySize>(bytes);
  // RFC 7748 §5: set the three least significant bits of the first byte and the most significant of the last to zero,
  // set the second most significant bit of the last byte to one.
  const auto secret = key.secret_.mutable_bytes();
  secret[0] &= std::byte{248};
  secret[31] &= std::byte{127};
  secret[31] |= std::byte{64};
  return key;
}

PrivateKey PrivateKey::generate(Random& random) {
  Secret<kKeySize> secret;
  random.fill(secret.mutable_bytes());
  return from_bytes(secret.bytes());
}

std::optional<PrivateKey> PrivateKey::parse(std::string_view base64) {
  const auto secret = secret_from_base64(base64);
  if (!secret) return std::nullopt;
  return from_bytes(secret->bytes());
}

PublicKey PrivateKey::public_key() const {
  PublicKey key;
  crypto_scalarmult_curve25519_base(reinterpret_cast<unsigned char*>(key.bytes.data()),
                                    reinterpret_cast<const unsigned char*>(bytes().data()));
  return key;
}

std::string PrivateKey::to_base64() const { return bamgate::to_base64(bytes()); }

PresharedKey PresharedKey::generate(Random& random) {
  PresharedKey key;
  random.fill(key.secret_.mutable_bytes());
  return key;
}

std::optional<PresharedKey> PresharedKey::parse(std::string_view base64) {
  const auto secret = secret_from_base64(base64);
  if (!secret) return std::nullopt;
  return PresharedKey(secret->bytes());
}

std::string PresharedKey::to_base64() const { return bamgate::to_base64(bytes()); }

}  // namespace bamgate::wg
