// Prints a Value as JSON text (RFC 8259), by nlohmann-json.
#pragma once

#include <string>

#include "json/value.h"

namespace bamgate::json {

/// One line without spaces, fields in their order, all of it UTF-8; never throws. What JSON cannot say is mended: an
/// invalid byte in a string becomes U+FFFD, NaN and the infinities become null, and so does what is nested deeper than
/// kMaxDepth (parse.h).
[[nodiscard]] std::string write(const Value& value);

}  // namespace bamgate::json
