// bamgate devices trust NAME: this device takes the key that a device of that name has now, in place of the one it had.
#include <cstdio>

#include "agent/pins.h"
#include "cli/commands.h"
#include "cli/control.h"
#include "core/device_name.h"
#include "net/clock.h"
#include "os/file.h"

namespace bamgate::cli {
namespace {

ExitCode say_done(const std::string& what) {
  std::fprintf(stderr, "%s\n", what.c_str());
  return ExitCode::kDone;
}

/// No agent runs: the file is ours.
ExitCode trust_on_disk(const host::ConfigFolder& folder, const std::string& name) {
  const auto config = folder.load_config();
  if (!config) return fail(config.error().code, config.error().text);
  const auto lock = os::FileLock::acquire(folder.lock());
  if (!lock) return fail(ExitCode::kFailed, lock.error().text);
  const auto stored = folder.load_pins(config->network);
  if (!stored) return fail(stored.error().code, stored.error().text);
  agent::Pins pins(*stored);
  const agent::Pins::Trust trusted = pins.trust(name, net::unix_now());
  if (trusted == agent::Pins::Trust::kUnknown) {
    return fail(ExitCode::kFailed, "no device '" + name + "' is known here, so any key that it comes with is taken");
  }
  const auto saved = folder.save_pins({host::network_id(config->network), pins.all()});
  if (!saved) return fail(saved.error().code, saved.error().text);
  if (trusted == agent::Pins::Trust::kOpened) return say_done("the next key that '" + name + "' comes with is taken");
  return say_done("'" + name + "' is trusted with the key " + wg::PublicKey{pins.find(name)->key}.to_string());
}

}  // namespace

ExitCode run_trust(const TrustArguments& arguments) {
  if (!is_device_name(arguments.name)) return fail(ExitCode::kUsage, "'" + arguments.name + "' is no device name");
  const host::ConfigFolder folder(arguments.config);
  net::Loop loop;
  const auto answer = ask_agent(loop, folder, "trust", {{"name", arguments.name}});
  if (!answer && answer.error().code == ExitCode::kNotRunning) return trust_on_disk(folder, arguments.name);
  if (!answer) return fail(answer.error().code, answer.error().text);
  const std::string* done = answer->get_string("done");
  return say_done(done ? *done : "done");
}

}  // namespace bamgate::cli
