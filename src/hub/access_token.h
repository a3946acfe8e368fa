// Access tokens: JWT (RFC 7519) signed with HS256 (RFC 7515 §3.1, RFC 7518 §3.2). Only what protocol.md names is
// written and accepted: one algorithm, keys by `kid`, the claims sub, owner, net, gen, iat, exp.
// Left out: every other algorithm ("none" above all), `aud`, `iss`, `nbf`, nested and encrypted tokens.
#pragma once

#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>

#include "core/bytes.h"
#include "core/crypto.h"
#include "core/time.h"

namespace bamgate::hub {

// protocol.md: `exp` (1 hour).
inline constexpr std::int64_t kAccessTokenLifetime = 3600;  // seconds

/// How far `iat` may lie in the future: a clock that is set back a little ends no token.
inline constexpr std::int64_t kClockLeeway = 60;  // seconds

/// A signing key and its name in the header.
struct SigningKey {
  std::string kid;
  Secret<32> secret;
};

struct AccessClaims {
  std::string device_id;        // sub
  std::string owner;            // owner
  std::string network;          // net
  std::int64_t generation = 0;  // gen: generation of the refresh token that came with it
  UnixTime issued_at;           // iat
  UnixTime expires_at;          // exp
};

enum class TokenError : std::uint8_t {
  kMalformed,  // not three parts of base64url with JSON objects, or a claim is missing
  kAlgorithm,  // signed with anything but HS256, or not at all
  kUnknownKey,
  kBadSignature,
  kNotYetValid,  // issued in the future: by a clock that was wrong
  kExpired,
};
std::string_view to_string(TokenError error);

/// The token in its compact form (RFC 7515 §7.1).
std::string write_access_token(Crypto& crypto, const SigningKey& key, const AccessClaims& claims);

/// Checks algorithm, key, signature (in constant time), `iat` and `exp`, in this order; claims are read only after the
/// signature is known to be good. Errors: all of TokenError.
std::expected<AccessClaims, TokenError> read_access_token(Crypto& crypto, std::span<const SigningKey> keys,
                                                          std::string_view token, UnixTime unix_now);

}  // namespace bamgate::hub
