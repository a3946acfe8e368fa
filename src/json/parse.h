// Reads JSON (RFC 8259) from untrusted text into a Value, bounded in size and depth.
// Two readers stand behind one function: simdjson natively, nlohmann-json where the code is built to Wasm. Both are
// built natively as well, so that tests and fuzzing hold them against each other.
#pragma once

#include <cstddef>
#include <expected>
#include <string_view>

#include "json/value.h"

namespace bamgate::json {

enum class Error {
  kTooLarge,      // more than Limits::max_bytes bytes
  kTooDeep,       // arrays and objects nested deeper than Limits::max_depth
  kSyntax,        // no JSON text, or something behind it, or no UTF-8, or a number outside of 64 bits or of a double
  kDuplicateKey,  // an object names one field twice
};
const char* to_string(Error error);

struct Limits {
  std::size_t max_bytes = 65'536;  // protocol.md: 64 KiB a message
  std::size_t max_depth = 16;      // open arrays and objects at any place; at most kMaxDepth counts
};

/// No limit lets a text be nested deeper than this: reading and printing a value recurse.
inline constexpr std::size_t kMaxDepth = 64;

/// Reads one JSON text; never throws. Refused beyond what RFC 8259 asks for: a byte order mark, invalid UTF-8, a lone
/// surrogate in a \u escape, a key that stands twice in one object (§4 leaves its meaning open: two readers of one
/// message could see different values), an integer outside of 64 bits and a number too large for a double.
[[nodiscard]] std::expected<Value, Error> parse(std::string_view text, Limits limits = {});

/// The two readers behind parse(). They accept the same texts and build the same values. The first is not built to
/// Wasm.
[[nodiscard]] std::expected<Value, Error> parse_with_simdjson(std::string_view text, Limits limits = {});
[[nodiscard]] std::expected<Value, Error> parse_with_nlohmann(std::string_view text, Limits limits = {});

}  // namespace bamgate::json
