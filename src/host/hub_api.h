// The hub's HTTP API from a device's side (docs/hub.md): register, refresh, devices, tokens. Who answered, and what it
// means, signaling/hub_answer.h says.
#pragma once

#include <asio/awaitable.hpp>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "json/value.h"
#include "net/http.h"
#include "net/loop.h"
#include "os/failure.h"
#include "signaling/hub_answer.h"

namespace bamgate::host {

/// How the hub is reached and trusted.
struct HubAccess {
  net::Url url;
  net::ConnectOptions connect;
};
HubAccess hub_access(const config::NetworkConfig& network);
HubAccess hub_access(const config::Url& url, const std::optional<Sha256Digest>& fingerprint);

struct Registration {
  std::string device_id;
  std::string access_token;
  std::string refresh_token;
  std::string address;
  std::string address6;
  std::string subnet;
  std::string turn_secret;
  std::string server_url;
  std::vector<std::string> stun;
};

struct RefreshedToken {
  std::string access_token;
  std::string refresh_token;
  std::string device_name;             // as the hub calls this device now; empty: it does not say
  std::int64_t expires_in = 0;         // seconds
  std::vector<std::string> turn = {};  // URIs of the hub's relay; empty: it has none
};

struct DeviceEntry {
  std::string id;
  std::string name;
  std::string address;
  std::int64_t created_at = 0;               // Unix seconds
  std::optional<std::int64_t> last_seen_at;  // Unix seconds
  bool revoked = false;
  bool online = false;
  std::string role;      // "admin" or "member"; empty: a hub without roles
  bool expired = false;  // it was away for too long: an administrator must renew it
};

struct JoinToken {
  std::string token;
  std::string id;               // empty: a hub that lists no tokens
  std::int64_t expires_at = 0;  // Unix seconds
  std::int64_t uses = 0;
};

struct ListedToken {
  std::string id;
  std::string made_by;
  std::string role;
  std::string name;  // empty: for any
  std::int64_t uses_left = 0;
  std::int64_t created_at = 0;  // Unix seconds
  std::int64_t expires_at = 0;  // Unix seconds
};

/// What a join token is asked to be.
struct TokenRequest {
  std::int64_t uses = 1;
  std::int64_t ttl_s = 86400;
  bool admin = false;
  std::string name = {};  // empty: for any
};
/// Why the hub did not do it, also for a machine. Exit codes: kHubUnreachable when nobody answered or somebody who is
/// not the hub, kNotAuthorised when the hub refuses our credentials or our right to ask, kFailed for its other
/// refusals.
struct ApiFailure : Failure {
  signaling::HubFault fault = {};
};

/// What an attempt at the hub came to that ended without an HTTP reply; `url`: the hub's.
signaling::HubFault no_answer(const net::Url& url, const net::NetError& error);

template <typename T>
using ApiResult = std::expected<T, ApiFailure>;

asio::awaitable<ApiResult<Registration>> register_device(net::Loop& loop, HubAccess hub, std::string join_token,
                                                         std::string name, std::string public_key);
asio::awaitable<ApiResult<RefreshedToken>> refresh_token(net::Loop& loop, HubAccess hub, std::string device_id,
                                                         std::string token);
asio::awaitable<ApiResult<JoinToken>> make_join_token(net::Loop& loop, HubAccess hub, std::string access,
                                                      TokenRequest wanted);
/// Any other request with an access token; the body of a 200, which is {"ok":true} for all but GET. `body`: null for
/// none.
asio::awaitable<ApiResult<json::Value>> ask_hub(net::Loop& loop, HubAccess hub, std::string access, std::string method,
                                                std::string target, json::Value body);

/// What `GET /auth/devices` and `GET /auth/tokens` say, whichever way the reply came. Failure: it says something else.
ApiResult<std::vector<DeviceEntry>> read_devices(const json::Value& reply);
ApiResult<std::vector<ListedToken>> read_tokens(const json::Value& reply);

}  // namespace bamgate::host
