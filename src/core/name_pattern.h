// Names with * for any characters, also none, and ? for exactly one, as in "docker*".
#pragma once

#include <cstddef>
#include <string_view>

namespace bamgate::inline core {

/// Whether all of `name` is as `pattern` says. Takes at most pattern times name steps.
constexpr bool matches_pattern(std::string_view pattern, std::string_view name) {
  std::size_t at = 0;
  std::size_t star = std::string_view::npos;  // the last that was met, and how much of the name it takes so far
  std::size_t taken = 0;
  for (std::size_t i = 0; i < name.size();) {
    if (at < pattern.size() && pattern[at] == '*') {
      star = at++;
      taken = i;
    } else if (at < pattern.size() && (pattern[at] == '?' || pattern[at] == name[i])) {
      ++at;
      ++i;
    } else if (star != std::string_view::npos) {
      at = star + 1;
      i = ++taken;
    } else {
      return false;
    }
  }
  while (at < pattern.size() && pattern[at] == '*') ++at;
  return at == pattern.size();
}

}  // namespace bamgate::inline core
