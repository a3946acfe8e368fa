// stun:, stuns:, turn: and turns: URIs (RFC 7064, RFC 7065). Resolving the host is the caller's part.
// Leaves out names that are not ASCII (they must come as A-labels), IPv6 zones, and transports other than udp and tcp.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "stun/error.h"

namespace bamgate::stun {

/// RFC 8489 §18.6: where STUN is answered unless something else is said; over UDP and TCP, without TLS.
inline constexpr std::uint16_t kDefaultPort = 3478;

enum class Scheme : std::uint8_t { kStun, kStuns, kTurn, kTurns };
enum class UriTransport : std::uint8_t { kUdp, kTcp };

struct Uri {
  Scheme scheme = Scheme::kStun;
  std::string host;  // a name or an address; IPv6 without its brackets
  std::uint16_t port = 0;
  UriTransport transport = UriTransport::kUdp;  // what ?transport= says, else UDP, or TCP for the schemes with TLS

  /// Schemes and transports are compared without case; a host may be percent-encoded. The default port is 3478, 5349
  /// with TLS. Error: kBadUri.
  static std::expected<Uri, Error> parse(std::string_view text);
  /// The form that parse() reads, always with port; ?transport= only where it differs from the default.
  std::string to_string() const;

  bool operator==(const Uri&) const = default;
};

}  // namespace bamgate::stun
