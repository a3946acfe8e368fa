#include "cli/log_file.h"

#include <fcntl.h>
#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <fstream>
#include <memory>
#include <sstream>

#include "os/answer.h"
#include "os/file_descriptor.h"
#include "os/file_steps.h"
#include "os/os_error.h"
#include "os/service.h"

namespace bamgate::cli {
namespace {

constexpr std::size_t kMaxSize = 1024 * 1024;

/// spdlog's name for the file that was full: agent.1.log.
std::filesystem::path predecessor(const std::filesystem::path& file) {
  return file.parent_path() / (file.stem().string() + ".1" + file.extension().string());
}

using Sink = spdlog::sinks::rotating_file_sink_st;

std::shared_ptr<Sink> open_sink(const std::filesystem::path& file) {
  auto sink = std::make_shared<Sink>(file.string(), kMaxSize, 1);
  sink->set_pattern("%Y-%m-%d %H:%M:%S.%e %l %v");
  return sink;
}

/// False: it is there and cannot be read; errno says why.
bool print_file(const std::filesystem::path& path) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "re"), &std::fclose);
  if (!file) return errno == ENOENT;
  std::array<char, 8192> piece{};
  while (const std::size_t count = std::fread(piece.data(), 1, piece.size(), file.get())) {
    std::fwrite(piece.data(), 1, count, stdout);
    os::flush_answer(stdout);
  }
  return true;
}

ExitCode unreadable(const std::filesystem::path& file, int number) {
  return fail(ExitCode::kFailed,
              os::system_failure("cannot read the log " + file.string(), number,
                                 number == EACCES ? "it is for root and its group alone: use sudo, or "
                                                    "join the group with 'sudo usermod -aG bamgate "
                                                    "$USER'"
                                                  : "")
                  .text);
}

}  // namespace

std::filesystem::path log_file(const host::ConfigFolder& folder) {
  return folder.control_socket().parent_path() / "agent.log";
}

std::expected<void, Failure> log_into(const std::filesystem::path& file) {
  try {
    umask(0027);  // addresses of peers are for the owner and its group, also in the file that follows a full one
    const os::FileDescriptor fd(open(file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_CLOEXEC, 0640));
    if (!fd.is_open()) return os::refuse(os::file_failure("cannot write the log", file, errno).error());
    spdlog::default_logger()->sinks().push_back(open_sink(file));
    spdlog::default_logger()->flush_on(spdlog::level::trace);
    return {};
  } catch (const spdlog::spdlog_ex& error) {
    return std::unexpected(Failure{ExitCode::kFailed, "cannot write the log " + file.string() + ": " + error.what()});
  }
}

std::expected<void, Failure> try_log(const std::filesystem::path& file) {
  const os::FileDescriptor fd(open(file.c_str(), O_WRONLY | O_APPEND | O_NONBLOCK | O_CLOEXEC));
  int number = fd.is_open() ? 0 : errno;
  if (number == ENOENT) number = access(file.parent_path().c_str(), W_OK) == 0 ? 0 : errno;
  if (number == 0) return {};
  return os::refuse(os::file_failure("cannot write the log", file, number).error());
}

std::string last_complaint(const std::filesystem::path& file, std::uintmax_t from) {
  std::ifstream log(file);
  std::error_code ignored;
  // A smaller one is another one: the old one was full.
  if (const auto size = std::filesystem::file_size(file, ignored); !ignored && size >= from) {
    log.seekg(static_cast<std::streamoff>(from));
  }
  std::string found;
  for (std::string line; std::getline(log, line);) {
    std::istringstream words(line);
    std::string date;
    std::string time;
    std::string level;
    words >> date >> time >> level >> std::ws;
    if (level == "error" || level == "critical") std::getline(words, found);
  }
  return found;
}

void reopen_log() {
  for (auto& sink : spdlog::default_logger()->sinks()) {
    const auto log = std::dynamic_pointer_cast<Sink>(sink);
    if (!log) continue;
    try {
      sink = open_sink(log->filename());
    } catch (const spdlog::spdlog_ex& error) {
      spdlog::error("cannot begin a new log, the old one goes on: {}", error.what());
    }
  }
}

ExitCode show_log(const std::filesystem::path& file, bool follow) {
  std::error_code unseen;  // a folder that may not be entered
  if (!std::filesystem::exists(file, unseen) && !unseen) {
    return fail(ExitCode::kNotRunning, "there is no log " + file.string() + ": 'bamgate up -d' begins one");
  }
  if (!print_file(predecessor(file)) || access(file.c_str(), R_OK) != 0) return unreadable(file, errno);
  if (!follow) return print_file(file) ? ExitCode::kDone : unreadable(file, errno);
  // It goes on when a new file stands there: the old one was full, or the agent was started again.
  const os::OsError error =
      os::become_program({"tail", "--quiet", "--lines=+1", "--follow=name", "--retry", file.string()});
  return fail(ExitCode::kFailed, error.text);
}

}  // namespace bamgate::cli
