#include "hub/join_tokens.h"

#include <array>

#include "core/device_name.h"
#include "core/encoding.h"

namespace bamgate::hub {
namespace {

// An id is the beginning of the hash, so that tokens of every age have one; it tells nothing about the token.
#define BAMGATE_TOKEN_ID "lower(hex(substr(hash, 1, 8)))"

std::vector<std::byte> join_hash(Crypto& crypto, std::string_view token) {
  return blob(crypto.sha256({as_bytes("join:"), as_bytes(token)}));
}

std::string id_of(Bytes hash) { return to_hex(hash.first(8)); }

/// By the hub's own clock alone: the machine's may be wrong.
void forget_ended(Database& database, UnixTime lived) {
  database.run("DELETE FROM join_tokens WHERE lived_until <= ?1", lived.seconds);
  database.run("DELETE FROM join_token_uses WHERE hash NOT IN (SELECT hash FROM join_tokens)");
}

}  // namespace

std::expected<JoinToken, Error> create_join_token(Context& context, const JoinGrant& grant, std::string_view owner,
                                                  std::string_view made_by) {
  if (grant.uses < 1 || grant.uses > kMaxJoinUses) return std::unexpected(Error::kBadUses);
  if (grant.ttl_s < 1 || grant.ttl_s > kMaxJoinLifetime) return std::unexpected(Error::kBadLifetime);
  if (!grant.name.empty() && !is_device_name(grant.name)) return std::unexpected(Error::kBadName);
  std::array<std::byte, kJoinTokenBytes> bytes{};
  context.random.fill(bytes);
  const UnixTime now = context.clock.wall();
  const UnixTime lived = context.clock.lived();
  JoinToken token{to_hex(bytes), {}, UnixTime{now.seconds + grant.ttl_s}, grant.uses};
  const auto hash = join_hash(context.crypto, token.token);
  token.id = id_of(hash);
  Database& database = context.database;
  bool too_many = false;
  const bool committed = database.transaction([&] {
    forget_ended(database, lived);
    const auto count = database.one("SELECT COUNT(*) FROM join_tokens WHERE used < uses");
    too_many = count && count->integer(0) >= kMaxJoinTokens;
    if (!count || too_many) return false;
    database.run(
        "INSERT INTO join_tokens(hash, owner, uses, used, expires_at, role, name, made_by, created_at, lived_until)"
        " VALUES(?1, ?2, ?3, 0, ?4, ?5, ?6, ?7, ?8, ?9)",
        hash, std::string(owner), grant.uses, token.expires_at.seconds,
        std::string(to_string(grant.admin ? Role::kAdmin : Role::kMember)), text_or_null(grant.name),
        std::string(made_by), now.seconds, lived.seconds + grant.ttl_s);
    return true;
  });
  if (too_many) return std::unexpected(Error::kTooManyTokens);
  if (!committed) return std::unexpected(Error::kDatabase);
  return token;
}

JoinCheck check_join_token(Context& context, std::string_view token, std::string_view public_key) {
  JoinCheck check;
  // The lookup is by hash: how long it takes tells nothing about the token.
  const auto hash = join_hash(context.crypto, token);
  const auto row = context.database.one(
      "SELECT owner, uses, used, expires_at, lived_until, role, name FROM join_tokens WHERE hash = ?1", hash);
  if (!row) return check;
  check.owner = row->text(0);
  check.role = parse_role(row->text(5)).value_or(Role::kMember);
  check.name = row->text(6);
  if (row->integer(3) <= context.clock.wall().seconds || row->integer(4) <= context.clock.lived().seconds) {
    check.verdict = JoinVerdict::kExpired;
    return check;
  }
  check.verdict = row->integer(2) < row->integer(1) ? JoinVerdict::kFresh : JoinVerdict::kUsedUp;
  if (public_key.empty()) return check;
  // A device that was revoked since, or taken over with another key, must not come back by a token that is used up.
  const auto use = context.database.one(
      "SELECT device_id FROM join_token_uses JOIN devices ON devices.id = device_id AND devices.revoked_at IS NULL"
      " AND devices.public_key = join_token_uses.public_key WHERE hash = ?1 AND join_token_uses.public_key = ?2",
      hash, std::string(public_key));
  if (use) {
    check.verdict = JoinVerdict::kPresented;
    check.device_id = use->text(0);
  }
  return check;
}

void consume_join_token(Context& context, std::string_view token, JoinVerdict verdict, std::string_view public_key,
                        std::string_view device_id) {
  const auto hash = join_hash(context.crypto, token);
  if (verdict != JoinVerdict::kPresented) {
    context.database.run("UPDATE join_tokens SET used = used + 1 WHERE hash = ?1", hash);
  }
  if (public_key.empty()) return;
  context.database.run("INSERT OR REPLACE INTO join_token_uses(hash, public_key, device_id) VALUES(?1, ?2, ?3)", hash,
                       std::string(public_key), std::string(device_id));
}

std::vector<ListedToken> list_join_tokens(Context& context) {
  std::vector<ListedToken> tokens;
  for (const Row& row : context.database.run(
           "SELECT " BAMGATE_TOKEN_ID ", made_by, devices.name, join_tokens.role, join_tokens.name, uses - used, "
           "join_tokens.created_at, expires_at"
           " FROM join_tokens LEFT JOIN devices ON devices.id = made_by WHERE expires_at > ?1 AND lived_until > ?2"
           " ORDER BY join_tokens.created_at DESC, hash",
           context.clock.wall().seconds, context.clock.lived().seconds)) {
    tokens.push_back({row.text(0), row.text(1), row.text(2), parse_role(row.text(3)).value_or(Role::kMember),
                      row.text(4), row.integer(5), UnixTime{row.integer(6)}, UnixTime{row.integer(7)}});
  }
  return tokens;
}

bool withdraw_join_token(Database& database, std::string_view id) {
  return database.one("DELETE FROM join_tokens WHERE " BAMGATE_TOKEN_ID " = ?1 RETURNING 1", std::string(id))
      .has_value();
}

std::size_t end_join_tokens_of(Database& database, std::string_view device_id) {
  return database
      .run(
          "DELETE FROM join_tokens WHERE made_by = ?1 OR (made_by IS NULL AND EXISTS"
          " (SELECT 1 FROM devices WHERE id = ?1 AND before_roles)) RETURNING 1",
          std::string(device_id))
      .size();
}

}  // namespace bamgate::hub
