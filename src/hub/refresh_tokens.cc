#include "hub/refresh_tokens.h"

#include <array>
#include <vector>

#include "core/encoding.h"

namespace bamgate::hub {
namespace {

std::string random_token(Random& random) {
  std::array<std::byte, kRefreshTokenBytes> bytes{};
  random.fill(bytes);
  std::string token = to_hex(bytes);
  wipe(bytes);
  return token;
}

std::vector<std::byte> hash_of(Crypto& crypto, std::string_view token) {
  return blob(crypto.sha256({as_bytes(token)}));
}

/// Writes the successor; `previous` is what stays valid besides it.
RefreshToken replace_current(Database& database, Crypto& crypto, Random& random, UnixTime unix_now,
                             std::string_view device_id, std::int64_t generation, Bytes previous,
                             std::int64_t previous_expires_at) {
  RefreshToken next{random_token(random), generation};
  database.run(
      "UPDATE refresh_tokens SET generation = ?2, hash = ?3, expires_at = ?4, previous_hash = ?5,"
      " previous_expires_at = ?6 WHERE device_id = ?1",
      std::string(device_id), generation, hash_of(crypto, next.token), unix_now.seconds + kRefreshTokenLifetime,
      blob(previous), previous_expires_at);
  return next;
}

}  // namespace

RefreshToken begin_refresh_tokens(Database& database, Crypto& crypto, Random& random, UnixTime unix_now,
                                  std::string_view device_id) {
  const auto row = database.one("SELECT generation FROM refresh_tokens WHERE device_id = ?1", std::string(device_id));
  RefreshToken first{random_token(random), row ? row->integer(0) + 1 : 1};
  database.run(
      "INSERT OR REPLACE INTO refresh_tokens(device_id, generation, first_generation, hash, expires_at)"
      " VALUES(?1, ?2, ?2, ?3, ?4)",
      std::string(device_id), first.generation, hash_of(crypto, first.token), unix_now.seconds + kRefreshTokenLifetime);
  return first;
}

std::expected<RefreshToken, RefreshError> rotate_refresh_token(Database& database, Crypto& crypto, Random& random,
                                                               UnixTime unix_now, std::string_view device_id,
                                                               std::string_view token) {
  const auto row = database.one(
      "SELECT generation, hash, expires_at, previous_hash, previous_expires_at FROM refresh_tokens WHERE device_id = "
      "?1",
      std::string(device_id));
  if (!row) return std::unexpected(RefreshError::kNone);
  const auto presented = hash_of(crypto, token);
  const bool is_current = constant_time_equal(presented, row->blob(1));
  const bool is_previous = !row->is_null(3) && constant_time_equal(presented, row->blob(3));
  if (!is_current && !is_previous) return std::unexpected(RefreshError::kInvalid);
  const std::int64_t expires_at = row->integer(is_current ? 2 : 4);
  if (expires_at <= unix_now.seconds) return std::unexpected(RefreshError::kExpired);
  return replace_current(database, crypto, random, unix_now, device_id, row->integer(0) + 1, presented, expires_at);
}

bool accept_generation(Database& database, std::string_view device_id, std::int64_t generation) {
  const auto row =
      database.one("SELECT generation, first_generation, previous_hash FROM refresh_tokens WHERE device_id = ?1",
                   std::string(device_id));
  if (!row || generation < row->integer(1) || generation > row->integer(0)) return false;
  if (generation == row->integer(0) && !row->is_null(2)) {
    database.run(
        "UPDATE refresh_tokens SET previous_hash = NULL, previous_expires_at = NULL"
        " WHERE device_id = ?1 AND generation = ?2",
        std::string(device_id), generation);
  }
  return true;
}

}  // namespace bamgate::hub
