// Messages as hex, in tests.
#pragma once

#include <string_view>
#include <vector>

#include "core/encoding.h"

namespace bamgate::testing {

inline std::vector<std::byte> unhex(std::string_view text) { return from_hex(text).value(); }

}  // namespace bamgate::testing
