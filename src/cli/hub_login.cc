#include "cli/hub_login.h"

#include "cli/control.h"
#include "cli/service.h"
#include "host/refresh.h"
#include "os/file.h"

namespace bamgate::cli {

std::unexpected<host::ApiFailure> HubLogin::failed(const Failure& failure) {
  host::ApiFailure result;
  static_cast<Failure&>(result) = failure;
  return std::unexpected(std::move(result));
}

std::expected<void, Failure> HubLogin::renew() {
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

std::expected<void, Failure> HubLogin::exchange() {
  const auto lock = os::FileLock::acquire(folder_.lock(), lock_note(RunMode::kCommand, false));
  if (!lock) return std::unexpected(Failure{ExitCode::kFailed, lock.error().text});
  const auto fresh = loop_.block_on(exchange_refresh_token(loop_, folder_, device_.config, device_.secrets));
  if (!fresh) return std::unexpected(fresh.error());
  token_ = fresh->access_token;
  return {};
}

}  // namespace bamgate::cli
