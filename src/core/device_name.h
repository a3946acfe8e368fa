// The names of devices, which are also peer ids, TURN users and keys of configuration tables.
#pragma once

#include <algorithm>
#include <string_view>

namespace bamgate::inline core {

/// docs/signaling.md: [a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?
[[nodiscard]] inline bool is_device_name(std::string_view text) {
  const auto letter_or_digit = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  return !text.empty() && text.size() <= 63 && letter_or_digit(text.front()) && letter_or_digit(text.back()) &&
         std::ranges::all_of(text, [&](char c) { return letter_or_digit(c) || c == '-'; });
}

}  // namespace bamgate::inline core
