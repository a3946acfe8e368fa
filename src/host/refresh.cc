#include "host/refresh.h"

#include <spdlog/spdlog.h>

#include <string>
#include <utility>

#include "agent/refresh_tokens.h"

namespace bamgate::host {
namespace {

ApiFailure no_token(const ConfigFolder& folder) {
  ApiFailure failure;
  static_cast<Failure&>(failure) = {ExitCode::kNotAuthorised,
                                    (folder.path() / "secrets.toml").string() +
                                        " holds no refresh token: run 'bamgate setup' with a new join string"};
  failure.fault = {.verdict = signaling::Verdict::kSuperseded, .text = failure.text, .code = {}, .status = 0};
  return failure;
}

ApiFailure no_place(const Failure& why) {
  ApiFailure failure;
  static_cast<Failure&>(failure) = {why.code, "this device cannot keep a new token of the hub: " + why.text +
                                                  "; until then it goes on with what it has, and the hub is not at "
                                                  "fault"};
  failure.fault.text = failure.text;
  return failure;
}

/// The rest of the file is as a person has left it, which need not be what was read at the start.
void keep_name(const ConfigFolder& folder, config::Config& config, const std::string& name) {
  if (name == config.device.name || !is_device_name(name)) return;
  config.device.name = name;
  auto kept = folder.load_config();
  if (kept) {
    kept->device.name = name;
    if (const auto saved = folder.save_config(*kept); saved) return;
  }
  spdlog::warn("this device is called '{}' now, but its configuration cannot be written", name);
}

/// Likewise: what a person has written there for TURN servers is in force at the next start or reload, and not lost.
std::expected<void, Failure> save_tokens(const ConfigFolder& folder, const config::Secrets& secrets) {
  config::Secrets written = secrets;
  if (auto kept = folder.load_secrets()) written.turn = std::move(kept->turn);
  return folder.save_secrets(written);
}

}  // namespace

asio::awaitable<ApiResult<RefreshedToken>> exchange_refresh_token(net::Loop& loop, const ConfigFolder& folder,
                                                                  config::Config& config, config::Secrets& secrets) {
  if (secrets.refresh_token.empty()) co_return std::unexpected(no_token(folder));
  // The hub's old token is good until the new one is used, but who asks and cannot keep the answer asks in vain.
  if (const auto room = folder.keep_room(); !room) co_return std::unexpected(no_place(room.error()));
  const config::NetworkConfig& network = config.network;
  agent::RefreshExchange exchange(secrets);
  auto reply = co_await refresh_token(loop, hub_access(network), network.device_id, std::string(exchange.token()));
  if (!reply && exchange.refused(reply.error().fault.code)) {
    reply = co_await refresh_token(loop, hub_access(network), network.device_id, std::string(exchange.token()));
  }
  if (!reply) co_return reply;
  config::Secrets before = secrets;
  exchange.accepted(reply->refresh_token);
  if (const auto saved = save_tokens(folder, secrets); !saved) {
    secrets = std::move(before);
    co_return std::unexpected(no_place(saved.error()));
  }
  keep_name(folder, config, reply->device_name);
  co_return reply;
}

}  // namespace bamgate::host
