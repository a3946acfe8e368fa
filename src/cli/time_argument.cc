#include "cli/time_argument.h"

#include <charconv>

namespace bamgate::cli {

std::optional<std::int64_t> parse_time(std::string_view text) {
  constexpr std::int64_t kLongest = 1'000'000'000;
  std::int64_t number = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || number <= 0 || number > kLongest) return std::nullopt;
  const std::string_view unit(stop, static_cast<std::size_t>(text.data() + text.size() - stop));
  std::int64_t seconds = 0;
  if (unit.empty() || unit == "s") seconds = 1;
  if (unit == "m") seconds = 60;
  if (unit == "h") seconds = 3600;
  if (unit == "d") seconds = 86400;
  if (seconds == 0 || number * seconds > kLongest) return std::nullopt;
  return number * seconds;
}

}  // namespace bamgate::cli
