// How much one device may have relayed: bytes a second with a burst.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "core/time.h"

namespace bamgate::turn {

struct Rate {
  std::uint64_t bytes_per_second = 125'000'000;  // 1 Gbit/s
  std::uint64_t burst = 12'500'000;              // bytes: a tenth of a second of it
};

/// A token bucket, full at first.
class Quota {
 public:
  explicit Quota(const Rate& rate) : rate_(rate), credit_(rate.burst) {}

  bool has(Instant now, std::size_t bytes) {
    refill(now);
    return credit_ >= bytes;
  }
  /// Needs has().
  void take(std::size_t bytes) { credit_ -= bytes; }

 private:
  void refill(Instant now) {
    // Whatever the rate, a minute fills it enough; more would not fit into the product.
    const auto since = std::min<Duration>(now - refilled_, std::chrono::minutes(1));
    const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(since);
    const std::uint64_t more = rate_.bytes_per_second * static_cast<std::uint64_t>(micros.count()) / 1'000'000;
    if (more == 0) return;
    refilled_ = now;
    credit_ = std::min(rate_.burst, credit_ + more);
  }

  Rate rate_;
  std::uint64_t credit_;
  Instant refilled_{};
};

}  // namespace bamgate::turn
