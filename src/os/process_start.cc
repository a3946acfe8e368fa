#include "os/process_start.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <string_view>

namespace bamgate::os {
namespace {

bool is_closed(int descriptor) { return fcntl(descriptor, F_GETFD) < 0 && errno == EBADF; }

/// The kernel keeps the arguments where they were at the start; `ps` reads them there.
void overwrite(char* text) { std::memset(text, 'x', std::strlen(text)); }

}  // namespace

void open_standard_descriptors() {
  // open(2) takes the lowest number that is free: in this order each gets its own.
  for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (is_closed(descriptor)) (void)open("/dev/null", descriptor == STDERR_FILENO ? O_WRONLY : O_RDONLY);
  }
}

void ignore_write_signals() {
  for (const int number : kWriteSignals) (void)std::signal(number, SIG_IGN);
}

void protect_memory() {
  constexpr rlimit kNone{.rlim_cur = 0, .rlim_max = 0};
  (void)setrlimit(RLIMIT_CORE, &kNone);
  (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

std::vector<std::string> take_arguments(int argc, char** argv, const std::string& option, const std::string& scheme) {
  std::vector<std::string> arguments(argv, argv + argc);
  for (int i = 1; i < argc; ++i) {
    const std::string& one = arguments[static_cast<std::size_t>(i)];
    const bool follows = arguments[static_cast<std::size_t>(i) - 1] == option;
    const std::string begin = option + "=";
    if (one.starts_with(begin)) {
      overwrite(argv[i] + begin.size());
    } else if ((follows && one != "-") || one.starts_with(scheme)) {
      overwrite(argv[i]);
    }
  }
  return arguments;
}

}  // namespace bamgate::os
