// bamgate up: connects this device until Ctrl-C or `bamgate down`: in the foreground, in the background (-d) through
// the service manager where it has the unit, and by itself otherwise.
#include <spdlog/spdlog.h>

#include <cstdio>
#include <exception>
#include <optional>
#include <string>

#include "cli/commands.h"
#include "cli/first_answer.h"
#include "cli/log_file.h"
#include "cli/service.h"
#include "cli/terminal.h"
#include "host/device_host.h"
#include "host/service_user.h"
#include "os/detach.h"
#include "os/service.h"

namespace bamgate::cli {
namespace {

Failure held_by(const Holder& holder) {
  if (holder.mode == RunMode::kCommand) {
    return {ExitCode::kFailed, describe(holder) + ", as 'bamgate setup' does: try again when it has ended"};
  }
  return {ExitCode::kFailed, "this device is connected already, by " + describe(holder) +
                                 ": 'bamgate status' shows it, 'bamgate down' ends it"};
}

/// The folder's lock; the refusal says who holds it.
std::expected<os::FileLock, Failure> take_lock(const host::ConfigFolder& folder, RunMode mode, bool verbose) {
  auto lock = os::FileLock::acquire(folder.lock(), lock_note(mode, verbose));
  if (lock) return std::move(*lock);
  const auto holder = find_holder(folder);
  if (lock.error().code == os::Error::kBusy && holder) return std::unexpected(held_by(*holder));
  return refuse(lock.error());
}

/// Everything that must be there before anybody is told that the tunnel is up.
std::expected<std::unique_ptr<host::DeviceHost>, Failure> prepare(net::Loop& loop, host::ConfigFolder folder,
                                                                  RunMode mode, const UpArguments& arguments) {
  // While we are still the user who asked: the files are theirs.
  auto capture = net::Capture::open(arguments.capture);
  if (!capture) return std::unexpected(Failure{ExitCode::kFailed, capture.error().detail});
  auto device = folder.load();
  if (!device) return std::unexpected(device.error());
  hand_over(folder);
  if (auto done = become_device_user(folder); !done) return std::unexpected(done.error());
  auto lock = take_lock(folder, mode, arguments.verbose);
  if (!lock) return std::unexpected(lock.error());
  if (mode == RunMode::kBackground) {
    if (auto done = log_into(log_file(folder)); !done) return std::unexpected(done.error());
  }
  auto host =
      host::DeviceHost::create(loop, std::move(folder), std::move(*device), std::move(*lock), std::move(*capture));
  if (!host) return host;
  if (auto done = host::keep_device_rights(); !done) return std::unexpected(done.error());
  return host;
}

ExitCode run_here(const UpArguments& arguments, RunMode mode, os::Detached* detached) {
  net::Loop loop;
  // From here on signals wait until the loop runs: a device that is half made is made, says goodbye and leaves nothing.
  std::unique_ptr<host::DeviceHost> running;
  const TerminalWatch terminal;
  loop.on_signal([](int) {});
  loop.on_hangup([&] {
    // The file first: what comes of it is to stand in the new one.
    if (mode == RunMode::kBackground) reopen_log();
    terminal.is_gone() ? running->stop(ExitCode::kDone) : running->reload();
  });
  auto host = prepare(loop, host::ConfigFolder(arguments.config), mode, arguments);
  if (!host) return fail(host.error().code, host.error().text);
  running = std::move(*host);
  os::notify_ready();
  if (detached != nullptr) detached->ready();
  try {
    return running->run();
  } catch (const std::exception& error) {
    spdlog::critical("{}", error.what());  // in the background nobody hears standard error
    return ExitCode::kFailed;
  }
}

ExitCode run_in_background(const UpArguments& arguments) {
  const host::ConfigFolder folder(arguments.config);
  std::error_code none;
  const auto before = std::filesystem::file_size(log_file(folder), none);
  auto split = os::Detached::split();
  if (!split) return fail(ExitCode::kFailed, split.error().text);
  if (split->is_child()) return run_here(arguments, RunMode::kBackground, &*split);
  if (const auto ended = split->wait()) return static_cast<ExitCode>(*ended);
  std::optional<int> code;
  Heard heard = await_first_answer(folder, [&] { return (code = split->ended()).has_value(); });
  if (heard.what == FirstAnswer::kEnded) heard.why = last_complaint(log_file(folder), none ? 0 : before);
  const std::string text =
      first_answer_text("it runs in the background as process " + std::to_string(split->child()), heard) +
      (heard.what == FirstAnswer::kEnded ? "" : "; 'bamgate logs' shows " + log_file(folder).string());
  if (heard.what == FirstAnswer::kEnded) return fail(static_cast<ExitCode>(code.value_or(1)), text);
  std::fprintf(stderr, "%s\n", text.c_str());
  return ExitCode::kDone;
}

ExitCode start_service(const host::ConfigFolder& folder) {
  if (const auto holder = find_holder(folder)) return fail(ExitCode::kFailed, held_by(*holder).text);
  if (const auto good = check_configuration(folder); !good) return fail(good.error().code, good.error().text);
  hand_over(folder);
  if (const auto started = control_service("start"); !started) return fail(started.error().code, started.error().text);
  const Heard heard = await_first_answer(folder, [] { return !service_is_active(); });
  if (heard.what == FirstAnswer::kEnded) {
    return fail(service_exit_code(), "bamgate.service: " + first_answer_text("", heard));
  }
  std::fprintf(stderr, "%s; 'bamgate logs' shows what it says\n",
               first_answer_text("bamgate.service runs", heard).c_str());
  return ExitCode::kDone;
}

}  // namespace

ExitCode run_up(const UpArguments& arguments) {
  if (arguments.verbose) spdlog::set_level(spdlog::level::debug);
  const host::ConfigFolder folder(arguments.config);
  if (arguments.detach && arguments.capture.any()) {
    return fail(ExitCode::kUsage, "--pcap and --keylog are for looking on: they go without --detach");
  }
  if (!arguments.detach) {
    return run_here(arguments, os::started_by_systemd() ? RunMode::kService : RunMode::kForeground, nullptr);
  }
  return is_service(folder) ? start_service(folder) : run_in_background(arguments);
}

}  // namespace bamgate::cli
