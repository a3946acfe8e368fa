#include "config/join_string.h"

#include <algorithm>
#include <utility>

#include "core/encoding.h"

namespace bamgate::config {
namespace {

constexpr std::string_view kScheme = "bamgate://";
constexpr std::size_t kMaxJoinString = 1024;
constexpr std::size_t kMaxToken = 256;

std::unexpected<ConfigError> bad_join_string(Error code, std::string what) {
  return std::unexpected(ConfigError{code, 0, "join string", std::move(what),
                                     "make a new one on the hub with 'bamgate hub token' and copy the whole line"});
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const std::size_t begin = std::min(text.find_first_not_of(kSpace), text.size());
  text.remove_prefix(begin);
  return text.substr(0, text.find_last_not_of(kSpace) + 1);
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
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    const std::string_view parameter = text.substr(0, comma);
    text.remove_prefix(std::min(comma + 1, text.size()));
    const std::size_t equals = std::min(parameter.find('='), parameter.size());
    const std::string_view name = parameter.substr(0, equals);
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

}  // namespace

std::expected<JoinString, ConfigError> parse_join_string(std::string_view text) {
  text = trim(text);
  if (text.size() > kMaxJoinString) return bad_join_string(Error::kTooLarge, "it is too long");
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

std::string write_join_string(const JoinString& join) {
  std::string line(kScheme);
  line += join.host.find(':') == std::string::npos ? join.host : "[" + join.host + "]";
  line += ":" + std::to_string(join.port) + "/#token=";
  line += join.token.view();
  if (join.fingerprint) line += ",fp=" + to_base64url(*join.fingerprint);
  return line;
}

}  // namespace bamgate::config
