#include "hub/http_api.h"

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "hub/access_token.h"
#include "hub/addresses.h"
#include "hub/client.h"
#include "hub/device_keys.h"
#include "hub/join_tokens.h"
#include "hub/pace.h"

namespace bamgate::hub {
namespace {

constexpr std::string_view kDevices = "/auth/devices";
constexpr std::string_view kDevice = "/auth/devices/";  // and an id

/// Missing and null read as `fallback`; nullopt for anything but an integer.
std::optional<std::int64_t> read_int(const json::Value& body, std::string_view key, std::int64_t fallback) {
  const auto* value = body.find(key);
  if (value == nullptr || value->is_null()) return fallback;
  return value->as_int();
}

json::Value time_or_null(const std::optional<UnixTime>& time) {
  return time ? json::Value(time->seconds) : json::Value(nullptr);
}

}  // namespace

std::string_view path_of(std::string_view target) { return target.substr(0, target.find('?')); }

std::optional<HttpReply> HttpApi::handle(Instant now, UnixTime unix_now, RequestId id, const HttpRequest& request) {
  if (auto over = refuse_over_pace(context_, context_.limits.requests, now, client_key(request.client))) return over;
  const std::string_view path = path_of(request.target);
  if (request.body.size() > kMaxBody) return error_reply(413, "too_large", "Send at most 16 KiB.");
  if (request.method == "GET" && path == "/status") return status();
  if (request.method == "POST" && path == "/auth/register") {
    return sign_in_.handle(now, unix_now, id, request.client, request.body);
  }
  if (request.method == "POST" && path == "/auth/refresh") return refresh(now, unix_now, request);
  const bool known = (request.method == "GET" && path == kDevices) ||
                     (request.method == "POST" && path == "/auth/tokens") ||
                     (request.method == "DELETE" && path.starts_with(kDevice) && path.size() > kDevice.size());
  if (known) {
    const auto login = authenticate(context_, unix_now, request.authorization);
    return login ? handle_with_login(now, unix_now, request, *login) : login.error();
  }
  if (path == "/connect") return bad_request("/connect is a WebSocket; ask for an upgrade.");
  return error_reply(404, "not_found", "This hub has no such path, or not for this method.");
}

HttpReply HttpApi::refresh(Instant now, UnixTime unix_now, const HttpRequest& request) {
  if (auto wait = refuse_after_failures(context_, now, request.client)) return *wait;
  HttpReply reply = try_refresh(now, unix_now, request);
  if (reply.status >= 400 && reply.status < 500) count_failure(context_, now, request.client);
  return reply;
}

HttpReply HttpApi::try_refresh(Instant now, UnixTime unix_now, const HttpRequest& request) {
  const auto body = read_body(request.body);
  if (!body) return body.error();
  const auto* id = body->get_string("device_id");
  const auto* token = body->get_string("refresh_token");
  if (id == nullptr || token == nullptr) return bad_request("device_id and refresh_token are needed.");
  const auto device = find_device(context_.database, *id);
  if (!device || device->revoked_at) return refuse_refresh(request, nullptr, RefreshError::kNone);
  std::expected<RefreshToken, RefreshError> next = std::unexpected(RefreshError::kNone);
  const bool committed = context_.database.transaction([&] {
    next = rotate_refresh_token(context_, unix_now, *id, *token);
    if (next) set_last_seen(context_.database, *id, unix_now);
    return next.has_value();
  });
  if (!next) return refuse_refresh(request, &*device, next.error());
  if (!committed) return internal_error();
  // Counted behind the proof: with a stranger's guesses counted too, he could lock the device out.
  context_.limits.devices.count(now, device->id);
  return ok({{"access_token", issue_access_token(context_, unix_now, *device, next->generation)},
             {"refresh_token", next->token},
             {"expires_in", kAccessTokenLifetime},
             {"device_name", device->name}});
}

/// `device` is known unless the error is kNone.
HttpReply HttpApi::refuse_refresh(const HttpRequest& request, const Device* device, RefreshError error) {
  if (device == nullptr || error == RefreshError::kNone) {
    return error_reply(401, kDeviceGone, "Register this device again, with a new join token.");
  }
  const bool expired = error == RefreshError::kExpired;
  context_.log(LogLevel::kWarning, "refresh_refused",
               {{"device", device->name},
                {"reason", expired ? "expired" : "replaced or unknown"},
                {"client", client_network(request.client)}});
  if (expired) return error_reply(401, kRefreshTokenExpired, "Register this device again, with a new join token.");
  return error_reply(
      401, "refresh_token_invalid",
      "This refresh token has been replaced by a newer one; register this device again if that is lost.");
}

HttpReply HttpApi::handle_with_login(Instant now, UnixTime unix_now, const HttpRequest& request, const Login& login) {
  if (auto over = refuse_over_pace(context_, context_.limits.devices, now, login.device.id)) return *over;
  const std::string_view path = path_of(request.target);
  if (request.method == "DELETE") return revoke_device(now, unix_now, path.substr(kDevice.size()), login.device);
  if (request.method == "GET") return list_devices(unix_now);
  return create_join_token(unix_now, request.body, login.device);
}

HttpReply HttpApi::list_devices(UnixTime unix_now) {
  json::Array devices;
  for (const Device& device : hub::list_devices(context_.database)) {
    const bool revoked = device.revoked_at.has_value();
    const bool online = !revoked && connections_.is_online(device.name);
    devices.emplace_back(
        json::Object{{"device_id", device.id},
                     {"device_name", device.name},
                     {"address", address_of(context_.settings.subnet, device.host).to_string()},
                     {"created_at", device.created_at.seconds},
                     {"last_seen_at", online ? json::Value(unix_now.seconds) : time_or_null(device.last_seen_at)},
                     {"revoked", revoked},
                     {"online", online}});
  }
  return ok({{"devices", std::move(devices)}});
}

HttpReply HttpApi::revoke_device(Instant now, UnixTime unix_now, std::string_view id, const Device& by) {
  const auto device = find_device(context_.database, id);
  if (!device) return error_reply(404, "not_found", "No device has this id; GET /auth/devices lists them.");
  // Once more is no fault: the first reply may have been lost.
  if (device->revoked_at) return ok({{"ok", true}});
  std::vector<std::string> keys;
  const bool committed = context_.database.transaction([&] {
    keys = retire_waiting_keys(context_.database, id, unix_now);
    hub::revoke_device(context_.database, id, unix_now);
    forget_revoked(context_.database, unix_now);
    return true;
  });
  if (!committed) return internal_error();
  context_.log(LogLevel::kInfo, "device_revoked", {{"device", device->name}, {"by", by.name}});
  if (!device->public_key.empty()) keys.push_back(device->public_key);
  connections_.revoke(now, unix_now, *device, keys, "this device was revoked");
  return ok({{"ok", true}});
}

HttpReply HttpApi::create_join_token(UnixTime unix_now, std::string_view body, const Device& device) {
  const auto value = body.empty() ? json::Value(json::Object{}) : read_body(body);
  if (!value) return value.error();
  const auto uses = read_int(*value, "uses", kDefaultJoinUses);
  const auto ttl_s = read_int(*value, "ttl_s", kDefaultJoinLifetime);
  if (!uses || !ttl_s) return bad_request("uses and ttl_s must be whole numbers.");
  const auto token = hub::create_join_token(context_.database, context_.crypto, context_.random, unix_now, device.owner,
                                            *uses, *ttl_s);
  if (token) {
    context_.log(LogLevel::kInfo, "join_token_made", {{"by", device.name}, {"uses", token->uses}, {"ttl_s", *ttl_s}});
    return ok({{"join_token", token->token}, {"expires_at", token->expires_at.seconds}, {"uses", token->uses}});
  }
  if (token.error() == Error::kDatabase) return internal_error();
  if (token.error() != Error::kTooManyTokens) return bad_request(to_string(token.error()));
  return too_many("too_many_tokens", to_string(token.error()), 60);
}

HttpReply HttpApi::status() {
  return ok({{"status", "ok"},
             {"version", context_.options.version},
             {"devices", count_devices(context_.database)},
             {"peers", connections_.peers()}});
}

}  // namespace bamgate::hub
