// The only clocks of the program: protocols get their time from here as an argument.
#pragma once

#include <cstdint>

#include "core/time.h"

namespace bamgate::net {

/// The time since boot, suspend included (CLOCK_BOOTTIME). It never goes back.
Instant now();

/// Seconds since 1970, UTC (CLOCK_REALTIME). It may jump when the system's clock is set.
UnixTime unix_now();

/// The same with the nanoseconds past that second.
struct WallTime {
  UnixTime unix;
  std::uint32_t nanoseconds = 0;
};
WallTime wall_now();

}  // namespace bamgate::net
