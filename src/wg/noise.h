// The cryptography of the handshake, named as in the paper (§5.4): DH, AEAD, XAEAD, HASH, MAC, HMAC, KDF1 to KDF3, and
// the symmetric state (chaining key C, transcript hash H) that both sides carry through Noise_IKpsk2.
// X25519 and ChaCha20-Poly1305 come from libsodium, BLAKE2s (RFC 7693) from libb2; HMAC and HKDF are made of it here.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <initializer_list>

#include "core/bytes.h"
#include "wg/error.h"
#include "wg/keys.h"
#include "wg/messages.h"

namespace bamgate::wg {

inline constexpr std::size_t kHashSize = 32;

using Hash = std::array<std::byte, kHashSize>;
using Key = Secret<kKeySize>;
/// Pieces of one input, taken as if they stood one after the other.
using Pieces = std::initializer_list<Bytes>;

/// Chooses the fastest implementations that this machine has. Cheap to repeat; Tunnel::create calls it.
void prepare_primitives();

/// DH(private, public): X25519. Error: kBadKey when the result is all zero.
std::expected<Key, Error> dh(const PrivateKey& local, const PublicKey& remote);

/// HASH(input): BLAKE2s with 32 bytes of output.
Hash hash(Pieces input);
/// MAC(key, input): BLAKE2s keyed with up to 32 bytes, 16 bytes of output.
Mac mac(Bytes key, Pieces input);
/// HMAC(key, input): RFC 2104 over BLAKE2s; `key` of up to 64 bytes.
Key hmac(Bytes key, Pieces input);

/// KDFn(key, input): HKDF (RFC 5869) over HMAC; n outputs of 32 bytes.
Key kdf1(const Key& key, Bytes input);
std::array<Key, 2> kdf2(const Key& key, Bytes input);
std::array<Key, 3> kdf3(const Key& key, Bytes input);

/// AEAD(key, counter, plain, associated): ChaCha20-Poly1305 (RFC 8439), nonce 32 zero bits and the counter,
/// little-endian. `out` holds plain.size() + 16 bytes; it may start where `plain` does.
void aead_seal(const Key& key, std::uint64_t counter, Bytes plain, Bytes associated, MutableBytes out);
/// The reverse; `out` holds sealed.size() - 16 bytes and may start where `sealed` does. False, and `out` is undefined,
/// when the tag does not fit or `sealed` has less than 16 bytes.
[[nodiscard]] bool aead_open(const Key& key, std::uint64_t counter, Bytes sealed, Bytes associated, MutableBytes out);

/// XAEAD: the same with XChaCha20-Poly1305 and a random nonce.
using XNonce = std::array<std::byte, kXNonceSize>;
void xaead_seal(const Key& key, const XNonce& nonce, Bytes plain, Bytes associated, MutableBytes out);
[[nodiscard]] bool xaead_open(const Key& key, const XNonce& nonce, Bytes sealed, Bytes associated, MutableBytes out);

/// C and H of one handshake. Both sides take the same steps in the same order and so come to the same keys.
class SymmetricState {
 public:
  /// C = HASH(CONSTRUCTION); H = HASH(HASH(C || IDENTIFIER) || static public key of the responder).
  explicit SymmetricState(const PublicKey& responder);

  /// H = HASH(H || data).
  void mix_hash(Bytes data);
  /// C = KDF1(C, input).
  void mix_key(Bytes input);
  /// (C, key) = KDF2(C, input); returns the key for the next encrypt_and_hash() or decrypt_and_hash().
  Key mix_key_and_derive(Bytes input);
  /// (C, t, key) = KDF3(C, preshared); H = HASH(H || t); returns the key.
  Key mix_preshared(const PresharedKey& preshared);

  /// out = AEAD(key, 0, plain, H); H = HASH(H || out). `out` holds plain.size() + 16 bytes.
  void encrypt_and_hash(const Key& key, Bytes plain, MutableBytes out);
  /// The reverse. False when the tag does not fit; the state is then useless.
  [[nodiscard]] bool decrypt_and_hash(const Key& key, Bytes sealed, MutableBytes out);

  /// KDF2(C, empty): first the key for what the initiator sends, then the one for what it receives.
  std::array<Key, 2> split() const;

 private:
  Key chain_;
  Hash hash_;
};

}  // namespace bamgate::wg
