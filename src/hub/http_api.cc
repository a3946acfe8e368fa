#include "hub/http_api.h"

#include <expected>
#include <optional>
#include <string>
#include <utility>

#include "hub/access_token.h"
#include "hub/client.h"
#include "hub/pace.h"
#include "hub/signing_keys.h"

namespace bamgate::hub {

std::string_view path_of(std::string_view target) { return target.substr(0, target.find('?')); }

std::optional<HttpReply> HttpApi::handle(Instant now, UnixTime unix_now, RequestId id, const HttpRequest& request) {
  if (auto over = refuse_over_pace(context_, context_.limits.requests, now, client_key(request.client))) return over;
  const std::string_view path = path_of(request.target);
  if (request.body.size() > kMaxBody) return error_reply(413, "too_large", "Send at most 16 KiB.");
  if (request.method == "GET" && path == "/status") return status(unix_now, request);
  if (request.method == "POST" && path == "/auth/register") {
    return sign_in_.handle(now, unix_now, id, request.client, request.body);
  }
  if (request.method == "POST" && path == "/auth/refresh") return refresh(now, unix_now, request);
  if (AdminApi::knows(request.method, path)) {
    const auto login = authenticate(context_, unix_now, request.authorization);
    if (!login) return login.error();
    if (auto over = refuse_over_pace(context_, context_.limits.devices, now, login->device.id)) return over;
    return admin_.handle(now, unix_now, request, &login->device);
  }
  if (path == "/connect" || path == "/turn") {
    return bad_request(std::string(path) + " is a WebSocket; ask for an upgrade.");
  }
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
    next = rotate_refresh_token(context_, *id, *token);
    if (next) set_last_seen(context_.database, *id, unix_now);
    if (next) remove_ended_signing_keys(context_.database, context_.clock.lived());
    return next.has_value();
  });
  if (!next) return refuse_refresh(request, &*device, next.error());
  if (!committed) return internal_error();
  // Counted behind the proof: with a stranger's guesses counted too, he could lock the device out.
  context_.limits.devices.count(now, device->id);
  return ok({{"access_token", issue_access_token(context_, unix_now, *device, next->generation)},
             {"refresh_token", next->token},
             {"expires_in", kAccessTokenLifetime},
             {"device_name", device->name},
             {"turn", texts(context_.options.turn)}});
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
  if (expired) {
    return error_reply(401, kRefreshTokenExpired,
                       "This device was away for too long: an administrator lets it in again with 'bamgate devices "
                       "renew " +
                           device->name + "'; then try again.");
  }
  return error_reply(
      401, "refresh_token_invalid",
      "This refresh token has been replaced by a newer one; register this device again if that is lost.");
}

/// Whoever shows an administrator's token also sees what was relayed for whom.
HttpReply HttpApi::status(UnixTime unix_now, const HttpRequest& request) {
  json::Object body{{"status", "ok"},
                    {"version", context_.options.version},
                    {"devices", count_devices(context_.database)},
                    {"peers", connections_.peers()}};
  if (!request.authorization.empty()) {
    const auto login = authenticate(context_, unix_now, request.authorization);
    if (login && login->device.role == Role::kAdmin) {
      body.emplace_back("relay", relay_.counters());
      body.emplace_back("turn", relay_.totals());
    }
  }
  return ok(std::move(body));
}

}  // namespace bamgate::hub
