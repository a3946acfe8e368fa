// bamgate hub backup, bamgate hub restore: the data folder of a hub as one file, and back.
#include <cstdio>

#include "cli/commands.h"
#include "host/hub_backup.h"

namespace bamgate::cli {

ExitCode run_hub_backup(const HubBackupArguments& arguments) {
  if (arguments.file == "-") {
    return fail(ExitCode::kUsage, "a backup goes into a file and not to standard output: name one");
  }
  const auto done = back_up_hub(host::HubFolder(arguments.data), arguments.file);
  if (!done) return fail(ExitCode::kFailed, "no backup was made: " + done.error());
  std::fprintf(stderr, "the hub in %s is saved in %s; whoever has this file can act as the hub: keep it safe\n",
               arguments.data.c_str(), arguments.file.c_str());
  return ExitCode::kDone;
}

ExitCode run_hub_restore(const HubRestoreArguments& arguments) {
  const auto done = restore_hub(host::HubFolder(arguments.data), arguments.file, arguments.force);
  if (!done) return fail(ExitCode::kFailed, "cannot restore the hub: " + done.error());
  std::fprintf(
      stderr,
      "%s is as it was at the time of the backup; %s. Devices that were revoked since are to be revoked again\n",
      arguments.data.c_str(), *done ? "the hub that runs there goes on with it" : "start the hub again");
  return ExitCode::kDone;
}

}  // namespace bamgate::cli
