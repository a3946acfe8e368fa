// bamgate devices: what management.h does, asked by a device, and a join string for another one.
#include <unistd.h>

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
  const auto fresh = loop.block_on(exchange_refresh_token(loop, folder, device.config, device.secrets));
  if (!fresh) return std::unexpected(fresh.error());
  return fresh->access_token;
}

ExitCode add(net::Loop& loop, const DevicesArguments& arguments, const host::Device& device, const host::HubAccess& hub,
             const std::string& access) {
  const auto ttl = parse_time(arguments.ttl);
  if (!ttl) return fail(ExitCode::kUsage, "--ttl '" + arguments.ttl + "' is no time: say it as 30m, 24h or 7d");
  const auto token = loop.block_on(
      make_join_token(loop, hub, access,
                      {.uses = arguments.uses, .ttl_s = *ttl, .admin = arguments.admin, .name = arguments.for_name}));
  if (!token) return fail(token.error().code, token.error().text);
  config::JoinString join;
  join.host = device.config.network.server_url.host;
  join.port = device.config.network.server_url.port;
  join.token = config::SecretText(token->token);
  join.fingerprint = device.config.network.hub_fingerprint;
  const std::string text = config::write_join_string(join);
  if (arguments.manage.json) {
    json::Value result;
    result.set("join_string", text);
    result.set("token_id", token->id);
    result.set("expires_at", token->expires_at);
    result.set("uses", token->uses);
    std::printf("%s\n", json::write(result).c_str());
    return ExitCode::kDone;
  }
  print_join_offer({.text = text,
                    .ttl_s = *ttl,
                    .uses = token->uses,
                    .name = arguments.for_name,
                    .explain = true,
                    .qr = is_terminal(STDERR_FILENO)});
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
  if (arguments.add) return add(loop, arguments, *device, hub, *access);
  const AskHub ask = [&](const std::string& method, const std::string& target, const json::Value& body) {
    return loop.block_on(host::ask_hub(loop, hub, *access, method, target, body));
  };
  return manage(arguments.manage, ask, device->config.network.device_id, "bamgate devices");
}

}  // namespace bamgate::cli
