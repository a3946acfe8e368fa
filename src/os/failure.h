// How a command ends: its exit code, and why it did not do what it was asked for.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "os/os_error.h"

namespace bamgate::os {

/// docs: "Exit codes"; scripts and the service manager rely on them.
enum class ExitCode : int {
  kDone = 0,
  kFailed = 1,
  kUsage = 2,
  kNotRunning = 3,
  kNotAuthorised = 4,  // register again
  kHubUnreachable = 5,
};

/// What could not be done, with the exit code that tells it.
struct Failure {
  ExitCode code = ExitCode::kFailed;
  std::string text;
};

/// What the system has refused, in its words.
std::unexpected<Failure> refuse(const OsError& error);

/// A command that was called in a wrong way.
std::unexpected<Failure> usage(std::string text);

/// Prints "bamgate: MESSAGE" to stderr and returns `code`. The message says what was tried, what failed and what to do.
ExitCode fail(ExitCode code, std::string_view message);

}  // namespace bamgate::os

namespace bamgate {

// The rooms above (host, lab, cli) end with them everywhere.
using os::ExitCode;
using os::Failure;

}  // namespace bamgate
