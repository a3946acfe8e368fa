// The service manager of this machine, as far as it is systemd: whether it runs, what it says about a unit, and telling
// it that we are ready. Its own programs (systemctl) are asked, without a shell; its D-Bus interface is left out.
#pragma once

#include <expected>
#include <string>
#include <vector>

#include "os/os_error.h"

namespace bamgate::os {

/// True when systemd is the service manager (sd_booted(3)).
[[nodiscard]] bool systemd_runs();

/// True when systemd has a unit file of that name ("bamgate.service").
[[nodiscard]] bool unit_exists(const std::string& unit);

/// True when systemd started this very process as a service, and not one that started us (systemd.exec(5),
/// SYSTEMD_EXEC_PID).
[[nodiscard]] bool started_by_systemd();

/// Tells systemd that this service does its work from now on (sd_notify(3)); nothing when it does not want to know.
void notify_ready();

/// False when this machine has a journal of its services and none of its files may be read by us.
[[nodiscard]] bool may_read_journal();

/// Runs a program (looked for in PATH) with our input and output and waits for its end. Its exit code; 128 and more:
/// a signal ended it. Errors: kNotFound (no such program), kSystem.
[[nodiscard]] std::expected<int, OsError> run_program(const std::vector<std::string>& words);

/// Goes on as that program: a signal that is sent to this process reaches it. Comes back only with an error, as above.
[[nodiscard]] OsError become_program(const std::vector<std::string>& words);

/// Runs a program like run_program() whose output (at most 64 KiB of it) is the answer. The last newline is taken off.
[[nodiscard]] std::expected<std::string, OsError> read_program(const std::vector<std::string>& words);

}  // namespace bamgate::os
