#include "wg/noise.h"

#include <blake2.h>
#include <sodium.h>

namespace bamgate::wg {
namespace {

// Paper §5.4: the two constants that every handshake starts from.
constexpr std::string_view kConstruction = "Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s";
constexpr std::string_view kIdentifier = "WireGuard v1 zx2c4 Jason@zx2c4.com";

// RFC 7693 §2.1: BLAKE2s works on blocks of 64 bytes; HMAC pads its key to one.
constexpr std::size_t kBlockBytes = 64;

const unsigned char* in(Bytes bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }
unsigned char* raw(MutableBytes bytes) { return reinterpret_cast<unsigned char*>(bytes.data()); }

/// One BLAKE2s computation, wiped at its end: its input may have been secret.
class Blake2s {
 public:
  explicit Blake2s(std::size_t output_size) { blake2s_init(&state_, output_size); }
  Blake2s(std::size_t output_size, Bytes key) { blake2s_init_key(&state_, output_size, key.data(), key.size()); }
  Blake2s(const Blake2s&) = delete;
  Blake2s& operator=(const Blake2s&) = delete;
  ~Blake2s() { wipe(std::as_writable_bytes(std::span(&state_, 1))); }

  void update(Bytes input) {
    if (!input.empty()) blake2s_update(&state_, in(input), input.size());
  }
  void update(Pieces input) {
    for (const Bytes piece : input) update(piece);
  }
  void finish(MutableBytes output) { blake2s_final(&state_, raw(output), output.size()); }

