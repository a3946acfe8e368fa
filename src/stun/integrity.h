// MESSAGE-INTEGRITY and MESSAGE-INTEGRITY-SHA256 (RFC 8489 §14.5, §14.6), and the keys for them (§9.1.1, §9.2.2,
// §18.5). Leaves out SASLprep and OpaqueString preparation: our user names and passwords are ASCII.
#pragma once

#include <expected>
#include <string_view>

#include "core/crypto.h"
#include "stun/message.h"

namespace bamgate::stun {

/// Checks MESSAGE-INTEGRITY in constant time. The short-term key is the password itself.
/// Errors: kNoIntegrity, kBadIntegrity.
std::expected<void, Error> check_integrity(const Message& message, Crypto& crypto, Bytes key);

/// The same for MESSAGE-INTEGRITY-SHA256, which may be cut down to 16 bytes (RFC 8489 §14.6).
std::expected<void, Error> check_integrity_sha256(const Message& message, Crypto& crypto, Bytes key);

/// RFC 8489 §9.2.2: the long-term key, MD5 of "username:realm:password".
Md5Digest long_term_key(Crypto& crypto, std::string_view username, std::string_view realm, std::string_view password);
/// RFC 8489 §18.5.1.2: the same with SHA-256, for messages with MESSAGE-INTEGRITY-SHA256.
Sha256Digest long_term_key_sha256(Crypto& crypto, std::string_view username, std::string_view realm,
                                  std::string_view password);

/// RFC 8489 §14.4: USERHASH, SHA-256 of "username:realm".
Sha256Digest user_hash(Crypto& crypto, std::string_view username, std::string_view realm);

}  // namespace bamgate::stun
