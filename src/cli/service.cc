#include "cli/service.h"

#include <array>
#include <charconv>
#include <ctime>

#include "host/device_host.h"
#include "os/service.h"

namespace bamgate::cli {
namespace {

constexpr const char* kUnit = "bamgate.service";
constexpr const char* kVerbose = " verbose";

const char* to_string(RunMode mode) {
  switch (mode) {
    case RunMode::kForeground:
      return "foreground";
    case RunMode::kBackground:
      return "background";
    case RunMode::kService:
      return "service";
    case RunMode::kCommand:
      return "command";
  }
  return "?";
}

const char* in_words(RunMode mode) {
  switch (mode) {
    case RunMode::kForeground:
      return "in the foreground of a terminal";
    case RunMode::kBackground:
      return "in the background";
    case RunMode::kService:
      return "as the service bamgate.service";
    case RunMode::kCommand:
      return "that works on its credentials";
  }
  return "?";
}

std::string local_time(std::int64_t unix_seconds) {
  const std::time_t time = unix_seconds;
  std::tm parts{};
  std::array<char, 32> text{};
  localtime_r(&time, &parts);
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M:%S", &parts)};
}

/// One property of the unit (systemctl show); empty when systemd cannot be asked.
std::string property(const std::string& name) {
  return os::read_program({"systemctl", "show", "--property=" + name, "--value", kUnit}).value_or("");
}

}  // namespace

std::string lock_note(RunMode mode, bool verbose) { return std::string(to_string(mode)) + (verbose ? kVerbose : ""); }

std::optional<Holder> find_holder(const host::ConfigFolder& folder) {
  const auto lock = os::FileLock::holder(folder.lock());
  if (!lock) return std::nullopt;
  Holder holder{.process = lock->process, .since = lock->since};
  for (const RunMode mode : {RunMode::kForeground, RunMode::kBackground, RunMode::kService, RunMode::kCommand}) {
    if (lock->note.starts_with(to_string(mode))) holder.mode = mode;
  }
  holder.verbose = lock->note.ends_with(kVerbose);
  return holder;
}

std::string describe(const Holder& holder) {
  return "process " + std::to_string(holder.process) + " " + in_words(holder.mode) + ", since " +
         local_time(holder.since);
}

bool is_service(const host::ConfigFolder& folder) {
  return folder.is_default() && os::systemd_runs() && os::unit_exists(kUnit);
}

bool service_is_active() {
  const std::string state = property("ActiveState");
  return state == "active" || state == "activating" || state == "reloading";
}

std::expected<void, Failure> check_configuration(const host::ConfigFolder& folder) {
  const auto device = folder.load();
  if (!device) return std::unexpected(device.error());
  return {};
}

ExitCode service_exit_code() {
  const std::string text = property("ExecMainStatus");
  int number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  const bool known =
      number >= static_cast<int>(ExitCode::kFailed) && number <= static_cast<int>(ExitCode::kHubUnreachable);
  return known ? static_cast<ExitCode>(number) : ExitCode::kFailed;
}

std::expected<void, Failure> control_service(const std::string& verb) {
  const auto code = os::run_program({"systemctl", verb, kUnit});
  if (!code) return std::unexpected(Failure{ExitCode::kFailed, code.error().text});
  if (*code == 0) return {};
  return std::unexpected(
      Failure{service_exit_code(), "'systemctl " + verb + " " + kUnit +
                                       "' failed: 'bamgate logs' shows what the service says; it needs "
                                       "the rights of root"});
}

ExitCode show_journal(bool follow) {
  // journalctl itself shows whoever may not read it nothing, and ends as if that were all.
  if (!os::may_read_journal()) {
    return fail(ExitCode::kFailed,
                "what the service says is for root and the groups adm and systemd-journal alone: use sudo");
  }
  const os::OsError error = os::become_program({"journalctl", "--quiet", "--unit", kUnit, "--output", "short-iso",
                                                "--lines", "1000", follow ? "--follow" : "--no-pager"});
  return fail(ExitCode::kFailed, error.text);
}

}  // namespace bamgate::cli
