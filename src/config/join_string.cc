#include "config/join_string.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "core/encoding.h"
#include "core/ip_address.h"

namespace bamgate::config {
namespace {

constexpr std::string_view kScheme = "bamgate://";
constexpr std::size_t kMaxJoinString = 1024;
constexpr std::size_t kMaxInput = 4096;  // with white space
constexpr std::size_t kMaxToken = 256;
constexpr std::size_t kFingerprintText = 3 + 43;  // "fp=" and 32 bytes in base64url

// Endings of names that are a network's own: RFC 6762 (local) and its appendix G, RFC 8375 (home.arpa), RFC 6761, and
// what routers use.
constexpr std::array<std::string_view, 14> kPrivateEndings = {
    ".local", ".lan",       ".home",        ".home.arpa", ".internal", ".intranet", ".private",
    ".corp",  ".localhost", ".localdomain", ".test",      ".invalid",  ".example",  ".onion"};

/// False for an address, a single label and names of a network's own: no public authority certifies those.
bool is_public_name(std::string_view host) {
  if (IpAddress::parse(host)) return false;
  if (host.ends_with('.')) host.remove_suffix(1);
  return host.find('.') != std::string_view::npos &&
         std::ranges::none_of(kPrivateEndings, [&](std::string_view ending) { return host.ends_with(ending); });
}

std::unexpected<ConfigError> bad_join_string(Error code, std::string what) {
  return std::unexpected(ConfigError{code, 0, "join string", std::move(what),
                                     "make a new one on the hub with 'bamgate hub token' and copy the whole line"});
}

/// What stands between words and at the ends of lines, also as programs for chat and mail write it.
constexpr std::array<std::string_view, 10> kSpaces = {" ",  "\t",     "\r",     "\n",     "\v",
                                                      "\f", "\u00a0", "\u200b", "\u2060", "\ufeff"};

/// Length of the white space that `text` begins with; 0 when there is none.
std::size_t space_at(std::string_view text) {
  const auto found = std::ranges::find_if(kSpaces, [&](std::string_view space) { return text.starts_with(space); });
  return found == kSpaces.end() ? 0 : found->size();
}

struct Squeezed {
  std::string text;       // without any white space
  bool was_torn = false;  // some stood inside
};

Squeezed without_spaces(std::string_view text) {
  Squeezed result;
  result.text.reserve(text.size());  // no copy of the token is left behind
  bool space_before = false;
  while (!text.empty()) {
    const std::size_t space = space_at(text);
    if (space == 0) {
      result.was_torn = result.was_torn || (space_before && !result.text.empty());
      result.text += text.front();
    }
    space_before = space > 0;
    text.remove_prefix(std::max<std::size_t>(space, 1));
  }
  return result;
}

bool is_token(std::string_view token) {
  return !token.empty() && token.size() <= kMaxToken && std::ranges::all_of(token, [](char character) {
    return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
           (character >= '0' && character <= '9') || character == '-' || character == '_' || character == '.' ||
           character == '~';
  });
}

/// Reads "token=…,fp=…" into `join`.
std::expected<void, ConfigError> read_parameters(std::string_view text, JoinString& join) {
  const bool last_comma = text.ends_with(',');
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    const std::string_view parameter = text.substr(0, comma);
    text.remove_prefix(std::min(comma + 1, text.size()));
    const std::size_t equals = std::min(parameter.find('='), parameter.size());
    // A part of "fp=" is no unknown parameter: the pin must not get lost.
    if (equals == parameter.size() || (text.empty() && last_comma)) {
      return bad_join_string(Error::kSyntax, "its end is cut off");
    }
    // Whatever has made capitals of it: the pin must not get lost.
    std::string name(parameter.substr(0, equals));
    std::ranges::transform(name, name.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    const std::string_view value = parameter.substr(std::min(equals + 1, parameter.size()));
    if (name == "token") {
      if (!is_token(value)) return bad_join_string(Error::kBadValue, "its token is cut short or damaged");
      join.token = SecretText(value);
    } else if (name == "fp") {
      const auto digest = from_base64url(value);
      if (!digest || digest->size() != sizeof(Sha256Digest)) {
        return bad_join_string(Error::kBadValue, "its fingerprint (fp=) is cut short or damaged");
      }
      copy_bytes(*digest, join.fingerprint.emplace());
    }
  }
  if (join.token.empty()) return bad_join_string(Error::kMissing, "it has no token");
  return {};
}

std::expected<JoinString, ConfigError> parse_squeezed(std::string_view text) {
  if (!text.starts_with(kScheme)) return bad_join_string(Error::kSyntax, "it does not begin with bamgate://");
  text.remove_prefix(kScheme.size());
  const std::size_t hash = std::min(text.find('#'), text.size());
  std::string_view authority = text.substr(0, hash);
  if (authority.ends_with('/')) authority.remove_suffix(1);
  // The last colon outside of brackets; a URL without a port would get that of its scheme.
  const std::size_t colon = authority.rfind(':');
  const std::size_t bracket = authority.rfind(']');
  if (colon == std::string_view::npos || (bracket != std::string_view::npos && bracket > colon)) {
    return bad_join_string(Error::kMissing, "it names no port of the hub");
  }
  const auto url = parse_url("https://" + std::string(authority));
  if (!url || url->path != "/") return bad_join_string(Error::kSyntax, "its HOST:PORT cannot be read");
  JoinString join{url->host, url->port, {}, {}};
  const auto parameters = read_parameters(text.substr(std::min(hash + 1, text.size())), join);
  if (!parameters) return std::unexpected(parameters.error());
  return join;
}

}  // namespace

std::expected<JoinString, ConfigError> parse_join_string(std::string_view text) {
  if (text.size() > kMaxInput) return bad_join_string(Error::kTooLarge, "it is too long");
  Squeezed squeezed = without_spaces(text);
  if (squeezed.text.size() > kMaxJoinString) return bad_join_string(Error::kTooLarge, "it is too long");
  auto join = parse_squeezed(squeezed.text);
  wipe(std::as_writable_bytes(std::span(squeezed.text)));
  // A whole fingerprint at the end proves that nothing is missing and nothing else was taken in. Without one, what
  // follows the white space may be another word, and the rest of a wrapped line may be gone.
  if (join && squeezed.was_torn && !join->fingerprint) {
    return bad_join_string(Error::kSyntax, "it has white space inside and no fingerprint (fp=) after it");
  }
  return join;
}

bool may_go_on(std::string_view text) {
  Squeezed squeezed = without_spaces(text.substr(0, kMaxInput));
  const std::string_view whole = squeezed.text;
  const std::size_t fp = whole.rfind("fp=");
  const bool begins = !whole.empty() && (whole.starts_with(kScheme) || kScheme.starts_with(whole));
  const bool has_fp = fp != std::string_view::npos && whole.size() - fp >= kFingerprintText;
  wipe(std::as_writable_bytes(std::span(squeezed.text)));
  return begins && !has_fp && text.size() < kMaxInput;
}

std::string missing_pin_warning(const JoinString& join) {
  if (join.fingerprint || is_public_name(join.host)) return "";
  return "the join string has no fingerprint (fp=), and no authority certifies '" + join.host +
         "': this works only with a certificate that this machine trusts already. If the string was cut short, copy "
         "the whole line";
}

std::string write_join_string(const JoinString& join) {
  std::string line(kScheme);
  line += join.host.find(':') == std::string::npos ? join.host : "[" + join.host + "]";
  line += ":" + std::to_string(join.port) + "/#token=";
  line += join.token.view();
  if (join.fingerprint) line += ",fp=" + to_base64url(*join.fingerprint);
  return line;
}

}  // namespace bamgate::config
