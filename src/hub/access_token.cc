#include "hub/access_token.h"

#include <algorithm>
#include <optional>

#include "core/encoding.h"
#include "json/parse.h"
#include "json/write.h"

namespace bamgate::hub {
namespace {

/// Longest token that is looked at, in characters; ours have about 350.
constexpr std::size_t kMaxToken = 4096;

std::optional<json::Value> read_part(std::string_view part) {
  const auto bytes = from_base64url(part);
  if (!bytes) return std::nullopt;
  auto value = json::parse(as_text(*bytes));
  if (!value || value->as_object() == nullptr) return std::nullopt;
  return std::move(*value);
}

std::string write_part(json::Object object) { return to_base64url(as_bytes(json::write(std::move(object)))); }

std::optional<AccessClaims> read_claims(std::string_view part) {
  const auto value = read_part(part);
  if (!value) return std::nullopt;
  const auto* device_id = value->get_string("sub");
  const auto* owner = value->get_string("owner");
  const auto* network = value->get_string("net");
  const auto generation = value->get_int("gen");
  const auto issued_at = value->get_int("iat");
  const auto expires_at = value->get_int("exp");
  if (device_id == nullptr || owner == nullptr || network == nullptr) return std::nullopt;
  if (!generation || !issued_at || !expires_at) return std::nullopt;
  return AccessClaims{*device_id, *owner, *network, *generation, UnixTime{*issued_at}, UnixTime{*expires_at}};
}

}  // namespace

std::string_view to_string(TokenError error) {
  switch (error) {
    case TokenError::kMalformed:
      return "not an access token";
    case TokenError::kAlgorithm:
      return "signed with another algorithm than HS256";
    case TokenError::kUnknownKey:
      return "signed with an unknown key";
    case TokenError::kBadSignature:
      return "wrong signature";
    case TokenError::kNotYetValid:
      return "issued in the future";
    case TokenError::kExpired:
      return "expired";
  }
  return "unknown error";
}

std::string write_access_token(Crypto& crypto, const SigningKey& key, const AccessClaims& claims) {
  std::string token = write_part({{"alg", "HS256"}, {"typ", "JWT"}, {"kid", key.kid}});
  token += '.';
  token += write_part({{"sub", claims.device_id},
                       {"owner", claims.owner},
                       {"net", claims.network},
                       {"gen", claims.generation},
                       {"iat", claims.issued_at.seconds},
                       {"exp", claims.expires_at.seconds}});
  // RFC 7515 §5.1: the signing input is the encoded header, a dot and the encoded payload.
  const Sha256Digest signature = crypto.hmac_sha256(key.secret.bytes(), {as_bytes(token)});
  token += '.';
  return token + to_base64url(signature);
}

std::expected<AccessClaims, TokenError> read_access_token(Crypto& crypto, std::span<const SigningKey> keys,
                                                          std::string_view token, UnixTime unix_now) {
  const std::size_t first_dot = token.find('.');
  const std::size_t last_dot = token.rfind('.');
  if (token.size() > kMaxToken || first_dot == std::string_view::npos || first_dot == last_dot) {
    return std::unexpected(TokenError::kMalformed);
  }
  const auto header = read_part(token.substr(0, first_dot));
  const auto signature = from_base64url(token.substr(last_dot + 1));
  if (!header || !signature) return std::unexpected(TokenError::kMalformed);
  // RFC 8725 §3.1: the algorithm is ours to choose, never the token's. RFC 7515 §4.1.11: `crit` names what must be
  // understood, and nothing of it is here.
  const auto* algorithm = header->get_string("alg");
  if (algorithm == nullptr || *algorithm != "HS256" || header->find("crit") != nullptr) {
    return std::unexpected(TokenError::kAlgorithm);
  }
  const auto* kid = header->get_string("kid");
  const auto key = std::ranges::find_if(keys, [&](const SigningKey& one) { return kid != nullptr && one.kid == *kid; });
  if (key == keys.end()) return std::unexpected(TokenError::kUnknownKey);
  const Sha256Digest expected = crypto.hmac_sha256(key->secret.bytes(), {as_bytes(token.substr(0, last_dot))});
  if (!constant_time_equal(expected, *signature)) return std::unexpected(TokenError::kBadSignature);
  auto claims = read_claims(token.substr(first_dot + 1, last_dot - first_dot - 1));
  if (!claims) return std::unexpected(TokenError::kMalformed);
  // RFC 7519 §4.1.6: `iat` tells the age. One from the future was signed while the clock was wrong, and would outlive
  // its hour.
  if (claims->issued_at.seconds > unix_now.seconds + kClockLeeway) return std::unexpected(TokenError::kNotYetValid);
  // RFC 7519 §4.1.4: the current time must be before `exp`.
  if (claims->expires_at <= unix_now) return std::unexpected(TokenError::kExpired);
  return std::move(*claims);
}

}  // namespace bamgate::hub
