// Randomness that a seed decides, so that every run can be repeated. For tests and fuzzing only.
#pragma once

#include <cstdint>

#include "core/random.h"

namespace bamgate::testing {

class SeededRandom : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : state_(seed) {}
  void fill(MutableBytes out) override;

 private:
  std::uint64_t next();
  std::uint64_t state_;
};

}  // namespace bamgate::testing
