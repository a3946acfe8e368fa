// What both JSON readers must agree on and neither library checks, or checks in its own way: size, depth, byte order
// mark, zero bytes, and keys that stand twice. Only for the two readers.
#pragma once

#include <expected>
#include <string_view>

#include "json/parse.h"

namespace bamgate::json {

/// Checks what can be seen without understanding the text. Errors: kTooLarge, kTooDeep, kSyntax.
[[nodiscard]] std::expected<void, Error> check_text(std::string_view text, Limits limits);

/// Takes n log n comparisons, so that an object of thousands of short keys costs no noticeable time.
[[nodiscard]] bool has_duplicate_key(const Object& object);

}  // namespace bamgate::json
