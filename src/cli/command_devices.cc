// bamgate devices: lists the network's devices, revokes one, or makes a join string for another.
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "cli/commands.h"
#include "cli/control.h"
#include "cli/join_offer.h"
#include "cli/output.h"
#include "cli/service.h"
#include "cli/table.h"
#include "cli/terminal.h"
#include "cli/time_argument.h"
#include "config/join_string.h"
#include "host/hub_api.h"
#include "host/refresh.h"
#include "json/write.h"
#include "net/clock.h"
#include "os/file.h"

namespace bamgate::cli {
namespace {

/// An access token: of the running agent where there is one, so that two processes never rotate one refresh token.
std::expected<std::string, Failure> access_token(net::Loop& loop, const host::ConfigFolder& folder,
                                                 host::Device& device) {
  auto running = ask_agent(loop, folder, "token");
  if (running) {
    if (const std::string* token = running->get_string("access_token")) return *token;
    return std::unexpected(Failure{ExitCode::kHubUnreachable,
                                   "bamgate has no connection to the hub at present: look "
                                   "at 'bamgate status'"});
  }
  if (running.error().code != ExitCode::kNotRunning) return std::unexpected(running.error());
  const auto lock = os::FileLock::acquire(folder.lock(), lock_note(RunMode::kCommand, false));
  if (!lock) return std::unexpected(Failure{ExitCode::kFailed, lock.error().text});
  const auto fresh = loop.block_on(exchange_refresh_token(loop, folder, device.config.network, device.secrets));
  if (!fresh) return std::unexpected(fresh.error());
  return fresh->access_token;
}

std::string ago(std::optional<std::int64_t> unix_seconds) {
  if (!unix_seconds) return "never";
  return human_duration(static_cast<double>(net::unix_now().seconds - *unix_seconds)) + " ago";
}

void print_table(const std::vector<host::DeviceEntry>& devices, const std::string& own_id) {
  const bool colour = use_colour(STDOUT_FILENO);
  Table table({"NAME", "ADDRESS", "STATE", "LAST SEEN", "ID"});
  for (const host::DeviceEntry& device : devices) {
    const std::string state = device.revoked ? "revoked" : device.online ? "online" : "offline";
    const Colour kind = device.revoked ? Colour::kBad : device.online ? Colour::kGood : Colour::kNone;
    table.add_row({device.name + (device.id == own_id ? " (this device)" : ""),
                   device.address.substr(0, device.address.find('/')), paint(state, kind, colour),
                   device.online ? "now" : ago(device.last_seen_at), device.id});
  }
  std::fputs(table.to_string().c_str(), stdout);
}

void print_json(const std::vector<host::DeviceEntry>& devices) {
  json::Array list;
  for (const host::DeviceEntry& device : devices) {
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

/// True when a person, or --yes, wants it.
std::expected<bool, Failure> confirmed(const DevicesArguments& arguments, const host::DeviceEntry& device,
                                       bool is_own) {
  if (arguments.yes) return true;
  const auto answer = ask("Revoke '" + device.name + "' (" + device.address + (is_own ? "), this very device" : ")") +
                              "? It loses its connections at once and must be set up anew. [y/N] ",
                          "revoking asks back, and there is no terminal to ask on: add --yes to do it at once");
  if (!answer) return std::unexpected(answer.error());
  return *answer == "y" || *answer == "Y" || *answer == "yes";
}

ExitCode revoke(net::Loop& loop, const DevicesArguments& arguments, const host::Device& own, const host::HubAccess& hub,
                const std::string& access) {
  const auto devices = loop.block_on(list_devices(loop, hub, access));
  if (!devices) return fail(devices.error().code, devices.error().text);
  const auto found = std::ranges::find_if(*devices, [&](const host::DeviceEntry& device) {
    return device.id == arguments.revoke || (device.name == arguments.revoke && !device.revoked);
  });
  if (found == devices->end()) {
    return fail(ExitCode::kFailed, "there is no device '" + arguments.revoke + "': 'bamgate devices' lists them");
  }
  if (found->revoked) {
    std::fprintf(stderr, "'%s' was revoked before\n", found->name.c_str());
    return ExitCode::kDone;
  }
  const auto sure = confirmed(arguments, *found, found->id == own.config.network.device_id);
  if (!sure) return fail(sure.error().code, sure.error().text);
  if (!*sure) return fail(ExitCode::kFailed, "nothing was revoked");
  const auto revoked = loop.block_on(revoke_device(loop, hub, access, found->id));
  if (!revoked) return fail(revoked.error().code, revoked.error().text);
  std::fprintf(stderr, "'%s' is revoked\n", found->name.c_str());
  return ExitCode::kDone;
}

ExitCode add(net::Loop& loop, const DevicesArguments& arguments, const host::Device& device, const host::HubAccess& hub,
             const std::string& access) {
  const auto ttl = parse_time(arguments.ttl);
  if (!ttl) return fail(ExitCode::kUsage, "--ttl '" + arguments.ttl + "' is no time: say it as 30m, 24h or 7d");
  const auto token = loop.block_on(make_join_token(loop, hub, access, arguments.uses, *ttl));
  if (!token) return fail(token.error().code, token.error().text);
  config::JoinString join;
  join.host = device.config.network.server_url.host;
  join.port = device.config.network.server_url.port;
  join.token = config::SecretText(token->token);
  join.fingerprint = device.config.network.hub_fingerprint;
  const std::string text = config::write_join_string(join);
  if (arguments.json) {
    json::Value result;
    result.set("join_string", text);
    result.set("expires_at", token->expires_at);
    result.set("uses", token->uses);
    std::printf("%s\n", json::write(result).c_str());
    return ExitCode::kDone;
  }
  print_join_offer(
      {.text = text, .ttl_s = *ttl, .uses = token->uses, .explain = true, .qr = is_terminal(STDERR_FILENO)});
  return ExitCode::kDone;
}

}  // namespace

ExitCode run_devices(const DevicesArguments& arguments) {
  const host::ConfigFolder folder(arguments.config);
  auto device = folder.load();
  if (!device) return fail(device.error().code, device.error().text);
  net::Loop loop;
  const auto access = access_token(loop, folder, *device);
  if (!access) return fail(access.error().code, access.error().text);
  const host::HubAccess hub = host::hub_access(device->config.network);
  if (!arguments.revoke.empty()) return revoke(loop, arguments, *device, hub, *access);
  if (arguments.add) return add(loop, arguments, *device, hub, *access);
  const auto devices = loop.block_on(list_devices(loop, hub, *access));
  if (!devices) return fail(devices.error().code, devices.error().text);
  if (arguments.json) {
    print_json(*devices);
  } else {
    print_table(*devices, device->config.network.device_id);
  }
  return ExitCode::kDone;
}

}  // namespace bamgate::cli
