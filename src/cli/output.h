// How commands end and what they say: exit codes, errors on stderr, figures as a person says them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace bamgate::cli {

/// docs: "Exit codes"; scripts and the service manager rely on them.
enum class ExitCode : int {
  kDone = 0,
  kFailed = 1,
  kUsage = 2,
  kNotRunning = 3,
  kNotAuthorised = 4,  // register again
  kHubUnreachable = 5,
};

/// Prints "bamgate: MESSAGE" to stderr and returns `code`. The message says what was tried, what failed and what to do.
ExitCode fail(ExitCode code, std::string_view message);

/// "3 s", "2 min 5 s", "1 h 3 min", "4 days": as a person says it.
std::string human_duration(double seconds);
/// "512 B", "1.2 MiB".
std::string human_bytes(std::uint64_t bytes);

}  // namespace bamgate::cli
