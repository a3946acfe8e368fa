#include "os/detach.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

namespace bamgate::os {
namespace {

volatile std::sig_atomic_t asked_by = 0;
volatile std::sig_atomic_t meant = 0;  // the process that signals are passed on to

sigset_t int_and_term() {
  sigset_t both;
  sigemptyset(&both);
  sigaddset(&both, SIGINT);
  sigaddset(&both, SIGTERM);
  return both;
}

int exit_code(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }

}  // namespace

/// While it lives, SIGINT and SIGTERM are kept for another process: whoever interrupts this one means the one that it
/// has begun, which no signal of the terminal reaches.
class Detached::PassOn {
 public:
  explicit PassOn(pid_t process) {
    asked_by = 0;
    meant = process;
    struct sigaction action{};
    action.sa_flags = SA_RESTART;
    action.sa_handler = [](int signal) {
      const int before = errno;
      asked_by = signal;
      if (meant > 0) kill(meant, SIGTERM);
      errno = before;
    };
    take(SIGINT, action, old_int_);
    take(SIGTERM, action, old_term_);
    const sigset_t both = int_and_term();
    sigprocmask(SIG_UNBLOCK, &both, nullptr);  // see split()
  }
  PassOn(const PassOn&) = delete;
  PassOn& operator=(const PassOn&) = delete;
  ~PassOn() {
    meant = 0;
    sigaction(SIGINT, &old_int_, nullptr);
    sigaction(SIGTERM, &old_term_, nullptr);
  }

  /// The other process has ended: its exit code, or that of one that was interrupted when it ended in order.
  int end(int status) const {
    meant = 0;  // its number may be another's soon
    const int code = exit_code(status);
    return asked_by != 0 && code == 0 ? 128 + asked_by : code;
  }

 private:
  /// What whoever started us has us ignore stays ignored.
  static void take(int signal, const struct sigaction& action, struct sigaction& old) {
    sigaction(signal, nullptr, &old);
    if (old.sa_handler != SIG_IGN) sigaction(signal, &action, nullptr);
  }

  struct sigaction old_int_{};
  struct sigaction old_term_{};
};

std::expected<Detached, OsError> Detached::split() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return std::unexpected(system_failure("cannot make a pipe", errno));
  FileDescriptor read_end(ends[0]);
  FileDescriptor write_end(ends[1]);
  // Until wait() passes them on: a signal in between would end this process alone.
  sigset_t before;
  const sigset_t both = int_and_term();
  sigprocmask(SIG_BLOCK, &both, &before);
  const pid_t child = fork();
  if (child <= 0) sigprocmask(SIG_SETMASK, &before, nullptr);
  if (child < 0) return std::unexpected(system_failure("cannot start a process in the background", errno));
  if (child > 0) return Detached(child, std::move(read_end));
  setsid();  // no signal of the terminal arrives any more
  return Detached(0, std::move(write_end));
}

std::optional<int> Detached::wait() {
  pass_on_ = std::make_shared<PassOn>(child_);
  char begun = 0;
  ssize_t count = 0;
  do {
    count = ::read(pipe_.get(), &begun, 1);
  } while (count < 0 && errno == EINTR);
  if (count == 1) return std::nullopt;
  int status = 0;
  while (waitpid(child_, &status, 0) < 0 && errno == EINTR) {
  }
  return pass_on_->end(status);
}

std::optional<int> Detached::ended() const {
  int status = 0;
  if (waitpid(child_, &status, WNOHANG) != child_) return std::nullopt;
  return pass_on_->end(status);
}

void Detached::ready() {
  const FileDescriptor nowhere(open("/dev/null", O_RDWR | O_CLOEXEC));
  for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) (void)dup2(nowhere.get(), standard);
  const char begun = 1;
  (void)!::write(pipe_.get(), &begun, 1);  // a parent that was killed needs no answer
  pipe_.close();
}

}  // namespace bamgate::os
