#include "stun/uri.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "core/ip_address.h"

namespace bamgate::stun {
namespace {

// RFC 7064 §3.2, RFC 7065 §3.2: the default port with TLS.
constexpr std::uint16_t kDefaultTlsPort = 5349;
constexpr std::size_t kLongestHost = 253;

bool equal_ignoring_case(std::string_view text, std::string_view lower) {
  const auto same = [](char left, char right) {
    return (left >= 'A' && left <= 'Z' ? static_cast<char>(left - 'A' + 'a') : left) == right;
  };
  return std::ranges::equal(text, lower, same);
}

std::optional<Scheme> parse_scheme(std::string_view text) {
  if (equal_ignoring_case(text, "stun")) return Scheme::kStun;
  if (equal_ignoring_case(text, "stuns")) return Scheme::kStuns;
  if (equal_ignoring_case(text, "turn")) return Scheme::kTurn;
  if (equal_ignoring_case(text, "turns")) return Scheme::kTurns;
  return std::nullopt;
}

bool is_secure(Scheme scheme) { return scheme == Scheme::kStuns || scheme == Scheme::kTurns; }
bool is_turn(Scheme scheme) { return scheme == Scheme::kTurn || scheme == Scheme::kTurns; }
UriTransport default_transport(Scheme scheme) { return is_secure(scheme) ? UriTransport::kTcp : UriTransport::kUdp; }

std::string_view scheme_name(Scheme scheme) {
  switch (scheme) {
    case Scheme::kStun:
      return "stun";
    case Scheme::kStuns:
      return "stuns";
    case Scheme::kTurn:
      return "turn";
    case Scheme::kTurns:
      return "turns";
  }
  return "stun";
}

bool is_host_name(std::string_view host) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_';
  };
  return !host.empty() && host.size() <= kLongestHost && std::ranges::all_of(host, allowed);
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// RFC 3986 §2.1, §3.2.2: "%" and two hex digits stand for one byte.
std::optional<std::string> decode_percent(std::string_view text) {
  std::string decoded;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    if (text.size() - i < 3 || hex_digit(text[i + 1]) < 0 || hex_digit(text[i + 2]) < 0) return std::nullopt;
    decoded += static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
    i += 2;
  }
  return decoded;
}

// Takes the host off the front of `rest`, without brackets; what is left is the port with its colon, or nothing.
std::optional<std::string> take_host(std::string_view& rest) {
  if (rest.starts_with('[')) {
    const std::size_t end = rest.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view host = rest.substr(1, end - 1);
    const auto address = IpAddress::parse(host);
    if (!address || !address->is_v6()) return std::nullopt;
    rest.remove_prefix(end + 1);
    return std::string(host);
  }
  const std::string_view raw = rest.substr(0, rest.find(':'));
  auto host = decode_percent(raw);
  // RFC 3986 §3.2.2: other bytes than these would have to be an internationalised name, which is not resolved here.
  if (!host || !is_host_name(*host)) return std::nullopt;
  rest.remove_prefix(raw.size());
  return host;
}

std::optional<std::uint16_t> parse_port(std::string_view digits) {
  std::uint16_t port = 0;
  const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc{} || stop != digits.data() + digits.size() || port == 0) return std::nullopt;
  return port;
}

}  // namespace

std::expected<Uri, Error> Uri::parse(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return std::unexpected(Error::kBadUri);
  const auto scheme = parse_scheme(text.substr(0, colon));
  if (!scheme) return std::unexpected(Error::kBadUri);
  Uri uri;
  uri.scheme = *scheme;
  uri.port = is_secure(*scheme) ? kDefaultTlsPort : kDefaultPort;
  uri.transport = default_transport(*scheme);

  std::string_view rest = text.substr(colon + 1);
  if (const std::size_t query = rest.find('?'); query != std::string_view::npos) {
    const std::string_view option = rest.substr(query + 1);
    // RFC 7064 §3.1, RFC 7065 §3.1: only turn: and turns: know a transport, and this is all that may be asked.
    if (!is_turn(*scheme)) return std::unexpected(Error::kBadUri);
    if (equal_ignoring_case(option, "transport=udp")) {
      uri.transport = UriTransport::kUdp;
    } else if (equal_ignoring_case(option, "transport=tcp")) {
      uri.transport = UriTransport::kTcp;
    } else {
      return std::unexpected(Error::kBadUri);
    }
    rest = rest.substr(0, query);
  }
  const auto host = take_host(rest);
  if (!host) return std::unexpected(Error::kBadUri);
  uri.host = *host;
  // RFC 3986 §3.2.3: a port may be empty, which makes it the default.
  if (!rest.empty() && rest != ":") {
    const auto port = rest.front() == ':' ? parse_port(rest.substr(1)) : std::nullopt;
    if (!port) return std::unexpected(Error::kBadUri);
    uri.port = *port;
  }
  return uri;
}

std::string Uri::to_string() const {
  std::string text(scheme_name(scheme));
  text += ':';
  text += host.find(':') == std::string::npos ? host : "[" + host + "]";
  text += ':' + std::to_string(port);
  if (transport != default_transport(scheme))
    text += transport == UriTransport::kUdp ? "?transport=udp" : "?transport=tcp";
  return text;
}

}  // namespace bamgate::stun
