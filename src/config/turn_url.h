// The URL of a TURN server (RFC 7065), as [turn] in config.toml and secrets.toml names it: turn:HOST[:PORT] by UDP,
// with ?transport=tcp by TCP; turns:HOST[:PORT] by TLS. Left out: DTLS (turns: with ?transport=udp), international host
// names.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "config/error.h"

namespace bamgate::config {

struct TurnUrl {
  bool tls = false;
  bool tcp = false;  // also with TLS
  std::string host;  // in lower case; an IPv6 address without brackets
  std::uint16_t port = 3478;

  bool operator==(const TurnUrl&) const = default;
};

/// Errors: kSyntax, kBadValue; each says what to write instead.
[[nodiscard]] std::expected<TurnUrl, ConfigError> parse_turn_url(std::string_view text);
/// Whether both name the same server and way to it, however they are written.
[[nodiscard]] bool is_same_turn_url(std::string_view left, std::string_view right);

}  // namespace bamgate::config
