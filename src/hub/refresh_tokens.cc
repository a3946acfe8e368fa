#include "hub/refresh_tokens.h"

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "core/encoding.h"
#include "core/reader.h"
#include "core/writer.h"

namespace bamgate::hub {
namespace {

using Generation = std::array<std::byte, sizeof(std::uint64_t)>;
constexpr std::size_t kTagBytes = kRefreshTokenBytes - sizeof(Generation);

/// Hides or shows a generation: what it is mixed with depends on the tag beside it, so equal ones look unlike.
Generation mix(Context& context, std::string_view device_id, Bytes tag, Generation generation) {
  Sha256Digest mask = context.crypto.hmac_sha256(context.settings.master_secret.bytes(),
                                                 {as_bytes("refresh generation:"), as_bytes(device_id), tag});
  for (std::size_t at = 0; at < generation.size(); ++at) generation[at] ^= mask[at];
  wipe(mask);
  return generation;
}

RefreshToken make_token(Context& context, std::string_view device_id, std::int64_t generation) {
  Sha256Digest mac = context.crypto.hmac_sha256(
      context.settings.master_secret.bytes(),
      {as_bytes("refresh:"), as_bytes(device_id), as_bytes(":" + std::to_string(generation))});
  const Bytes tag = Bytes(mac).first(kTagBytes);
  Generation number{};
  Writer(number).u64(static_cast<std::uint64_t>(generation));
  RefreshToken token{to_hex(mix(context, device_id, tag, number)) + to_hex(tag), generation};
  wipe(mac);
  return token;
}

/// The generation of a token that is later than `known`; nullopt when it is none of ours. It costs three digests,
/// whatever is presented.
std::optional<std::int64_t> find_later(Context& context, std::string_view device_id, std::int64_t known,
                                       std::string_view token) {
  const auto bytes = from_hex(token);
  if (!bytes || bytes->size() != kRefreshTokenBytes) return std::nullopt;
  Generation hidden{};
  copy_bytes(Bytes(*bytes).first(hidden.size()), hidden);
  const Generation number = mix(context, device_id, Bytes(*bytes).subspan(hidden.size()), hidden);
  const auto generation = static_cast<std::int64_t>(Reader(number).u64());
  if (generation <= known) return std::nullopt;
  const RefreshToken later = make_token(context, device_id, generation);
  if (!constant_time_equal(as_bytes(later.token), as_bytes(token))) return std::nullopt;
  return generation;
}

std::vector<std::byte> refresh_hash(Crypto& crypto, std::string_view token) {
  return blob(crypto.sha256({as_bytes(token)}));
}

}  // namespace

RefreshToken begin_refresh_tokens(Context& context, std::string_view device_id) {
  const auto row =
      context.database.one("SELECT generation FROM refresh_tokens WHERE device_id = ?1", std::string(device_id));
  RefreshToken first = make_token(context, device_id, row ? row->integer(0) + 1 : 1);
  context.database.run(
      "INSERT OR REPLACE INTO refresh_tokens(device_id, generation, first_generation, hash, issued_at)"
      " VALUES(?1, ?2, ?2, ?3, ?4)",
      std::string(device_id), first.generation, refresh_hash(context.crypto, first.token),
      context.clock.lived().seconds);
  return first;
}

std::expected<RefreshToken, RefreshError> rotate_refresh_token(Context& context, std::string_view device_id,
                                                               std::string_view token) {
  const auto row = context.database.one(
      "SELECT generation, hash, issued_at, previous_hash, previous_issued_at, renewed_until FROM refresh_tokens"
      " WHERE device_id = ?1",
      std::string(device_id));
  if (!row) return std::unexpected(RefreshError::kNone);
  const auto presented = refresh_hash(context.crypto, token);
  const bool is_current = constant_time_equal(presented, row->blob(1));
  const bool is_previous = !row->is_null(3) && constant_time_equal(presented, row->blob(3));
  std::int64_t generation = row->integer(0);
  if (!is_current && !is_previous) {
    const auto later = find_later(context, device_id, generation, token);
    if (!later) return std::unexpected(RefreshError::kInvalid);
    generation = *later;
  }
  const std::int64_t lived = context.clock.lived().seconds;
  const std::int64_t issued_at = row->integer(is_previous ? 4 : 2);
  const bool is_old = issued_at + context.settings.device_lifetime <= lived;
  if (is_old && row->integer(5) <= lived) return std::unexpected(RefreshError::kExpired);
  RefreshToken next = make_token(context, device_id, generation + 1);
  // A renewal serves as long as the reply may be lost: until a token that needs none is presented.
  context.database.run(
      "UPDATE refresh_tokens SET generation = ?2, hash = ?3, issued_at = ?4, previous_hash = ?5,"
      " previous_issued_at = ?6, renewed_until = CASE WHEN ?7 THEN renewed_until END WHERE device_id = ?1",
      std::string(device_id), next.generation, refresh_hash(context.crypto, next.token), lived, presented, issued_at,
      std::int64_t{is_old});
  return next;
}

void renew_refresh_token(Context& context, std::string_view device_id) {
  context.database.run("UPDATE refresh_tokens SET renewed_until = ?2 WHERE device_id = ?1", std::string(device_id),
                       context.clock.lived().seconds + kRenewal);
}

std::set<std::string> expired_devices(Context& context) {
  std::set<std::string> devices;
  const std::int64_t lived = context.clock.lived().seconds;
  for (const Row& row : context.database.run(
           "SELECT device_id FROM refresh_tokens WHERE issued_at <= ?1 AND COALESCE(renewed_until, 0) <= ?2",
           lived - context.settings.device_lifetime, lived)) {
    devices.insert(row.text(0));
  }
  return devices;
}

bool accept_generation(Database& database, std::string_view device_id, std::int64_t generation) {
  const auto row =
      database.one("SELECT generation, first_generation, previous_hash FROM refresh_tokens WHERE device_id = ?1",
                   std::string(device_id));
  if (!row || generation < row->integer(1)) return false;
  if (generation == row->integer(0) && !row->is_null(2)) {
    // On a full disk it ends later, which locks nobody out.
    database.try_run(
        "UPDATE refresh_tokens SET previous_hash = NULL, previous_issued_at = NULL, renewed_until = NULL"
        " WHERE device_id = ?1 AND generation = ?2",
        std::string(device_id), generation);
  }
  return true;
}

}  // namespace bamgate::hub
