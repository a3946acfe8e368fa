// Who holds a device's connection - this terminal, the background, or the service - and the service's own commands.
#pragma once

#include <expected>
#include <optional>
#include <string>

#include "host/config_folder.h"
#include "os/file.h"

namespace bamgate::cli {

/// Who holds a device: `bamgate up`, and how it runs, or a command that works on its credentials for a moment. Written
/// into the lock, so that others can tell.
enum class RunMode : std::uint8_t { kForeground, kBackground, kService, kCommand };

/// What the lock of a running agent says.
struct Holder {
  pid_t process = 0;
  RunMode mode = RunMode::kForeground;
  bool verbose = false;
  std::int64_t since = 0;  // Unix seconds
};

/// The line of the lock file, and back.
std::string lock_note(RunMode mode, bool verbose);
/// Who holds this folder's connection now.
std::optional<Holder> find_holder(const host::ConfigFolder& folder);
/// "process 123 in the background, since 2026-01-31 14:02".
std::string describe(const Holder& holder);

/// True when systemd runs this machine and has a unit for the device of this folder: then the commands go through it.
bool is_service(const host::ConfigFolder& folder);
/// True when the service is up, on its way up, or waits for its next attempt.
bool service_is_active();
/// The exit code that the service's last process ended with; kFailed when it says nothing.
ExitCode service_exit_code();
/// Refuses what `up` would refuse: to be asked before a device that runs is stopped.
std::expected<void, Failure> check_configuration(const host::ConfigFolder& folder);
/// Does `verb` (start, stop, restart) with the service. On failure with the exit code that the service ended with.
std::expected<void, Failure> control_service(const std::string& verb);
/// Shows the service's journal; to its end, or following it until Ctrl-C.
ExitCode show_journal(bool follow);

}  // namespace bamgate::cli
