// Waits for the end of a process that is not our child (pidfd_open(2)).
#pragma once

#include <sys/types.h>

#include <chrono>

#include "os/file_descriptor.h"

namespace bamgate::os {

class ProcessWatch {
 public:
  /// Means the process that has this number now, also when another one gets the number later.
  explicit ProcessWatch(pid_t process);

  /// False when the process still runs after that time. True at once when there was none. What a process holds (locks,
  /// sockets) is free when its end is seen.
  [[nodiscard]] bool wait_for_end(std::chrono::milliseconds patience) const;

 private:
  FileDescriptor fd_;
};

}  // namespace bamgate::os
