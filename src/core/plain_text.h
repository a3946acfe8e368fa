// Texts as people's editors and shells write them: with a byte order mark in front, and with ends of lines of any kind.
#pragma once

#include <string_view>

namespace bamgate::inline core {

/// Without the byte order mark of UTF-8 that some editors and shells put in front.
inline std::string_view without_byte_order_mark(std::string_view text) {
  constexpr std::string_view kMark = "\xef\xbb\xbf";
  return text.starts_with(kMark) ? text.substr(kMark.size()) : text;
}

/// UTF-16 begins with one of two marks, and no text of ours does.
inline bool is_utf16(std::string_view text) { return text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff"); }

/// Without that mark, and without blanks and ends of lines at both ends.
inline std::string_view trim_text(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n\v\f";
  text = without_byte_order_mark(text);
  const std::size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

}  // namespace bamgate::inline core
