#include "cli/start_check.h"

#include <unistd.h>

#include <string>

#include "cli/control.h"
#include "cli/log_file.h"
#include "json/value.h"
#include "net/loop.h"
#include "os/file.h"
#include "os/tun.h"

namespace bamgate::cli {
namespace {

/// The name of the interface that the device which runs holds; empty where none answers.
std::string interface_held(const host::ConfigFolder& folder) {
  net::Loop loop;
  const auto status = ask_agent(loop, folder, "status");
  const json::Value* device = status ? status->find("device") : nullptr;
  const std::string* name = device ? device->get_string("interface") : nullptr;
  return name ? *name : "";
}

/// The interface is made and goes again at once. What the device that runs holds cannot be made twice: another name
/// tells as much of the rights and of /dev/net/tun.
std::expected<void, Failure> try_interface(const host::ConfigFolder& folder, const std::string& name) {
  const bool held = name == interface_held(folder);
  const auto tun = os::Tun::create(held ? "try" + std::to_string(getpid()) : name);
  if (!tun) return os::refuse(tun.error());
  return {};
}

/// Held by the device that runs, or free.
std::expected<void, Failure> try_lock(const host::ConfigFolder& folder) {
  const auto lock = os::FileLock::acquire(folder.lock());
  if (!lock && lock.error().code != os::Error::kBusy) return os::refuse(lock.error());
  return {};
}

}  // namespace

std::expected<void, Failure> try_start(const host::ConfigFolder& folder, Starter starter) {
  const auto device = folder.load();
  if (!device) return std::unexpected(device.error());
  if (starter == Starter::kSystemd && geteuid() != 0) return {};
  if (auto done = try_lock(folder); !done) return done;
  if (starter == Starter::kOurselves) {
    if (auto done = try_log(log_file(folder)); !done) return done;
  }
  return try_interface(folder, device->config.device.interface);
}

}  // namespace bamgate::cli
