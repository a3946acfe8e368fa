#include "config/turn_url.h"

#include <algorithm>
#include <utility>

#include "config/url.h"

namespace bamgate::config {
namespace {

// RFC 7065 §3.2: the default port with TLS; without it is 3478.
constexpr std::uint16_t kTlsPort = 5349;

constexpr const char* kForm = R"(write it as in "turn:turn.example:3478", with ?transport=tcp for TCP, or )"
                              R"("turns:turn.example:5349" for TLS)";

std::unexpected<ConfigError> bad(Error code, std::string what, std::string what_to_do = kForm) {
  return std::unexpected(ConfigError{code, 0, {}, std::move(what), std::move(what_to_do)});
}

bool take_prefix(std::string_view& text, std::string_view lower) {
  const auto same = [](char left, char right) {
    return (left >= 'A' && left <= 'Z' ? static_cast<char>(left - 'A' + 'a') : left) == right;
  };
  if (text.size() < lower.size() || !std::ranges::equal(text.substr(0, lower.size()), lower, same)) return false;
  text.remove_prefix(lower.size());
  return true;
}

/// What is likely meant by a text that begins with another scheme.
std::unexpected<ConfigError> other_scheme(const std::string& quoted, std::string_view text) {
  if (take_prefix(text, "stun:") || take_prefix(text, "stuns:")) {
    return bad(Error::kBadValue, quoted + " is a STUN server, which relays nothing", "put it under [stun] servers");
  }
  return bad(Error::kBadValue, quoted + " is no TURN server");
}

}  // namespace

std::expected<TurnUrl, ConfigError> parse_turn_url(std::string_view text) {
  const std::string quoted = "\"" + std::string(text) + "\"";
  TurnUrl result;
  std::string_view rest = text;
  if (take_prefix(rest, "turns:")) {
    result.tls = result.tcp = true;
    result.port = kTlsPort;
  } else if (!take_prefix(rest, "turn:")) {
    return other_scheme(quoted, text);
  }
  if (rest.starts_with("//")) return bad(Error::kSyntax, quoted + " has slashes behind its scheme");
  if (const std::size_t question = rest.find('?'); question != std::string_view::npos) {
    std::string_view option = rest.substr(question + 1);
    const bool udp = option == "transport=udp";
    if (!udp && option != "transport=tcp") return bad(Error::kBadValue, quoted + " asks for something unknown");
    if (udp && result.tls) {
      return bad(Error::kBadValue, quoted + " asks for DTLS, which is not spoken here", "leave ?transport=udp out");
    }
    result.tcp = !udp;
    rest = rest.substr(0, question);
  }
  // By the rules for the host and port of a URL. What stands there without a port has the one of its own scheme.
  const std::string default_port = ":" + std::to_string(result.port);
  const bool has_port =
      rest.find(':', rest.starts_with('[') ? std::min(rest.find(']'), rest.size()) : 0) != std::string_view::npos;
  const auto url = parse_url("https://" + std::string(rest) + (has_port ? std::string() : default_port));
  if (!url) return bad(url.error().code, quoted + ": " + url.error().what);
  if (url->path != "/" || rest.ends_with('/')) return bad(Error::kSyntax, quoted + " has a path");
  result.host = url->host;
  result.port = url->port;
  return result;
}

bool is_same_turn_url(std::string_view left, std::string_view right) {
  const auto one = parse_turn_url(left);
  const auto other = parse_turn_url(right);
  return one && other && *one == *other;
}

}  // namespace bamgate::config
