#include "os/service.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <filesystem>

#include "os/file_descriptor.h"
#include "os/process_start.h"

namespace bamgate::os {
namespace {

constexpr std::size_t kMaxAnswer = 64 * 1024;

std::vector<char*> to_arguments(const std::vector<std::string>& words) {
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  return arguments;
}

std::expected<pid_t, OsError> spawn(const std::vector<std::string>& words, int output) {
  const std::vector<char*> arguments = to_arguments(words);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  // Of all that is particular to this process it gets only what other programs expect.
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t defaults;
  sigemptyset(&defaults);
  for (const int number : kWriteSignals) sigaddset(&defaults, number);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  if (output >= 0) posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  pid_t child = 0;
  const int number = posix_spawnp(&child, words.front().c_str(), &actions, &attributes, arguments.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (number != 0) return std::unexpected(system_failure("cannot run " + words.front(), number));
  return child;
}

int wait_for(pid_t child) {
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

bool systemd_runs() {
  std::error_code ignored;
  return std::filesystem::is_directory("/run/systemd/system", ignored);
}

bool unit_exists(const std::string& unit) {
  std::error_code ignored;
  for (const char* folder : {"/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system",
                             "/usr/lib/systemd/system", "/lib/systemd/system"}) {
    if (std::filesystem::exists(std::filesystem::path(folder) / unit, ignored)) return true;
  }
  return false;
}

bool started_by_systemd() {
  const char* process = std::getenv("SYSTEMD_EXEC_PID");
  return process != nullptr && process == std::to_string(getpid());
}

void notify_ready() {
  const char* name = std::getenv("NOTIFY_SOCKET");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = name == nullptr ? "" : name;
  if (path.size() < 2 || path.size() >= sizeof(address.sun_path) || (path[0] != '/' && path[0] != '@')) return;
  path.copy(address.sun_path, path.size());
  if (path[0] == '@') address.sun_path[0] = '\0';  // an abstract name
  const FileDescriptor fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  constexpr std::string_view kReady = "READY=1";
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  (void)sendto(fd.get(), kReady.data(), kReady.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&address), size);
}

bool may_read_journal() {
  bool found = false;
  for (const char* place : {"/var/log/journal", "/run/log/journal"}) {
    std::error_code failed;
    for (const auto& machine : std::filesystem::directory_iterator(place, failed)) {
      const auto file = machine.path() / "system.journal";
      if (access(file.c_str(), R_OK) == 0) return true;
      found = found || errno == EACCES;
    }
    found = found || failed == std::errc::permission_denied;
  }
  return !found;
}

std::expected<int, OsError> run_program(const std::vector<std::string>& words) {
  const auto child = spawn(words, -1);
  if (!child) return std::unexpected(child.error());
  return wait_for(*child);
}

OsError become_program(const std::vector<std::string>& words) {
  for (const int number : kWriteSignals) (void)std::signal(number, SIG_DFL);
  execvp(words.front().c_str(), to_arguments(words).data());
  return system_failure("cannot run " + words.front(), errno);
}

std::expected<std::string, OsError> read_program(const std::vector<std::string>& words) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) return std::unexpected(system_failure("cannot make a pipe", errno));
  const FileDescriptor read_end(ends[0]);
  FileDescriptor write_end(ends[1]);
  const auto child = spawn(words, write_end.get());
  write_end.close();
  if (!child) return std::unexpected(child.error());
  std::string answer;
  std::array<char, 4096> piece{};
  while (true) {
    const ssize_t count = ::read(read_end.get(), piece.data(), piece.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    if (answer.size() < kMaxAnswer) answer.append(piece.data(), static_cast<std::size_t>(count));
  }
  (void)wait_for(*child);
  if (answer.ends_with('\n')) answer.pop_back();
  return answer;
}

}  // namespace bamgate::os
