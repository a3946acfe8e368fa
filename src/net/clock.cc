#include "net/clock.h"

#include <ctime>

namespace bamgate::net {

Instant now() {
  timespec time{};
  clock_gettime(CLOCK_BOOTTIME, &time);
  return Instant(std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec));
}

UnixTime unix_now() { return wall_now().unix; }

WallTime wall_now() {
  timespec time{};
  clock_gettime(CLOCK_REALTIME, &time);
  return {.unix = {time.tv_sec}, .nanoseconds = static_cast<std::uint32_t>(time.tv_nsec)};
}

}  // namespace bamgate::net
