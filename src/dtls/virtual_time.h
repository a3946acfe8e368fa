// The time of day for mbedTLS, which reads it by calling time(). Programs are linked with --wrap=time: while a
// VirtualTime lives, time() answers with its value; otherwise with the real time (for other users of mbedTLS).
// Only the thread that made the VirtualTime sees it.
#pragma once

#include <cstdint>
#include <optional>

#include "core/time.h"

namespace bamgate::dtls {

class VirtualTime {
 public:
  explicit VirtualTime(UnixTime now);
  VirtualTime(const VirtualTime&) = delete;
  VirtualTime& operator=(const VirtualTime&) = delete;
  /// The value from before is in force again.
  ~VirtualTime();

 private:
  std::optional<UnixTime> previous_;
};

}  // namespace bamgate::dtls
