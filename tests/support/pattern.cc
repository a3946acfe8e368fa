#include "support/pattern.h"

namespace bamgate::testing {

std::vector<std::byte> pattern(std::size_t size, std::uint32_t number) {
  std::vector<std::byte> result(size);
  std::uint32_t state = number * 2654435761u + 1;
  for (std::byte& byte : result) {
    state = state * 1664525u + 1013904223u;
    byte = static_cast<std::byte>(state >> 24);
  }
  return result;
}

}  // namespace bamgate::testing
