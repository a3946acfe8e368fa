#include "json/reader_rules.h"

#include <algorithm>
#include <vector>

namespace bamgate::json {
namespace {

/// How deep brackets are nested outside of strings. Exact for JSON texts; for others any number.
std::size_t depth_of(std::string_view text) {
  std::size_t depth = 0;
  std::size_t deepest = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char character = text[i];
    if (in_string) {
      if (character == '\\') ++i;
      if (character == '"') in_string = false;
    } else if (character == '"') {
      in_string = true;
    } else if (character == '[' || character == '{') {
      deepest = std::max(deepest, ++depth);
    } else if ((character == ']' || character == '}') && depth > 0) {
      --depth;
    }
  }
  return deepest;
}

}  // namespace

std::expected<void, Error> check_text(std::string_view text, Limits limits) {
  if (text.size() > limits.max_bytes) return std::unexpected(Error::kTooLarge);
  // simdjson copies even nothing, and an empty text may have no address.
  if (text.empty()) return std::unexpected(Error::kSyntax);
  // nlohmann-json takes a zero byte for the end of its input, and skips a byte order mark; simdjson does neither or
  // both.
  if (text.find('\0') != std::string_view::npos) return std::unexpected(Error::kSyntax);
  if (text.starts_with("\xef\xbb\xbf")) return std::unexpected(Error::kSyntax);
  if (depth_of(text) > std::min(limits.max_depth, kMaxDepth)) return std::unexpected(Error::kTooDeep);
  return {};
}

bool has_duplicate_key(const Object& object) {
  std::vector<std::string_view> keys;
  keys.reserve(object.size());
  for (const auto& [key, value] : object) keys.emplace_back(key);
  std::ranges::sort(keys);
  return std::ranges::adjacent_find(keys) != keys.end();
}

}  // namespace bamgate::json
