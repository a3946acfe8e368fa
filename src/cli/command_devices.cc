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

/// What the hub is asked with: the running agent's access token where there is one, so that two processes never rotate
/// one refresh token.
class HubLogin {
 public:
  HubLogin(net::Loop& loop, const host::ConfigFolder& folder, host::Device& device)
      : loop_(loop), folder_(folder), device_(device) {}

  /// `question` of a token. One that the hub does not take, as when its clock was set, is exchanged once.
  template <typename Question>
  auto ask(const Question& question) -> decltype(question(std::string())) {
    if (auto done = token_.empty() ? get_token() : std::expected<void, Failure>(); !done) return failed(done.error());
    auto answer = question(token_);
    if (answer || answer.error().fault.verdict != signaling::Verdict::kTokenRefused) return answer;
    if (auto done = get_token(); !done) return failed(done.error());
    return question(token_);
  }

 private:
  static std::unexpected<host::ApiFailure> failed(const Failure& failure) {
    host::ApiFailure result;
    static_cast<Failure&>(result) = failure;
    return std::unexpected(std::move(result));
  }

  /// Another one than the last.
  std::expected<void, Failure> get_token() {
    auto running = ask_agent(loop_, folder_, "token", {{"refused", token_}});
    if (!running) {
      return running.error().code == ExitCode::kNotRunning ? exchange() : std::unexpected(running.error());
    }
    const std::string* token = running->get_string("access_token");
    if (token != nullptr) {
      token_ = *token;
      return {};
    }
    const std::string* why = running->get_string("why");
    const std::string* code = running->get_string("code");
    return std::unexpected(
        Failure{code != nullptr && !code->empty() ? ExitCode::kNotAuthorised : ExitCode::kHubUnreachable,
                why != nullptr ? *why : "the bamgate that runs is going down: try again"});
  }

  std::expected<void, Failure> exchange() {
    const auto lock = os::FileLock::acquire(folder_.lock(), lock_note(RunMode::kCommand, false));
    if (!lock) return std::unexpected(Failure{ExitCode::kFailed, lock.error().text});
    const auto fresh = loop_.block_on(exchange_refresh_token(loop_, folder_, device_.config, device_.secrets));
    if (!fresh) return std::unexpected(fresh.error());
    token_ = fresh->access_token;
    return {};
  }

  net::Loop& loop_;
  const host::ConfigFolder& folder_;
  host::Device& device_;
  std::string token_;  // the last one
};

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
