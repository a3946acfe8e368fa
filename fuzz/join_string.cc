// Join strings and hub URLs, which people paste: what is accepted is written and read again without a change, and no
// error repeats the token.
#include "config/join_string.h"
#include "net/url.h"
#include "support/decoder.h"
#include "support/require.h"

namespace {

using namespace bamgate;
using fuzz::require;

void read_urls(std::string_view text) {
  if (const auto url = config::parse_url(text)) {
    const auto again = config::parse_url(url->to_string());
    require(again.has_value() && *again == *url, "a URL survives a round trip");
    const auto called = net::Url::parse(url->to_string());
    require(called.has_value(), "a URL that the configuration accepts can be called");
    require(called->host == url->host && called->port == url->port, "both readers of URLs find the same server");
  }
  if (const auto url = net::Url::parse(text)) {
    const auto again = net::Url::parse(url->to_string());
    require(again.has_value(), "a URL that was written can be read");
    require(again->to_string() == url->to_string(), "a round trip changes nothing");
  }
}

/// The same text with another token of the same form.
std::string without_token(std::string_view text) {
  std::string other(text);
  const auto is_letter = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  };
  for (std::size_t at = other.find("#token="); at != other.npos && at + 7 < other.size(); ++at) {
    if (!is_letter(other[at + 7])) break;
    other[at + 7] = 'Z';
  }
  return other;
}

std::string said_about(std::string_view text) {
  const auto join = config::parse_join_string(text);
  return join ? std::string() : join.error().message();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = as_text(fuzz::input_of(data, size));
  read_urls(text);
  const auto join = config::parse_join_string(text);
  if (!join) {
    require(!join.error().what.empty(), "an error says what is wrong");
    require(said_about(text) == said_about(without_token(text)), "no error tells of the token");
    return 0;
  }
  const auto again = config::parse_join_string(config::write_join_string(*join));
  require(again.has_value(), "a join string that was written can be read");
  require(*again == *join, "a round trip changes nothing");
  read_urls(join->server_url().to_string());
  return 0;
}