 private:
  blake2s_state state_{};
};

std::array<unsigned char, 12> counter_nonce(std::uint64_t counter) {
  std::array<unsigned char, 12> nonce{};
  for (unsigned i = 0; i < 8; ++i) nonce[4 + i] = static_cast<unsigned char>(counter >> (8 * i) & 0xff);
  return nonce;
}

}  // namespace

void prepare_primitives() { [[maybe_unused]] static const int ready = sodium_init(); }

std::expected<Key, Error> dh(const PrivateKey& local, const PublicKey& remote) {
  Key shared;
  const int failed = crypto_scalarmult_curve25519(raw(shared.mutable_bytes()), in(local.bytes()), in(remote.bytes));
  if (failed != 0) return std::unexpected(Error::kBadKey);
  return shared;
}

Hash hash(Pieces input) {
  Hash digest{};
  Blake2s state(digest.size());
  state.update(input);
  state.finish(digest);
  return digest;
}

Mac mac(Bytes key, Pieces input) {
  Mac digest{};
  Blake2s state(digest.size(), key);
  state.update(input);
  state.finish(digest);
  return digest;
}

Key hmac(Bytes key, Pieces input) {
  // RFC 2104 §2: H(K ^ opad, H(K ^ ipad, text)), ipad and opad a block of 0x36 and of 0x5c.
  Secret<kBlockBytes> inner_key;
  Secret<kBlockBytes> outer_key;
  copy_bytes(key, inner_key.mutable_bytes());
  copy_bytes(key, outer_key.mutable_bytes());
  for (std::byte& byte : inner_key.mutable_bytes()) byte ^= std::byte{0x36};
  for (std::byte& byte : outer_key.mutable_bytes()) byte ^= std::byte{0x5c};

  Key digest;
  Blake2s inner(kHashSize);
  inner.update(inner_key.bytes());
  inner.update(input);
  inner.finish(digest.mutable_bytes());
  Blake2s outer(kHashSize);
  outer.update(outer_key.bytes());
  outer.update(digest.bytes());
  outer.finish(digest.mutable_bytes());
  return digest;
}

Key kdf1(const Key& key, Bytes input) {
  const Key extracted = hmac(key.bytes(), {input});
  const std::array first{std::byte{1}};
  return hmac(extracted.bytes(), {first});
}

std::array<Key, 2> kdf2(const Key& key, Bytes input) {
  const Key extracted = hmac(key.bytes(), {input});
  const std::array first{std::byte{1}};
  const std::array second{std::byte{2}};
  std::array<Key, 2> keys;
  keys[0] = hmac(extracted.bytes(), {first});
  keys[1] = hmac(extracted.bytes(), {keys[0].bytes(), second});
  return keys;
}

std::array<Key, 3> kdf3(const Key& key, Bytes input) {
  const Key extracted = hmac(key.bytes(), {input});
  const std::array first{std::byte{1}};
  const std::array second{std::byte{2}};
  const std::array third{std::byte{3}};
  std::array<Key, 3> keys;
  keys[0] = hmac(extracted.bytes(), {first});
  keys[1] = hmac(extracted.bytes(), {keys[0].bytes(), second});
  keys[2] = hmac(extracted.bytes(), {keys[1].bytes(), third});
  return keys;
}

void aead_seal(const Key& key, std::uint64_t counter, Bytes plain, Bytes associated, MutableBytes out) {
  const auto nonce = counter_nonce(counter);
  crypto_aead_chacha20poly1305_ietf_encrypt(raw(out), nullptr, in(plain), plain.size(), in(associated),
                                            associated.size(), nullptr, nonce.data(), in(key.bytes()));
}

bool aead_open(const Key& key, std::uint64_t counter, Bytes sealed, Bytes associated, MutableBytes out) {
  if (sealed.size() < kTagSize) return false;
  const auto nonce = counter_nonce(counter);
  return crypto_aead_chacha20poly1305_ietf_decrypt(raw(out), nullptr, nullptr, in(sealed), sealed.size(),
                                                   in(associated), associated.size(), nonce.data(),
                                                   in(key.bytes())) == 0;
}

void xaead_seal(const Key& key, const XNonce& nonce, Bytes plain, Bytes associated, MutableBytes out) {
  crypto_aead_xchacha20poly1305_ietf_encrypt(raw(out), nullptr, in(plain), plain.size(), in(associated),
                                             associated.size(), nullptr, in(nonce), in(key.bytes()));
}

bool xaead_open(const Key& key, const XNonce& nonce, Bytes sealed, Bytes associated, MutableBytes out) {
  if (sealed.size() < kTagSize) return false;
  return crypto_aead_xchacha20poly1305_ietf_decrypt(raw(out), nullptr, nullptr, in(sealed), sealed.size(),
                                                    in(associated), associated.size(), in(nonce), in(key.bytes())) == 0;
}

SymmetricState::SymmetricState(const PublicKey& responder) {
  hash_ = hash({as_bytes(kConstruction)});
  chain_ = Key(std::span<const std::byte, kKeySize>(hash_));
  mix_hash(as_bytes(kIdentifier));
  mix_hash(responder.bytes);
}

void SymmetricState::mix_hash(Bytes data) { hash_ = hash({hash_, data}); }

void SymmetricState::mix_key(Bytes input) { chain_ = kdf1(chain_, input); }

Key SymmetricState::mix_key_and_derive(Bytes input) {
  auto [chain, key] = kdf2(chain_, input);
  chain_ = chain;
  return key;
}

Key SymmetricState::mix_preshared(const PresharedKey& preshared) {
  auto [chain, mixed, key] = kdf3(chain_, preshared.bytes());
  chain_ = chain;
  mix_hash(mixed.bytes());
  return key;
}

void SymmetricState::encrypt_and_hash(const Key& key, Bytes plain, MutableBytes out) {
  aead_seal(key, 0, plain, hash_, out);
  mix_hash(out);
}

bool SymmetricState::decrypt_and_hash(const Key& key, Bytes sealed, MutableBytes out) {
  if (!aead_open(key, 0, sealed, hash_, out)) return false;
  mix_hash(sealed);
  return true;
}

std::array<Key, 2> SymmetricState::split() const { return kdf2(chain_, {}); }

}  // namespace bamgate::wg
