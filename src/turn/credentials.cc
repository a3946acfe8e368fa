#include "turn/credentials.h"

#include <charconv>

#include "core/device_name.h"
#include "core/encoding.h"

namespace bamgate::turn {

std::string hub_username(UnixTime expires, std::string_view device) {
  return std::to_string(expires.seconds) + ":" + std::string(device);
}

std::optional<HubUsername> parse_hub_username(std::string_view username) {
  const std::size_t colon = username.find(':');
  if (colon == std::string_view::npos || username[0] < '1' || username[0] > '9') return std::nullopt;
  const std::string_view device = username.substr(colon + 1);
  const char* const end = username.data() + colon;
  std::int64_t seconds = 0;
  const auto read = std::from_chars(username.data(), end, seconds);
  if (read.ec != std::errc() || read.ptr != end || !is_device_name(device)) return std::nullopt;
  return HubUsername{.expires = {seconds}, .device = device};
}

SecretText hub_password(Crypto& crypto, std::string_view turn_secret, std::string_view username) {
  Sha1Digest digest = crypto.hmac_sha1(as_bytes(turn_secret), {as_bytes(username)});
  std::string text = to_base64(digest);
  SecretText password(text);
  wipe(digest);
  wipe(std::as_writable_bytes(std::span(text)));
  return password;
}

Credentials HubCredentials::issue(Crypto& crypto, UnixTime now) const {
  std::string username = hub_username({now.seconds + kLifetime.count()}, device_);
  SecretText password = hub_password(crypto, secret_.view(), username);
  return {.username = std::move(username), .password = std::move(password)};
}

bool HubCredentials::due(UnixTime now, std::string_view username) {
  const auto parsed = parse_hub_username(username);
  return !parsed || parsed->expires.seconds - now.seconds <= kMargin.count();
}

}  // namespace bamgate::turn
