// bamgate devices: what management.h does, asked by a device, and a join string for another one.
#include <unistd.h>

#include <cstdio>

#include "cli/commands.h"
#include "cli/hub_login.h"
#include "cli/join_offer.h"
#include "cli/output.h"
#include "cli/table.h"
#include "cli/terminal.h"
#include "cli/time_argument.h"
#include "config/join_string.h"
#include "host/hub_api.h"
#include "json/write.h"

namespace bamgate::cli {
namespace {

ExitCode add(net::Loop& loop, const DevicesArguments& arguments, const host::Device& device, const host::HubAccess& hub,
             HubLogin& login) {
  const auto ttl = parse_time(arguments.ttl);
  if (!ttl) return fail(ExitCode::kUsage, "--ttl '" + arguments.ttl + "' is no time: say it as 30m, 24h or 7d");
  const auto token = login.ask([&](const std::string& access) {
    return loop.block_on(
        make_join_token(loop, hub, access,
                        {.uses = arguments.uses, .ttl_s = *ttl, .admin = arguments.admin, .name = arguments.for_name}));
  });
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
  HubLogin login(loop, folder, *device);
  const host::HubAccess hub = host::hub_access(device->config.network);
  if (arguments.add) return add(loop, arguments, *device, hub, login);
  const AskHub ask = [&](const std::string& method, const std::string& target, const json::Value& body) {
    return login.ask([&](const std::string& access) {
      return loop.block_on(host::ask_hub(loop, hub, access, method, target, body));
    });
  };
  return manage(arguments.manage, ask, device->config.network.device_id, "bamgate devices");
}

}  // namespace bamgate::cli
