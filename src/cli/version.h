// The version of the program.
#pragma once

namespace bamgate::cli {

inline constexpr const char* kVersion = BAMGATE_VERSION;

}  // namespace bamgate::cli
