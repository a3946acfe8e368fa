// Times as people write them on a command line.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace bamgate::cli {

/// "90", "90s", "15m", "24h" or "7d" in seconds; nullopt for anything else, for zero, and for more than 30 years.
std::optional<std::int64_t> parse_time(std::string_view text);

}  // namespace bamgate::cli
