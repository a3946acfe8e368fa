// bamgate devices: lists the network's devices, revokes one, or makes a join string for another.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <iostream>

#include "cli/commands.h"
#include "cli/control.h"
#include "cli/hub_api.h"
#include "cli/qr.h"
#include "config/join_string.h"
#include "json/write.h"
#include "net/clock.h"
#include "os/file.h"

namespace bamgate::cli {
namespace {

/// An access token: of the running agent where there is one, so that two processes never rotate one refresh token.
std::expected<std::string, Failure> access_token(net::Loop& loop, const ConfigFolder& folder, Device& device) {
  auto running = ask_agent(loop, folder, "token");
  if (running) {
    if (const std::string* token = running->get_string("access_token")) return *token;
    return std::unexpected(Failure{ExitCode::kHubUnreachable,
                                   "the agent has no connection to the hub at present: look "
                                   "at 'bamgate status'"});
  }
  if (running.error().code != ExitCode::kNotRunning) return std::unexpected(running.error());
  const auto lock = os::FileLock::acquire(folder.lock());
  if (!lock) return std::unexpected(Failure{ExitCode::kFailed, lock.error().text});
  const auto fresh =
      loop.block_on(refresh_token(loop, hub_access(device.config.network), device.config.network.device_id,
                                  std::string(device.secrets.refresh_token.view())));
  if (!fresh) return std::unexpected(fresh.error());
  device.secrets.refresh_token = config::SecretText(fresh->refresh_token);
  if (const auto saved = folder.save_secrets(device.secrets); !saved) return std::unexpected(saved.error());
  return fresh->access_token;
}

std::string ago(std::optional<std::int64_t> unix_seconds) {
  if (!unix_seconds) return "never";
  return human_duration(static_cast<double>(net::unix_now().seconds - *unix_seconds)) + " ago";
}

void print_table(const std::vector<DeviceEntry>& devices) {
  std::size_t width = 4;
  for (const DeviceEntry& device : devices) width = std::max(width, device.name.size());
  std::printf("%-*s  %-18s  %-8s  %-16s  %s\n", static_cast<int>(width), "NAME", "ADDRESS", "STATE", "LAST SEEN", "ID");
  for (const DeviceEntry& device : devices) {
    const char* state = device.revoked ? "revoked" : device.online ? "online" : "offline";
    std::printf("%-*s  %-18s  %-8s  %-16s  %s\n", static_cast<int>(width), device.name.c_str(), device.address.c_str(),
                state, device.online ? "now" : ago(device.last_seen_at).c_str(), device.id.c_str());
  }
}

void print_json(const std::vector<DeviceEntry>& devices) {
  json::Array list;
  for (const DeviceEntry& device : devices) {
    json::Value entry;
    entry.set("device_id", device.id);
    entry.set("device_name", device.name);
    entry.set("address", device.address);
    entry.set("created_at", device.created_at);
    entry.set("last_seen_at", device.last_seen_at ? json::Value(*device.last_seen_at) : json::Value());
    entry.set("revoked", device.revoked);
    entry.set("online", device.online);
    list.push_back(std::move(entry));
  }
  json::Value result;
  result.set("devices", std::move(list));
  std::printf("%s\n", json::write(result).c_str());
}

bool confirmed(const DevicesArguments& arguments, const DeviceEntry& device) {
  if (arguments.yes || isatty(STDIN_FILENO) != 1) return true;
  std::fprintf(stderr, "Revoke '%s' (%s)? It loses its connections at once and must be set up anew. [y/N] ",
               device.name.c_str(), device.address.c_str());
  std::string answer;
  std::getline(std::cin, answer);
  return answer == "y" || answer == "Y" || answer == "yes";
}

ExitCode revoke(net::Loop& loop, const DevicesArguments& arguments, const HubAccess& hub, const std::string& access) {
  const auto devices = loop.block_on(list_devices(loop, hub, access));
  if (!devices) return fail(devices.error().code, devices.error().text);
  const auto found = std::ranges::find_if(*devices, [&](const DeviceEntry& device) {
    return device.id == arguments.revoke || (device.name == arguments.revoke && !device.revoked);
  });
  if (found == devices->end()) {
    return fail(ExitCode::kFailed, "there is no device '" + arguments.revoke + "': 'bamgate devices' lists them");
  }
  if (!confirmed(arguments, *found)) return fail(ExitCode::kFailed, "nothing was revoked");
  const auto revoked = loop.block_on(revoke_device(loop, hub, access, found->id));
  if (!revoked) return fail(revoked.error().code, revoked.error().text);
  std::fprintf(stderr, "'%s' is revoked\n", found->name.c_str());
  return ExitCode::kDone;
}

ExitCode add(net::Loop& loop, const Device& device, const HubAccess& hub, const std::string& access) {
  const auto token = loop.block_on(make_join_token(loop, hub, access));
  if (!token) return fail(token.error().code, token.error().text);
  config::JoinString join;
  join.host = device.config.network.server_url.host;
  join.port = device.config.network.server_url.port;
  join.token = config::SecretText(*token);
  join.fingerprint = device.config.network.hub_fingerprint;
  const std::string text = config::write_join_string(join);
  if (isatty(STDERR_FILENO) == 1) print_qr(text);
  std::fprintf(stderr, "on the new device, within 24 hours: bamgate setup --join 'STRING'\n");
  std::printf("%s\n", text.c_str());
  return ExitCode::kDone;
}

}  // namespace

ExitCode run_devices(const DevicesArguments& arguments) {
  const ConfigFolder folder(arguments.config);
  auto device = folder.load();
  if (!device) return fail(device.error().code, device.error().text);
  net::Loop loop;
  const auto access = access_token(loop, folder, *device);
  if (!access) return fail(access.error().code, access.error().text);
  const HubAccess hub = hub_access(device->config.network);
  if (!arguments.revoke.empty()) return revoke(loop, arguments, hub, *access);
  if (arguments.add) return add(loop, *device, hub, *access);
  const auto devices = loop.block_on(list_devices(loop, hub, *access));
  if (!devices) return fail(devices.error().code, devices.error().text);
  if (arguments.json) {
    print_json(*devices);
  } else {
    print_table(*devices);
  }
  return ExitCode::kDone;
}

}  // namespace bamgate::cli
