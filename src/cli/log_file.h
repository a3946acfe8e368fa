// The log of an agent in the background: two files of bounded size beside its control socket.
#pragma once

#include <filesystem>

#include "host/config_folder.h"

namespace bamgate::cli {

/// Where the agent of this folder logs when it runs in the background.
std::filesystem::path log_file(const host::ConfigFolder& folder);

/// From now on messages go to standard error and into the file, which is replaced when it is full (1 MiB; the one
/// before it is kept). Failure: the file cannot be written.
std::expected<void, Failure> log_into(const std::filesystem::path& file);

/// Goes on in a new file of the same name: whoever moved the old one away (logrotate) says so by SIGHUP.
void reopen_log();

/// Prints what the file and its predecessor hold; with `follow` goes on with what comes, until a signal ends it.
/// kNotRunning when there is no such file. Throws os::AnswerLost when nobody takes what is printed.
ExitCode show_log(const std::filesystem::path& file, bool follow);

}  // namespace bamgate::cli
