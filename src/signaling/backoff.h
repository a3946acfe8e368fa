// How long to wait before the next attempt: doubling, capped, with jitter, in integers that cannot overflow.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "core/random.h"
#include "core/time.h"

namespace bamgate::signaling {

/// The first retry comes within this time, because most losses are a hub that restarts,
inline constexpr std::chrono::milliseconds kFirstRetry{250};
/// or within this time for each device that shares the hub, if that is longer: all of them come back, and the hub must
/// tell each of every other one. So it gets about 100 joins a second, however many they are.
inline constexpr std::chrono::milliseconds kFirstRetryPerDevice{10};
/// No wait for the network is longer.
inline constexpr std::chrono::milliseconds kLongestRetry{30'000};

class Backoff {
 public:
  /// The wait before the next attempt, where `others` devices (at most a few thousand) share the hub. The first is
  /// anywhere from 0 to F = max(250 ms, 10 ms * others), so that the devices of a hub that restarts do not come back
  /// all at once; the n-th after it between half of and the whole min(F * 2^n, 30 s).
  Duration next(Random& random, std::size_t others = 0) {
    const auto first = std::max(kFirstRetry, kFirstRetryPerDevice * static_cast<std::int64_t>(others));
    const std::uint32_t longest = milliseconds(std::min(first, kLongestRetry), step_);
    const std::uint32_t shortest = step_ == 0 ? 0 : longest / 2;
    if (step_ < kLastStep) ++step_;
    return std::chrono::milliseconds(shortest + random.below(longest - shortest + 1));
  }

  /// The next wait is the first one again.
  void reset() { step_ = 0; }
  /// The next wait is not longer than the third one.
  void shorten() { step_ = std::min(step_, 2U); }

 private:
  // 250 ms * 2^7 = 32 s is the first that the cap cuts; the step never goes further, and 30 s * 2^7 still fits.
  static constexpr unsigned kLastStep = 7;

  static constexpr std::uint32_t milliseconds(std::chrono::milliseconds first, unsigned step) {
    return std::min(static_cast<std::uint32_t>(first.count()) << step,
                    static_cast<std::uint32_t>(kLongestRetry.count()));
  }

  unsigned step_ = 0;
};

/// What only a person can mend (a token whose time is over, another machine with our credentials) is tried again after
/// a minute first,
inline constexpr std::chrono::minutes kFirstPatience{1};
/// and every two hours at last: soon enough for whoever has mended it, and no burden for the hub.
inline constexpr std::chrono::minutes kLongestPatience{120};

class SlowBackoff {
 public:
  /// The least wait before the next attempt: doubled each time.
  std::chrono::minutes next() {
    const auto wait = std::min(kFirstPatience * (1 << step_), kLongestPatience);
    if (wait < kLongestPatience) ++step_;  // so it never goes on beyond the cap
    return wait;
  }
  /// The next wait is the first one again.
  void reset() { step_ = 0; }

 private:
  unsigned step_ = 0;
};

}  // namespace bamgate::signaling
