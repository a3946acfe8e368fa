#include "os/process_watch.h"

#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace bamgate::os {

ProcessWatch::ProcessWatch(pid_t process) : fd_(static_cast<int>(syscall(SYS_pidfd_open, process, 0))) {}

bool ProcessWatch::wait_for_end(std::chrono::milliseconds patience) const {
  if (!fd_.is_open()) return true;
  pollfd wanted{.fd = fd_.get(), .events = POLLIN, .revents = 0};
  int ready = 0;
  do {
    ready = poll(&wanted, 1, static_cast<int>(patience.count()));
  } while (ready < 0 && errno == EINTR);
  return ready > 0;
}

}  // namespace bamgate::os
