// bamgate down, restart and logs: through the service manager where it holds the device, by asking the agent otherwise.
#include <chrono>

#include "cli/commands.h"
#include "cli/control.h"
#include "cli/log_file.h"
#include "cli/service.h"
#include "cli/start_check.h"
#include "os/process_watch.h"

namespace bamgate::cli {
namespace {

// The agent has answered after its last act but one.
constexpr auto kEndPatience = std::chrono::seconds(5);

/// Asks the agent to take everything down, and waits for its end: its lock goes with it.
ExitCode stop_agent(const host::ConfigFolder& folder) {
  const auto holder = find_holder(folder);
  const os::ProcessWatch agent(holder ? holder->process : 0);
  net::Loop loop;
  const auto answer = ask_agent(loop, folder, "down");
  if (!answer) return fail(answer.error().code, answer.error().text);
  if (agent.wait_for_end(kEndPatience)) return ExitCode::kDone;
  return fail(ExitCode::kFailed, "bamgate has taken the tunnel down but does not end");
}

bool service_holds(const host::ConfigFolder& folder) { return is_service(folder) && service_is_active(); }

ExitCode through_service(const std::string& verb) {
  const auto done = control_service(verb);
  return done ? ExitCode::kDone : fail(done.error().code, done.error().text);
}

}  // namespace

ExitCode run_down(const std::string& config) {
  // Also a service that waits for its next attempt is stopped: its agent could not be asked.
  const host::ConfigFolder folder(config);
  return service_holds(folder) ? through_service("stop") : stop_agent(folder);
}

ExitCode run_restart(const std::string& config) {
  const host::ConfigFolder folder(config);
  const bool by_service = service_holds(folder);
  const auto holder = find_holder(folder);
  if (by_service || holder) {
    if (const auto good = try_start(folder, by_service ? Starter::kSystemd : Starter::kOurselves); !good) {
      return fail(good.error().code, "nothing was restarted, the device goes on as it was: " + good.error().text);
    }
  }
  if (by_service) return through_service("restart");
  if (const auto stopped = stop_agent(folder); stopped != ExitCode::kDone) return stopped;
  return run_up({.config = config, .verbose = holder && holder->verbose, .detach = true});
}

ExitCode run_logs(const LogsArguments& arguments) {
  const host::ConfigFolder folder(arguments.config);
  const auto holder = find_holder(folder);
  if (holder && holder->mode == RunMode::kForeground) {
    return fail(ExitCode::kFailed, "this device is connected by " + describe(*holder) + ": what it says stands there");
  }
  const bool by_itself = holder && holder->mode == RunMode::kBackground;
  if (is_service(folder) && !by_itself) return show_journal(arguments.follow);
  return show_log(log_file(folder), arguments.follow);
}

}  // namespace bamgate::cli
