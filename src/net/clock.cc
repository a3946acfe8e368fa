#include "net/clock.h"

#include <ctime>

namespace bamgate::net {

Instant now() {
  timespec time{};
  clock_gettime(CLOCK_BOOTTIME, &time);
  return Instant(std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec));
}

UnixTime unix_now() {
  timespec time{};
  clock_gettime(CLOCK_REALTIME, &time);
  return UnixTime{time.tv_sec};
}

}  // namespace bamgate::net
