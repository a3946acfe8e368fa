// MESSAGE-INTEGRITY and MESSAGE-INTEGRITY-SHA256 (RFC 8489 §14.5, §14.6), and the keys for them (§9.1.1, §9.2.2,
// §18.5.1). Leaves out OpaqueString preparation (RFC 8265): names, realms and passwords are hashed as they are, so
// those that are not ASCII must come prepared.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string_view>

#include "core/crypto.h"
#include "stun/message.h"

namespace bamgate::stun {

/// Checks MESSAGE-INTEGRITY in constant time. The short-term key is the password itself.
/// Errors: kNoIntegrity, kBadIntegrity.
std::expected<void, Error> check_integrity(const Message& message, Crypto& crypto, Bytes key);

/// The same for MESSAGE-INTEGRITY-SHA256. A usage that allows it to be cut names the fewest bytes that it takes, 16 or
/// more (RFC 8489 §14.6); neither ICE nor TURN does.
std::expected<void, Error> check_integrity_sha256(const Message& message, Crypto& crypto, Bytes key,
                                                  std::size_t shortest = 32);

/// Which of the two integrity attributes a message carries or shall carry.
enum class Integrity : std::uint8_t { kSha1, kSha256, kBoth };

/// The best integrity that a message carries; kBoth when it has both, nullopt when none.
std::optional<Integrity> integrity_of(const Message& message);

/// A key for long-term credentials: 16 or 32 bytes. Wiped when it goes.
class LongTermKey {
 public:
  LongTermKey() = default;
  explicit LongTermKey(Bytes key) : size_(key.size()) { copy_bytes(key, secret_.mutable_bytes()); }
  Bytes bytes() const { return Bytes(secret_.bytes()).first(size_); }

 private:
  Secret<32> secret_;
  std::size_t size_ = 0;
};

/// The key for a password algorithm (RFC 8489 §18.5.1). An algorithm that is neither MD5 nor SHA-256 counts as MD5.
LongTermKey derive_key(Crypto& crypto, PasswordAlgorithm algorithm, std::string_view username, std::string_view realm,
                       std::string_view password);

/// RFC 8489 §9.2.2: the long-term key, MD5 of "username:realm:password". Quotes around name and realm, and zero bytes
/// behind all three, do not count.
Md5Digest long_term_key(Crypto& crypto, std::string_view username, std::string_view realm, std::string_view password);
/// RFC 8489 §18.5.1.2: the same with SHA-256, for messages with MESSAGE-INTEGRITY-SHA256.
Sha256Digest long_term_key_sha256(Crypto& crypto, std::string_view username, std::string_view realm,
                                  std::string_view password);

/// RFC 8489 §14.4: USERHASH, SHA-256 of "username:realm".
Sha256Digest user_hash(Crypto& crypto, std::string_view username, std::string_view realm);

}  // namespace bamgate::stun
