#include "hub/join_tokens.h"

#include <array>

#include "core/encoding.h"

namespace bamgate::hub {
namespace {

std::vector<std::byte> join_hash(Crypto& crypto, std::string_view token) {
  return blob(crypto.sha256({as_bytes("join:"), as_bytes(token)}));
}

void forget_ended(Database& database, UnixTime unix_now) {
  database.run("DELETE FROM join_tokens WHERE expires_at <= ?1", unix_now.seconds);
  database.run("DELETE FROM join_token_uses WHERE hash NOT IN (SELECT hash FROM join_tokens)");
}

}  // namespace

std::expected<JoinToken, Error> create_join_token(Database& database, Crypto& crypto, Random& random, UnixTime unix_now,
                                                  std::string_view owner, std::int64_t uses, std::int64_t ttl_s) {
  if (uses < 1 || uses > kMaxJoinUses) return std::unexpected(Error::kBadUses);
  if (ttl_s < 1 || ttl_s > kMaxJoinLifetime) return std::unexpected(Error::kBadLifetime);
  std::array<std::byte, kJoinTokenBytes> bytes{};
  random.fill(bytes);
  JoinToken token{to_hex(bytes), UnixTime{unix_now.seconds + ttl_s}, uses};
  bool too_many = false;
  const bool committed = database.transaction([&] {
    forget_ended(database, unix_now);
    const auto count = database.one("SELECT COUNT(*) FROM join_tokens WHERE used < uses");
    too_many = count && count->integer(0) >= kMaxJoinTokens;
    if (!count || too_many) return false;
    database.run("INSERT INTO join_tokens(hash, owner, uses, used, expires_at) VALUES(?1, ?2, ?3, 0, ?4)",
                 join_hash(crypto, token.token), std::string(owner), uses, token.expires_at.seconds);
    return true;
  });
  if (too_many) return std::unexpected(Error::kTooManyTokens);
  if (!committed) return std::unexpected(Error::kDatabase);
  return token;
}

JoinCheck check_join_token(Database& database, Crypto& crypto, UnixTime unix_now, std::string_view token,
                           std::string_view public_key) {
  JoinCheck check;
  // The lookup is by hash: how long it takes tells nothing about the token.
  const auto hash = join_hash(crypto, token);
  const auto row = database.one("SELECT owner, uses, used, expires_at FROM join_tokens WHERE hash = ?1", hash);
  if (!row) return check;
  check.owner = row->text(0);
  if (row->integer(3) <= unix_now.seconds) {
    check.verdict = JoinVerdict::kExpired;
    return check;
  }
  check.verdict = row->integer(2) < row->integer(1) ? JoinVerdict::kFresh : JoinVerdict::kUsedUp;
  if (public_key.empty()) return check;
  // A device that was revoked since, or taken over with another key, must not come back by a token that is used up.
  const auto use = database.one(
      "SELECT device_id FROM join_token_uses JOIN devices ON devices.id = device_id AND devices.revoked_at IS NULL"
      " AND devices.public_key = join_token_uses.public_key WHERE hash = ?1 AND join_token_uses.public_key = ?2",
      hash, std::string(public_key));
  if (use) {
    check.verdict = JoinVerdict::kPresented;
    check.device_id = use->text(0);
  }
  return check;
}

void consume_join_token(Database& database, Crypto& crypto, std::string_view token, JoinVerdict verdict,
                        std::string_view public_key, std::string_view device_id) {
  const auto hash = join_hash(crypto, token);
  if (verdict != JoinVerdict::kPresented) {
    database.run("UPDATE join_tokens SET used = used + 1 WHERE hash = ?1", hash);
  }
  if (public_key.empty()) return;
  database.run("INSERT OR REPLACE INTO join_token_uses(hash, public_key, device_id) VALUES(?1, ?2, ?3)", hash,
               std::string(public_key), std::string(device_id));
}

}  // namespace bamgate::hub
