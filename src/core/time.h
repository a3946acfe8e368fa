// Time as the protocols see it: an argument. No clock can be read here; the real one lives in src/net.
#pragma once

#include <chrono>
#include <compare>
#include <cstdint>

namespace bamgate::inline core {

/// The clock of every protocol: monotonic and counting suspend (CLOCK_BOOTTIME). Deliberately without now().
struct ProtocolClock {
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<ProtocolClock>;
  static constexpr bool is_steady = true;
};

using Instant = ProtocolClock::time_point;
using Duration = ProtocolClock::duration;

/// The deadline of a machine that waits for nothing.
inline constexpr Instant kNever = Instant::max();

/// Seconds since 1970, UTC; an argument wherever the wire carries a date (TAI64N, X.509, JWT, TURN user names).
struct UnixTime {
  std::int64_t seconds = 0;
  auto operator<=>(const UnixTime&) const = default;
};

}  // namespace bamgate::inline core
