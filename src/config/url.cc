#include "config/url.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "core/ip_address.h"

namespace bamgate::config {
namespace {

constexpr std::size_t kMaxUrl = 2048;

struct SchemeEntry {
  std::string_view name;
  Url::Scheme scheme;
  std::uint16_t port;
};
constexpr std::array<SchemeEntry, 4> kSchemes = {{{"http", Url::Scheme::kHttp, 80},
                                                  {"https", Url::Scheme::kHttps, 443},
                                                  {"ws", Url::Scheme::kWs, 80},
                                                  {"wss", Url::Scheme::kWss, 443}}};

const SchemeEntry& entry_of(Url::Scheme scheme) { return kSchemes[static_cast<std::size_t>(scheme)]; }

std::unexpected<ConfigError> bad_url(Error code, std::string what) {
  return std::unexpected(ConfigError{code, 0, {}, std::move(what), "write it as https://HOST or https://HOST:PORT"});
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& character : result) {
    if (character >= 'A' && character <= 'Z') character = static_cast<char>(character - 'A' + 'a');
  }
  return result;
}

bool is_host(std::string_view host) {
  return !host.empty() && host.size() <= 253 && std::ranges::all_of(host, [](char character) {
    return (character >= 'a' && character <= 'z') || (character >= '0' && character <= '9') || character == '.' ||
           character == '-' || character == '_';
  });
}

/// Takes the host off the front of `text`, which begins with it.
std::expected<std::string, ConfigError> take_host(std::string_view& text) {
  if (text.starts_with('[')) {
    const std::size_t end = text.find(']');
    const auto address = IpAddress::parse(text.substr(1, end == std::string_view::npos ? 0 : end - 1));
    if (!address || !address->is_v6()) return bad_url(Error::kSyntax, "there is no IPv6 address between [ and ]");
    text.remove_prefix(end + 1);
    return address->to_string();
  }
  const std::size_t end = std::min(text.find(':'), text.size());
  std::string host = lower(text.substr(0, end));
  if (!is_host(host)) return bad_url(Error::kSyntax, "it has no valid host name");
  text.remove_prefix(end);
  return host;
}

}  // namespace

std::expected<Url, ConfigError> parse_url(std::string_view text) {
  if (text.size() > kMaxUrl) return bad_url(Error::kTooLarge, "the URL is too long");
  if (!std::ranges::all_of(text, [](char character) { return character > 0x20 && character < 0x7f; })) {
    return bad_url(Error::kSyntax, "the URL has a space or another character that no URL has");
  }
  const std::size_t colon = text.find("://");
  const std::string name = colon == std::string_view::npos ? std::string() : lower(text.substr(0, colon));
  const auto entry = std::ranges::find(kSchemes, name, &SchemeEntry::name);
  if (entry == kSchemes.end()) return bad_url(Error::kSyntax, "the URL does not begin with https://");
  text.remove_prefix(colon + 3);
  if (text.find_first_of("@#") != std::string_view::npos) {
    return bad_url(Error::kSyntax, "the URL has a user name or a fragment");
  }
  const std::size_t slash = std::min(text.find_first_of("/?"), text.size());
  std::string_view authority = text.substr(0, slash);
  Url url{entry->scheme, {}, entry->port, std::string(text.substr(slash))};
  if (!url.path.starts_with('/')) url.path.insert(0, "/");
  auto host = take_host(authority);
  if (!host) return std::unexpected(std::move(host.error()));
  url.host = std::move(*host);
  if (authority.empty()) return url;
  const char* begin = authority.data() + 1;
  const char* end = authority.data() + authority.size();
  const auto [rest, error] = std::from_chars(begin, end, url.port);
  if (authority.front() != ':' || error != std::errc() || rest != end || url.port == 0) {
    return bad_url(Error::kBadValue, "the port is not a number from 1 to 65535");
  }
  return url;
}

std::string Url::authority() const {
  std::string text = host.find(':') == std::string::npos ? host : "[" + host + "]";
  if (port != entry_of(scheme).port) text += ":" + std::to_string(port);
  return text;
}

std::string Url::to_string() const {
  return std::string(entry_of(scheme).name) + "://" + authority() + (path == "/" ? "" : path);
}

std::string Url::path_of(std::string_view endpoint) const {
  std::string base = path.substr(0, path.find('?'));
  while (base.ends_with('/')) base.pop_back();
  return base.append(endpoint);
}

}  // namespace bamgate::config
