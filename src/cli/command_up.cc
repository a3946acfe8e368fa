// bamgate up: connects this device and stays in the foreground until Ctrl-C or `bamgate down`.
#include <spdlog/spdlog.h>

#include "cli/commands.h"
#include "cli/device_host.h"

namespace bamgate::cli {

ExitCode run_up(const UpArguments& arguments) {
  if (arguments.verbose) spdlog::set_level(spdlog::level::debug);
  ConfigFolder folder(arguments.config);
  auto device = folder.load();
  if (!device) return fail(device.error().code, device.error().text);
  net::Loop loop;
  auto host = DeviceHost::create(loop, std::move(folder), std::move(*device));
  if (!host) return fail(host.error().code, host.error().text);
  return (*host)->run();
}

}  // namespace bamgate::cli
