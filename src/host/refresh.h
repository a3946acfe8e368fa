// The exchange of this device's refresh token for an access token: one piece of code for the agent and every command.
#pragma once

#include <asio/awaitable.hpp>

#include "host/config_folder.h"
#include "host/hub_api.h"
#include "net/loop.h"

namespace bamgate::host {

/// Asks the hub, a second time with the token before the last one where that heals a refusal (agent/refresh_tokens.h).
/// The successor is in `secrets` and on disk before this returns: the first use of the access token ends the refresh
/// token that was there before. Errors: those of refresh_token(), kFailed when it cannot be saved; `secrets` is then as
/// it was. A new name that an administrator gave to this device is in `config` and in its file then; where the file
/// cannot be written the hub says it again after the next start. The arguments must outlive the coroutine; no second
/// exchange may be under way.
asio::awaitable<ApiResult<RefreshedToken>> exchange_refresh_token(net::Loop& loop, const ConfigFolder& folder,
                                                                  config::Config& config, config::Secrets& secrets);

}  // namespace bamgate::host
