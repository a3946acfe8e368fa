// The URL of a hub (RFC 3986, as far as hubs need it): http, https, ws or wss, host, port, path.
// Left out: user names, fragments, percent-encoding (the text is kept as it is), international host names.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "config/error.h"

namespace bamgate::config {

struct Url {
  enum class Scheme { kHttp, kHttps, kWs, kWss };
  Scheme scheme = Scheme::kHttps;
  std::string host;  // in lower case; an IPv6 address without brackets
  std::uint16_t port = 443;
  std::string path = "/";  // with the query; begins with '/'

  /// Whether TLS is spoken.
  bool secure() const { return scheme == Scheme::kHttps || scheme == Scheme::kWss; }
  /// "host", or "host:port" where the port is not the scheme's own: what a Host header says. IPv6 stands in brackets.
  std::string authority() const;
  /// The form that parse_url() reads, without the scheme's own port and without a path that is only "/".
  std::string to_string() const;
  /// `endpoint` (which begins with '/') below this URL's path: "/connect", or "/base/connect". A query is left out.
  std::string path_of(std::string_view endpoint) const;

  bool operator==(const Url&) const = default;
};

/// Errors: kTooLarge (over 2,048 characters), kSyntax, kBadValue (the port).
[[nodiscard]] std::expected<Url, ConfigError> parse_url(std::string_view text);

}  // namespace bamgate::config
