// Refresh tokens: one per device, rotated at every use (protocol.md, "HTTP API"). The database keeps only SHA-256 of
// them.
//
// A rotation's reply may be lost. So the token before stays valid until its successor is known to have arrived: until
// the successor is presented, or an access token of its generation is.
//
//   use current C            -> successor N becomes current, C becomes previous
//   use previous P           -> N' replaces the undelivered current, P stays previous
//   access token of current  -> previous ends
//   newer than the database  -> it was brought back from a backup: as if this token were current
//   anything else            -> refused; nothing else is revoked by it
//
// It expires Settings::device_lifetime after it was issued, in time that a hub has lived through (hub_clock.h), and
// is kept all the same: renewed by an administrator it, or the one before it, is good once more.
//
// A token is 32 bytes that nobody can tell from random ones without the hub's master secret: 24 of HMAC-SHA256 of it
// over "refresh:" device id ":" generation, and before them the generation in 8 bytes, mixed with those of HMAC-SHA256
// over "refresh generation:" device id and the 24. So the hub knows its own, and their generation, without having
// stored them, and a backup is of use although devices have gone on since.
#pragma once

#include <cstdint>
#include <expected>
#include <set>
#include <string>
#include <string_view>

#include "core/time.h"
#include "hub/context.h"
#include "hub/database.h"

namespace bamgate::hub {

// protocol.md: refresh token: 32 bytes in hex.
inline constexpr std::size_t kRefreshTokenBytes = 32;
// protocol.md: renew: the device's last refresh token is valid once more for 7 days.
inline constexpr std::int64_t kRenewal = 7 * 24 * 3600;  // seconds

struct RefreshToken {
  std::string token;
  std::int64_t generation = 0;  // grows with each token of the device; the claim `gen` of what is issued with it
};

enum class RefreshError : std::uint8_t {
  kNone,     // the device has none: it was revoked or never was
  kExpired,  // the right one, too late
  kInvalid,  // older than the previous one, or never issued
};

/// The first token of a registration. Every earlier refresh and access token of the device ends.
RefreshToken begin_refresh_tokens(Context& context, std::string_view device_id);

/// Exchanges `token` for its successor, by the table above. Errors: all of RefreshError; then nothing is changed.
/// To be called within a transaction.
std::expected<RefreshToken, RefreshError> rotate_refresh_token(Context& context, std::string_view device_id,
                                                               std::string_view token);

/// What `device_id` has got last is good for kRenewal from now on, however old; until its successor has arrived.
void renew_refresh_token(Context& context, std::string_view device_id);
/// The devices that are not revoked and whose token has expired.
std::set<std::string> expired_devices(Context& context);

/// An access token of `generation` was presented: false when it was issued before the last registration. One of the
/// current generation ends the previous refresh token. A later generation than the current one is good, as its
/// signature is ours: the database was brought back from a backup.
bool accept_generation(Database& database, std::string_view device_id, std::int64_t generation);

}  // namespace bamgate::hub
