// Whether bytes are text: UTF-8 as RFC 3629 defines it.
#pragma once

#include <string_view>

namespace bamgate {

/// RFC 3629 §3, §4: no needlessly long form, no surrogate, nothing beyond U+10FFFF, no character cut short.
bool is_utf8(std::string_view text);

}  // namespace bamgate
