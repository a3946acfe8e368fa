#include "os/detach.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace bamgate::os {
namespace {

int exit_code(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }

}  // namespace

std::expected<Detached, OsError> Detached::split() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return std::unexpected(system_failure("cannot make a pipe", errno));
  FileDescriptor read_end(ends[0]);
  FileDescriptor write_end(ends[1]);
  const pid_t child = fork();
  if (child < 0) return std::unexpected(system_failure("cannot start a process in the background", errno));
  if (child > 0) return Detached(child, std::move(read_end));
  setsid();  // no signal of the terminal arrives any more
  return Detached(0, std::move(write_end));
}

std::optional<int> Detached::wait() {
  char begun = 0;
  ssize_t count = 0;
  do {
    count = ::read(pipe_.get(), &begun, 1);
  } while (count < 0 && errno == EINTR);
  if (count == 1) return std::nullopt;
  int status = 0;
  while (waitpid(child_, &status, 0) < 0 && errno == EINTR) {
  }
  return exit_code(status);
}

std::optional<int> Detached::ended() const {
  int status = 0;
  if (waitpid(child_, &status, WNOHANG) != child_) return std::nullopt;
  return exit_code(status);
}

void Detached::ready() {
  const FileDescriptor nowhere(open("/dev/null", O_RDWR | O_CLOEXEC));
  for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) (void)dup2(nowhere.get(), standard);
  const char begun = 1;
  (void)!::write(pipe_.get(), &begun, 1);  // a parent that was killed needs no answer
  pipe_.close();
}

}  // namespace bamgate::os
