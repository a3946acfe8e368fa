// Figures as a person says them.
#pragma once

#include <cstdint>
#include <string>

namespace bamgate::cli {

/// "3 s", "2 min 5 s", "1 h 3 min", "4 days": as a person says it.
std::string human_duration(double seconds);
/// "512 B", "1.2 MiB".
std::string human_bytes(std::uint64_t bytes);

}  // namespace bamgate::cli
