// How much later than planned packets left: a histogram of fixed size, exact to 1/16 of each value.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

#include "core/time.h"

namespace bamgate::shaper {

class Lateness {
 public:
  void add(Duration late) {
    const auto value = static_cast<std::uint64_t>(std::max<Duration::rep>(late.count(), 0));
    ++counts_[bucket(value)];
    ++total_;
    most_ = std::max(most_, value);
  }
  /// The nanoseconds that `share` (0 to 1) of all values do not exceed; 0 without values.
  std::uint64_t quantile(double share) const {
    const auto wanted = static_cast<std::uint64_t>(share * static_cast<double>(total_));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      seen += counts_[i];
      if (seen != 0 && seen >= wanted) return std::min(upper_end(i), most_);
    }
    return 0;
  }
  std::uint64_t most() const { return most_; }

 private:
  // 16 buckets for each power of two.
  static constexpr unsigned kBits = 4;
  static std::size_t bucket(std::uint64_t value) {
    if (value < 1u << kBits) return static_cast<std::size_t>(value);
    const auto shift = static_cast<unsigned>(std::bit_width(value)) - kBits - 1;
    return ((shift + 1) << kBits) + static_cast<std::size_t>((value >> shift) - (1u << kBits));
  }
  static std::uint64_t upper_end(std::size_t bucket) {
    if (bucket < 1u << kBits) return bucket;
    const std::size_t shift = (bucket >> kBits) - 1;
    return ((bucket % (1u << kBits) + (1u << kBits) + 1) << shift) - 1;
  }

  std::array<std::uint64_t, 62 * 16> counts_{};
  std::uint64_t total_ = 0;
  std::uint64_t most_ = 0;
};

}  // namespace bamgate::shaper
