// The port through which protocols get randomness: the operating system's in programs, a seed's in tests.
#pragma once

#include <bit>
#include <cstdint>

#include "core/bytes.h"

namespace bamgate::inline core {

class Random {
 public:
  virtual ~Random() = default;
  /// Fills `out` with bytes that nobody can predict (in programs) or that the seed decides (in tests).
  virtual void fill(MutableBytes out) = 0;

  /// A number of type T, each value equally likely.
  template <typename T>
  T number() {
    T value{};
    fill(std::as_writable_bytes(std::span(&value, 1)));
    return value;
  }
  /// A number from 0 to `bound` - 1, each equally likely. Needs bound > 0.
  std::uint32_t below(std::uint32_t bound) {
    const std::uint32_t mask = std::bit_ceil(bound) - 1;
    while (true) {
      const std::uint32_t value = number<std::uint32_t>() & (bound == 1 ? 0 : mask);
      if (value < bound) return value;
    }
  }
};

/// A key that nobody can predict.
template <std::size_t kSize>
Secret<kSize> random_secret(Random& random) {
  Secret<kSize> secret;
  random.fill(secret.mutable_bytes());
  return secret;
}

}  // namespace bamgate::inline core
