#include "net/url.h"

#include <charconv>

#include "core/ip_address.h"

namespace bamgate::net {
namespace {

// RFC 1035 §2.3.4.
constexpr std::size_t kMaxHost = 255;
constexpr std::size_t kMaxUrl = 8 * 1024;

bool is_url_target(std::string_view text) {
  for (const char c : text) {
    if (c <= ' ' || c >= 0x7f || c == '#') return false;
  }
  return true;
}

bool is_host_name(std::string_view text) {
  if (text.empty() || text.size() > kMaxHost) return false;
  for (const char c : text) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!letter && !(c >= '0' && c <= '9') && c != '-' && c != '.' && c != '_') return false;
  }
  return true;
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port == 0) return std::nullopt;
  return port;
}

/// Splits "host:port" or "[v6]:port" into `url`.
bool parse_authority(std::string_view text, Url& url) {
  std::string_view port;
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    if (end == text.npos) return false;
    url.host = text.substr(1, end - 1);
    const auto address = IpAddress::parse(url.host);
    if (!address || !address->is_v6()) return false;
    text.remove_prefix(end + 1);
    if (!text.empty() && !text.starts_with(':')) return false;
    port = text;
  } else {
    const std::size_t colon = text.find(':');
    url.host = text.substr(0, colon);
    if (!is_host_name(url.host)) return false;
    if (colon != text.npos) port = text.substr(colon);
  }
  if (port.empty()) return true;
  const auto number = parse_port(port.substr(1));
  if (number) url.port = *number;
  return number.has_value();
}

}  // namespace

std::optional<Url> Url::parse(std::string_view text) {
  if (text.size() > kMaxUrl) return std::nullopt;
  const std::size_t scheme_end = text.find("://");
  if (scheme_end == text.npos) return std::nullopt;
  const std::string_view scheme = text.substr(0, scheme_end);
  Url url;
  url.tls = scheme == "https" || scheme == "wss";
  if (!url.tls && scheme != "http" && scheme != "ws") return std::nullopt;
  url.port = url.tls ? 443 : 80;
  text.remove_prefix(scheme_end + 3);
  const std::size_t authority_end = text.find_first_of("/?#");
  if (!parse_authority(text.substr(0, authority_end), url)) return std::nullopt;
  if (authority_end == text.npos) return url;
  const std::string_view target = text.substr(authority_end);
  if (!is_url_target(target)) return std::nullopt;
  url.target = target.starts_with('/') ? std::string(target) : "/" + std::string(target);
  return url;
}

std::string Url::authority() const {
  const std::string name = host.find(':') == host.npos ? host : "[" + host + "]";
  return port == (tls ? 443 : 80) ? name : name + ":" + std::to_string(port);
}

std::string Url::to_string() const { return (tls ? "https://" : "http://") + authority() + target; }

Url Url::with_target(std::string_view other) const {
  Url url = *this;
  url.target = other;
  return url;
}

}  // namespace bamgate::net
