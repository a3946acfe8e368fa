// The only clocks of the program: protocols get their time from here as an argument.
#pragma once

#include "core/time.h"

namespace bamgate::net {

/// The time since boot, suspend included (CLOCK_BOOTTIME). It never goes back.
Instant now();

/// Seconds since 1970, UTC (CLOCK_REALTIME). It may jump when the system's clock is set.
UnixTime unix_now();

}  // namespace bamgate::net
