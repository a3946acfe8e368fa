// The log of an agent in the background: two files of bounded size beside its control socket.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "host/config_folder.h"

namespace bamgate::cli {

/// Where the agent of this folder logs when it runs in the background.
std::filesystem::path log_file(const host::ConfigFolder& folder);

/// From now on messages go to standard error and into the file, which is replaced when it is full (1 MiB; the one
/// before it is kept). Failure: the file cannot be written.
std::expected<void, Failure> log_into(const std::filesystem::path& file);

/// Could log_into() write it? Makes nothing. Failure: no, with the reason.
std::expected<void, Failure> try_log(const std::filesystem::path& file);

/// The last error that was logged behind the first `from` bytes, without its time; empty where there is none. After the
/// agent's end it says why it has ended.
std::string last_complaint(const std::filesystem::path& file, std::uintmax_t from);

/// Goes on in a new file of the same name: whoever moved the old one away (logrotate) says so by SIGHUP.
void reopen_log();

/// Prints what the file and its predecessor hold; with `follow` goes on with what comes, until a signal ends it.
/// kNotRunning when there is no such file. Throws os::AnswerLost when nobody takes what is printed.
ExitCode show_log(const std::filesystem::path& file, bool follow);

}  // namespace bamgate::cli
