// The operating system's randomness (getrandom(2)).
#pragma once

#include "core/random.h"

namespace bamgate::os {

/// Fills from getrandom(2); waits at boot until the kernel's pool is seeded.
class SystemRandom : public Random {
 public:
  void fill(MutableBytes out) override;
};

}  // namespace bamgate::os
