// A fixed set of named deadlines, one for each value of an enum.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>

#include "core/time.h"

namespace bamgate::inline core {

/// `Timer` is an enum class whose values run from 0 to Timer::kCount - 1.
template <typename Timer>
class TimerTable {
 public:
  TimerTable() { deadlines_.fill(kNever); }
  void set(Timer timer, Instant deadline) { deadlines_[index(timer)] = deadline; }
  void cancel(Timer timer) { set(timer, kNever); }
  void cancel_all() { deadlines_.fill(kNever); }
  bool is_set(Timer timer) const { return deadline(timer) != kNever; }
  Instant deadline(Timer timer) const { return deadlines_[index(timer)]; }
  /// The earliest deadline; kNever when none is set.
  Instant next() const { return *std::ranges::min_element(deadlines_); }
  /// True, and the timer is cancelled, when its deadline has come.
  bool take_expired(Timer timer, Instant now) {
    if (deadline(timer) == kNever || deadline(timer) > now) return false;
    cancel(timer);
    return true;
  }

 private:
  static constexpr std::size_t index(Timer timer) { return static_cast<std::size_t>(timer); }
  std::array<Instant, static_cast<std::size_t>(Timer::kCount)> deadlines_;
};

}  // namespace bamgate::inline core
