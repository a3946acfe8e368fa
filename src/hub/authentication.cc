#include "hub/authentication.h"

#include <optional>

#include "hub/access_token.h"
#include "hub/refresh_tokens.h"
#include "hub/signing_keys.h"

namespace bamgate::hub {
namespace {

/// RFC 9110 §11.1: the scheme is compared without regard to case.
std::optional<std::string_view> bearer_token(std::string_view authorization) {
  constexpr std::string_view kScheme = "bearer ";
  if (authorization.size() <= kScheme.size()) return std::nullopt;
  for (std::size_t i = 0; i < kScheme.size(); ++i) {
    const char character = authorization[i];
    const char lower = character >= 'A' && character <= 'Z' ? static_cast<char>(character + 32) : character;
    if (lower != kScheme[i]) return std::nullopt;
  }
  return authorization.substr(kScheme.size());
}

HttpReply refused(TokenError error) {
  if (error == TokenError::kExpired) {
    return error_reply(401, "token_expired", "The access token has expired; get a new one from POST /auth/refresh.");
  }
  return error_reply(401, "invalid_token", "The access token is not one of this hub; get one from POST /auth/refresh.");
}

}  // namespace

std::expected<Login, HttpReply> authenticate(Context& context, UnixTime unix_now, std::string_view authorization) {
  const auto token = bearer_token(authorization);
  if (!token) {
    return std::unexpected(error_reply(401, "unauthorized", "Send an Authorization header with a bearer token."));
  }
  const auto claims =
      read_access_token(context.crypto, signing_keys(context.database, context.clock.lived()), *token, unix_now);
  if (!claims) return std::unexpected(refused(claims.error()));
  if (claims->network != context.settings.network_id) return std::unexpected(refused(TokenError::kUnknownKey));
  auto device = find_device(context.database, claims->device_id);
  if (!device || device->revoked_at) {
    return std::unexpected(error_reply(401, kDeviceGone, "Register this device again, with a new join token."));
  }
  if (!accept_generation(context.database, device->id, claims->generation)) {
    return std::unexpected(refused(TokenError::kUnknownKey));
  }
  return Login{std::move(*device), claims->expires_at};
}

std::string issue_access_token(Context& context, UnixTime unix_now, const Device& device, std::int64_t generation) {
  const AccessClaims claims{device.id,  device.owner, context.settings.network_id,
                            generation, unix_now,     UnixTime{unix_now.seconds + kAccessTokenLifetime}};
  const auto keys = signing_keys(context.database, context.clock.lived());
  return keys.empty() ? std::string() : write_access_token(context.crypto, keys.front(), claims);
}

}  // namespace bamgate::hub
