// Join tokens: what a person hands to a new machine so that it may register (protocol.md, "HTTP API").
// The database keeps only their SHA-256, and which public key used which token.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "core/crypto.h"
#include "core/random.h"
#include "core/time.h"
#include "hub/database.h"
#include "hub/error.h"

namespace bamgate::hub {

// protocol.md: join token: 128 bits, default one use and 24 hours.
inline constexpr std::size_t kJoinTokenBytes = 16;
inline constexpr std::int64_t kDefaultJoinUses = 1;
inline constexpr std::int64_t kDefaultJoinLifetime = 24 * 3600;  // seconds

inline constexpr std::int64_t kMaxJoinUses = 1000;
inline constexpr std::int64_t kMaxJoinLifetime = 365 * 24 * 3600;  // seconds
/// Tokens that may be valid at one time.
inline constexpr std::int64_t kMaxJoinTokens = 1000;

struct JoinToken {
  std::string token;  // 32 hex digits
  UnixTime expires_at;
  std::int64_t uses = 0;
};

/// What a presented join token is worth.
enum class JoinVerdict : std::uint8_t {
  kUnknown,  // never made, or removed after its end
  kExpired,
  kUsedUp,
  kFresh,      // one more registration is allowed
  kPresented,  // this public key registered with this token before: the reply was lost
};

struct JoinCheck {
  JoinVerdict verdict = JoinVerdict::kUnknown;
  std::string owner;      // of whoever made the token
  std::string device_id;  // kPresented: the device that was registered then
};

/// Makes a token in the name of `owner` and forgets those that ended.
std::expected<JoinToken, Error> create_join_token(Database& database, Crypto& crypto, Random& random, UnixTime unix_now,
                                                  std::string_view owner, std::int64_t uses, std::int64_t ttl_s);

/// Looks the token up; changes nothing. `public_key` in base64, empty for none.
JoinCheck check_join_token(Database& database, Crypto& crypto, UnixTime unix_now, std::string_view token,
                           std::string_view public_key);

/// Notes that `device_id` registered with it; counts a use unless `verdict` is kPresented.
void consume_join_token(Database& database, Crypto& crypto, std::string_view token, JoinVerdict verdict,
                        std::string_view public_key, std::string_view device_id);

}  // namespace bamgate::hub
