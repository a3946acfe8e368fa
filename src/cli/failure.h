// Why a command did not do what it was asked for.
#pragma once

#include <expected>
#include <string>

#include "cli/output.h"
#include "os/os_error.h"

namespace bamgate::cli {

/// What could not be done, with the exit code that tells it.
struct Failure {
  ExitCode code = ExitCode::kFailed;
  std::string text;
  std::string hub_error = {};  // the code of the hub's refusal; empty when it was none
};

/// What the system has refused, in its words.
std::unexpected<Failure> refuse(const os::OsError& error);

/// A command that was called in a wrong way.
std::unexpected<Failure> usage(std::string text);

}  // namespace bamgate::cli
