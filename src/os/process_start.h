// What a process does before anything else: three standard descriptors, no core file, no secret in its arguments.
#pragma once

#include <array>
#include <csignal>
#include <string>
#include <vector>

namespace bamgate::os {

/// Opens descriptors 0, 1 and 2 on /dev/null where they are closed (cron, odd supervisors): otherwise the next files
/// and pipes get these numbers, and what is printed goes into them. Standard output is opened for reading alone, so
/// that an answer for which there is no place fails and is not lost in silence.
void open_standard_descriptors();

/// The signals by which a write may end the process that makes it: the reader has gone, or the file would become larger
/// than this process may make one (RLIMIT_FSIZE).
inline constexpr std::array kWriteSignals = {SIGPIPE, SIGXFSZ};

/// From now on these are errors of the write (EPIPE, EFBIG): a device goes on when nobody reads its messages any more,
/// and a command can say that its answer was lost. Programs that are started from here get the signals' defaults back
/// (service.cc).
void ignore_write_signals();

/// No core file, and no other process of this user may look into the memory: private keys are in there.
void protect_memory();

/// The arguments, copied; what follows `option` ("--option VALUE", "--option=VALUE") and every argument that begins
/// with `scheme` is then overwritten, so that `ps` no longer shows it. "-" stays.
std::vector<std::string> take_arguments(int argc, char** argv, const std::string& option, const std::string& scheme);

}  // namespace bamgate::os
