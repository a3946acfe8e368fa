// URLs as far as a client of a hub needs them: http, https, ws, wss, a host, a port, a path with query (RFC 3986
// subset). Left out: user names, fragments (they are refused).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace bamgate::net {

/// Where a request goes.
struct Url {
  Url() = default;  // see HttpCall
  Url(bool with_tls, std::string at, std::uint16_t to, std::string path)
      : tls(with_tls), host(std::move(at)), port(to), target(std::move(path)) {}

  bool tls = true;
  std::string host;          // a name or an address, IPv6 without brackets
  std::uint16_t port = 443;  // host byte order
  std::string target = "/";  // path and query, as it stands in the request line

  /// Reads "https://host[:port][/path?query]" and the same with http, ws or wss; nullopt for anything else, also for
  /// characters that may not stand in a request line.
  static std::optional<Url> parse(std::string_view text);
  /// The form that parse() reads, with https or http as scheme.
  std::string to_string() const;
  /// "host" or "host:port", as in the Host field (RFC 9110 §7.2): IPv6 in brackets, the default port left out.
  std::string authority() const;
  /// The same server with another target.
  Url with_target(std::string_view target) const;
};

}  // namespace bamgate::net
