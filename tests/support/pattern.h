// Content for messages, so that a test can tell one from another and a damaged one from a whole one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace bamgate::testing {

/// `size` bytes that are the same for the same `number` and unlike those of every other.
std::vector<std::byte> pattern(std::size_t size, std::uint32_t number);

}  // namespace bamgate::testing
