#include "hub/http_api.h"

#include <algorithm>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <utility>

#include "core/encoding.h"
#include "hub/addresses.h"
#include "hub/join_tokens.h"
#include "hub/refresh_tokens.h"
#include "hub/registration.h"
#include "json/parse.h"
#include "json/write.h"
#include "signaling/message.h"

namespace bamgate::hub {
namespace {

constexpr std::string_view kDevices = "/auth/devices";
constexpr std::string_view kDevice = "/auth/devices/";  // and an id

HttpReply bad_request(std::string_view message) { return error_reply(400, "bad_request", message); }

HttpReply ok(json::Object body) { return {200, json::write(std::move(body)), 0}; }

std::expected<json::Value, HttpReply> read_body(std::string_view body) {
  if (body.size() > kMaxBody) return std::unexpected(error_reply(413, "too_large", "Send at most 16 KiB."));
  auto value = json::parse(body);
  if (!value || value->as_object() == nullptr) return std::unexpected(bad_request("The body must be a JSON object."));
  return std::move(*value);
}

/// Missing and null read as `fallback`; nullopt for anything but an integer.
std::optional<std::int64_t> read_int(const json::Value& body, std::string_view key, std::int64_t fallback) {
  const auto* value = body.find(key);
  if (value == nullptr || value->is_null()) return fallback;
  return value->as_int();
}

bool is_missing(const json::Value* value) {
  return value == nullptr || value->is_null() || (value->as_string() != nullptr && value->as_string()->empty());
}

/// Empty for a device that has no key yet; nullopt for what is no public key. All zeros is a point of low order.
std::optional<std::string> read_public_key(const json::Value& body) {
  const auto* value = body.find("public_key");
  if (is_missing(value)) return std::string();
  const auto key = value->as_string() == nullptr ? std::nullopt : array_from_base64<32>(*value->as_string());
  if (!key || std::ranges::all_of(*key, [](std::byte byte) { return byte == std::byte{0}; })) return std::nullopt;
  return *value->as_string();
}

json::Value time_or_null(const std::optional<UnixTime>& time) {
  return time ? json::Value(time->seconds) : json::Value(nullptr);
}

std::expected<RegistrationRequest, HttpReply> read_registration(const json::Value& body) {
  if (!is_missing(body.find("github_token"))) {
    return std::unexpected(
        error_reply(400, "github_not_enabled", "Sign-in by GitHub is not enabled on this hub; use a join token."));
  }
  const auto* token = body.get_string("join_token");
  const auto* name = body.get_string("device_name");
  const auto public_key = read_public_key(body);
  if (token == nullptr || token->empty()) return std::unexpected(bad_request("join_token is missing."));
  if (name == nullptr || !is_device_name(*name)) {
    return std::unexpected(error_reply(400, "bad_name",
                                       "device_name must be 1 to 63 of a-z, 0-9 and '-', and neither begin nor end "
                                       "with '-'."));
  }
  if (!public_key) return std::unexpected(bad_request("public_key must be a WireGuard public key in base64."));
  return RegistrationRequest{*token, *name, *public_key};
}

}  // namespace

std::string_view path_of(std::string_view target) { return target.substr(0, target.find('?')); }

HttpReply HttpApi::handle(Instant now, UnixTime unix_now, const HttpRequest& request) {
  const std::string_view path = path_of(request.target);
  if (request.body.size() > kMaxBody) return error_reply(413, "too_large", "Send at most 16 KiB.");
  if (request.method == "GET" && path == "/status") return status();
  if (request.method == "POST" && (path == "/auth/register" || path == "/auth/refresh")) {
    return limit_failures(now, unix_now, request);
  }
  const bool known = (request.method == "GET" && path == kDevices) ||
                     (request.method == "POST" && path == "/auth/tokens") ||
                     (request.method == "DELETE" && path.starts_with(kDevice) && path.size() > kDevice.size());
  if (known) {
    const auto login = authenticate(context_, unix_now, request.authorization);
    return login ? handle_with_login(unix_now, request, *login) : login.error();
  }
  if (path == "/connect") return bad_request("/connect is a WebSocket; ask for an upgrade.");
  return error_reply(404, "not_found", "This hub has no such path, or not for this method.");
}

/// Nobody may try credentials at will: ten failures at once, then one each six seconds.
HttpReply HttpApi::limit_failures(Instant now, UnixTime unix_now, const HttpRequest& request) {
  const int wait = failures_.retry_after(now, request.client);
  if (wait > 0) {
    HttpReply reply = error_reply(429, "too_many_failures", "Too many failed attempts from this address; wait.");
    reply.retry_after_s = wait;
    return reply;
  }
  const auto body = read_body(request.body);
  HttpReply reply = !body                                         ? body.error()
                    : path_of(request.target) == "/auth/register" ? register_device(unix_now, *body)
                                                                  : refresh(unix_now, *body);
  if (reply.status >= 400 && reply.status < 500) {
    failures_.failed(now, request.client);
    ++context_.counters.refused_logins;
  }
  return reply;
}

HttpReply HttpApi::register_device(UnixTime unix_now, const json::Value& body) {
  const auto request = read_registration(body);
  if (!request) return request.error();
  const auto result = hub::register_device(context_, unix_now, *request);
  if (!result) return result.error();
  const Device& device = result->device;
  if (result->again) connections_.close_device(unix_now, device, "this device was registered again");
  context_.effects.push_back(Log{"device '" + device.name + (result->again ? "' registered again" : "' registered")});
  json::Array stun;
  for (const std::string& server : context_.options.stun) stun.emplace_back(server);
  const Settings& settings = context_.settings;
  return ok({{"device_id", device.id},
             {"access_token", issue_access_token(context_, unix_now, device, result->refresh.generation)},
             {"refresh_token", result->refresh.token},
             {"address", address_of(settings.subnet, device.host).to_string()},
             {"address6", address6_of(settings.prefix6, device.host).to_string()},
             {"subnet", settings.subnet.to_string()},
             {"turn_secret", turn_secret(context_.crypto, settings.master_secret.bytes(), device)},
             {"server_url", context_.options.server_url},
             {"stun", std::move(stun)}});
}

HttpReply HttpApi::refresh(UnixTime unix_now, const json::Value& body) {
  const auto* id = body.get_string("device_id");
  const auto* token = body.get_string("refresh_token");
  if (id == nullptr || token == nullptr) return bad_request("device_id and refresh_token are needed.");
  const auto device = find_device(context_.database, *id);
  std::expected<RefreshToken, RefreshError> next = std::unexpected(RefreshError::kNone);
  if (device && !device->revoked_at) {
    const bool committed = context_.database.transaction([&] {
      next = rotate_refresh_token(context_.database, context_.crypto, context_.random, unix_now, *id, *token);
      if (next) set_last_seen(context_.database, *id, unix_now);
      return next.has_value();
    });
    if (next && !committed) return internal_error();
  }
  if (next) {
    return ok({{"access_token", issue_access_token(context_, unix_now, *device, next->generation)},
               {"refresh_token", next->token},
               {"expires_in", kAccessTokenLifetime},
               {"device_name", device->name}});
  }
  switch (next.error()) {
    case RefreshError::kNone:
      return error_reply(401, kDeviceGone, "Register this device again, with a new join token.");
    case RefreshError::kExpired:
      return error_reply(401, kRefreshTokenExpired, "Register this device again, with a new join token.");
    case RefreshError::kInvalid:
      break;
  }
  context_.effects.push_back(Log{"a refresh token of device '" + device->name + "' was refused: replaced or unknown"});
  return error_reply(
      401, "refresh_token_invalid",
      "This refresh token has been replaced by a newer one; register this device again if that is lost.");
}

HttpReply HttpApi::handle_with_login(UnixTime unix_now, const HttpRequest& request, const Login& login) {
  const std::string_view path = path_of(request.target);
  if (request.method == "DELETE") return revoke_device(unix_now, path.substr(kDevice.size()));
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

HttpReply HttpApi::revoke_device(UnixTime unix_now, std::string_view id) {
  const auto device = find_device(context_.database, id);
  if (!device) return error_reply(404, "not_found", "No device has this id; GET /auth/devices lists them.");
  // Once more is no fault: the first reply may have been lost.
  if (device->revoked_at) return ok({{"ok", true}});
  const bool committed = context_.database.transaction([&] {
    hub::revoke_device(context_.database, id, unix_now);
    forget_revoked(context_.database, unix_now);
    return true;
  });
  if (!committed) return internal_error();
  context_.effects.push_back(Log{"device '" + device->name + "' revoked"});
  connections_.revoke(unix_now, *device);
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
    return ok({{"join_token", token->token}, {"expires_at", token->expires_at.seconds}, {"uses", token->uses}});
  }
  if (token.error() == Error::kDatabase) return internal_error();
  if (token.error() != Error::kTooManyTokens) return bad_request(to_string(token.error()));
  HttpReply reply = error_reply(429, "too_many_tokens", to_string(token.error()));
  reply.retry_after_s = 60;
  return reply;
}

HttpReply HttpApi::status() {
  return ok({{"status", "ok"},
             {"version", context_.options.version},
             {"devices", count_devices(context_.database)},
             {"peers", connections_.peers()}});
}

}  // namespace bamgate::hub
