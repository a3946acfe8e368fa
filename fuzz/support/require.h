// The oracle's voice: a broken promise ends the run, so that libFuzzer keeps the input.
#pragma once

#include <source_location>
#include <string_view>

namespace bamgate::fuzz {

/// Prints `promise` and the place, then aborts, unless `kept`.
void require(bool kept, std::string_view promise, std::source_location place = std::source_location::current());

}  // namespace bamgate::fuzz
