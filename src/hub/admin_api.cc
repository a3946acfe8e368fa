#include "hub/admin_api.h"

#include <cstdint>
#include <set>
#include <utility>
#include <vector>

#include "core/device_name.h"
#include "hub/addresses.h"
#include "hub/device_keys.h"
#include "hub/join_tokens.h"
#include "hub/names.h"
#include "hub/refresh_tokens.h"

namespace bamgate::hub {
namespace {

constexpr std::string_view kDevices = "/auth/devices";
constexpr std::string_view kDevice = "/auth/devices/";  // and an id, and perhaps what to do
constexpr std::string_view kTokens = "/auth/tokens";
constexpr std::string_view kToken = "/auth/tokens/";  // and an id

std::string_view without_query(std::string_view target) { return target.substr(0, target.find('?')); }

/// "ID" or "ID/renew".
struct DevicePath {
  std::string_view id;
  std::string_view action;  // empty: none
};

DevicePath read_path(std::string_view path) {
  path.remove_prefix(kDevice.size());
  const std::size_t slash = path.find('/');
  if (slash == std::string_view::npos) return {path, {}};
  return {path.substr(0, slash), path.substr(slash + 1)};
}

bool is_action(std::string_view action) { return action == "renew" || action == "rename" || action == "forget"; }

/// Missing and null read as `fallback`; nullopt for anything but an integer.
std::optional<std::int64_t> read_int(const json::Value& body, std::string_view key, std::int64_t fallback) {
  const auto* value = body.find(key);
  if (value == nullptr || value->is_null()) return fallback;
  return value->as_int();
}

/// Missing and null read as empty; nullopt for anything but a text.
std::optional<std::string> read_text(const json::Value& body, std::string_view key) {
  const auto* value = body.find(key);
  if (value == nullptr || value->is_null()) return std::string();
  if (value->as_string() == nullptr) return std::nullopt;
  return *value->as_string();
}

std::expected<JoinGrant, HttpReply> read_grant(std::string_view body) {
  const auto value = body.empty() ? json::Value(json::Object{}) : read_body(body);
  if (!value) return std::unexpected(value.error());
  const auto uses = read_int(*value, "uses", kDefaultJoinUses);
  const auto ttl_s = read_int(*value, "ttl_s", kDefaultJoinLifetime);
  const auto role = read_text(*value, "role");
  const auto name = read_text(*value, "name");
  if (!uses || !ttl_s) return std::unexpected(bad_request("uses and ttl_s must be whole numbers."));
  const auto parsed = role && !role->empty() ? parse_role(*role) : std::optional(Role::kMember);
  if (!role || !parsed) return std::unexpected(bad_request("role must be 'member' or 'admin'."));
  if (!name || (!name->empty() && !is_device_name(*name))) return std::unexpected(bad_name("name"));
  return JoinGrant{*uses, *ttl_s, *parsed == Role::kAdmin, *name};
}

json::Value time_or_null(const std::optional<UnixTime>& time) {
  return time ? json::Value(time->seconds) : json::Value(nullptr);
}

json::Value name_or_null(const std::string& text) { return text.empty() ? json::Value(nullptr) : json::Value(text); }

std::string_view name_of(const Device* by) { return by == nullptr ? std::string_view("the hub") : by->name; }

HttpReply not_an_admin() {
  return error_reply(403, "not_an_admin",
                     "This device is a member; ask an administrator, or do it on the hub with 'bamgate hub devices'.");
}

}  // namespace

bool AdminApi::knows(std::string_view method, std::string_view path) {
  if (path == kDevices) return method == "GET";
  if (path == kTokens) return method == "GET" || method == "POST";
  if (path.starts_with(kToken)) return method == "DELETE" && path.size() > kToken.size();
  if (!path.starts_with(kDevice)) return false;
  const auto [id, action] = read_path(path);
  if (id.empty()) return false;
  return action.empty() ? method == "DELETE" && !path.ends_with('/') : method == "POST" && is_action(action);
}

HttpReply AdminApi::handle(Instant now, UnixTime unix_now, const HttpRequest& request, const Device* by) {
  const std::string_view path = without_query(request.target);
  if (path == kDevices) return list_devices(unix_now);
  const bool revokes_itself =
      request.method == "DELETE" && by != nullptr && path.starts_with(kDevice) && path.substr(kDevice.size()) == by->id;
  const bool may_all = by == nullptr || by->role == Role::kAdmin;
  if (!may_all && !revokes_itself) return not_an_admin();
  if (path.starts_with(kDevice)) return handle_device(now, unix_now, request, by);
  if (path.starts_with(kToken)) return withdraw_join_token(path.substr(kToken.size()), by);
  return request.method == "GET" ? list_join_tokens() : create_join_token(request.body, by);
}

HttpReply AdminApi::handle_device(Instant now, UnixTime unix_now, const HttpRequest& request, const Device* by) {
  const auto [id, action] = read_path(without_query(request.target));
  const auto device = find_device(context_.database, id);
  if (!device) return error_reply(404, "not_found", "No device has this id; GET /auth/devices lists them.");
  if (action == "forget") return forget(*device, by);
  if (action == "renew") return renew(*device, by);
  if (action == "rename") return rename(now, unix_now, *device, request.body, by);
  return revoke(now, unix_now, *device, by);
}

HttpReply AdminApi::list_devices(UnixTime unix_now) {
  const std::set<std::string> expired = expired_devices(context_);
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
                     {"online", online},
                     {"role", to_string(device.role)},
                     {"expired", !revoked && expired.contains(device.id)}});
  }
  return ok({{"devices", std::move(devices)}});
}

HttpReply AdminApi::revoke(Instant now, UnixTime unix_now, const Device& device, const Device* by) {
  // Once more is no fault: the first reply may have been lost.
  if (device.revoked_at) return ok({{"ok", true}});
  if (by != nullptr && device.role == Role::kAdmin && count_admins(context_.database) <= 1) {
    return error_reply(409, "last_admin",
                       "This is the last administrator: first make another one ('bamgate devices add --admin'), or "
                       "revoke it on the hub with 'bamgate hub revoke'.");
  }
  std::vector<std::string> keys;
  std::size_t ended = 0;
  const bool committed = context_.database.transaction([&] {
    keys = retire_waiting_keys(context_.database, device.id, context_.clock.lived());
    ended = end_join_tokens_of(context_.database, device.id);
    hub::revoke_device(context_.database, device, context_.clock.lived());
    return true;
  });
  if (!committed) return internal_error();
  context_.log(LogLevel::kInfo, "device_revoked",
               {{"device", device.name}, {"by", name_of(by)}, {"join_tokens_ended", static_cast<std::int64_t>(ended)}});
  if (!device.public_key.empty()) keys.push_back(device.public_key);
  connections_.revoke(now, unix_now, device, keys, "this device was revoked");
  return ok({{"ok", true}});
}

HttpReply AdminApi::forget(const Device& device, const Device* by) {
  if (!device.revoked_at) {
    return error_reply(409, "not_revoked", "This device is in use; only a revoked one can be forgotten.");
  }
  const bool committed = context_.database.transaction([&] {
    end_join_tokens_of(context_.database, device.id);
    free_former_names(context_.database, device.id);
    delete_device(context_.database, device);
    return true;
  });
  if (!committed) return internal_error();
  context_.log(LogLevel::kInfo, "device_forgotten", {{"device", device.name}, {"by", name_of(by)}});
  return ok({{"ok", true}});
}

HttpReply AdminApi::renew(const Device& device, const Device* by) {
  if (device.revoked_at) {
    return error_reply(409, "revoked", "This device was revoked; only a new join string lets it in again.");
  }
  const bool committed = context_.database.transaction([&] {
    renew_refresh_token(context_, device.id);
    return true;
  });
  if (!committed) return internal_error();
  context_.log(LogLevel::kInfo, "device_renewed", {{"device", device.name}, {"by", name_of(by)}});
  return ok({{"ok", true}});
}

HttpReply AdminApi::rename(Instant now, UnixTime unix_now, const Device& device, std::string_view body,
                           const Device* by) {
  const auto value = read_body(body);
  if (!value) return value.error();
  const auto* name = value->get_string("device_name");
  if (name == nullptr || !is_device_name(*name)) return bad_name("device_name");
  if (device.revoked_at) return error_reply(409, "revoked", "This device was revoked; it has no name any more.");
  if (*name == device.name) return ok({{"ok", true}});
  if (find_device_by_name(context_.database, *name)) {
    return error_reply(409, "name_taken", "Another device has this name; choose another one.");
  }
  if (name_rests(context_.database, *name, device.id)) {
    return error_reply(409, "name_taken",
                       "Another device had this name, and it rests: choose another one, or first forget that device "
                       "with 'bamgate devices forget " +
                           *name + "'.");
  }
  const bool committed = context_.database.transaction([&] {
    rename_device(context_.database, device, *name);
    return true;
  });
  if (!committed) return internal_error();
  context_.log(LogLevel::kInfo, "device_renamed", {{"device", device.name}, {"name", *name}, {"by", name_of(by)}});
  connections_.rename(now, unix_now, device);
  return ok({{"ok", true}});
}

HttpReply AdminApi::create_join_token(std::string_view body, const Device* by) {
  const auto grant = read_grant(body);
  if (!grant) return grant.error();
  const auto token = hub::create_join_token(context_, *grant, by == nullptr ? kHubOwner : std::string_view(by->owner),
                                            by == nullptr ? kMadeByHub : std::string_view(by->id));
  if (token) {
    context_.log(LogLevel::kInfo, "join_token_made",
                 {{"by", name_of(by)},
                  {"id", token->id},
                  {"uses", token->uses},
                  {"ttl_s", grant->ttl_s},
                  {"role", to_string(grant->admin ? Role::kAdmin : Role::kMember)}});
    return ok({{"join_token", token->token},
               {"token_id", token->id},
               {"expires_at", token->expires_at.seconds},
               {"uses", token->uses}});
  }
  if (token.error() == Error::kDatabase) return internal_error();
  if (token.error() != Error::kTooManyTokens) return bad_request(to_string(token.error()));
  return too_many("too_many_tokens", to_string(token.error()), 60);
}

HttpReply AdminApi::list_join_tokens() {
  json::Array tokens;
  for (const ListedToken& token : hub::list_join_tokens(context_)) {
    const bool by_device = !token.maker.empty();
    tokens.emplace_back(json::Object{{"token_id", token.id},
                                     {"made_by", by_device                     ? token.maker
                                                 : token.made_by == kMadeByHub ? token.made_by
                                                                               : "unknown"},
                                     {"made_by_id", by_device ? json::Value(token.made_by) : json::Value(nullptr)},
                                     {"role", to_string(token.role)},
                                     {"name", name_or_null(token.name)},
                                     {"uses_left", token.uses_left},
                                     {"created_at", token.created_at.seconds},
                                     {"expires_at", token.expires_at.seconds}});
  }
  return ok({{"tokens", std::move(tokens)}});
}

HttpReply AdminApi::withdraw_join_token(std::string_view id, const Device* by) {
  if (!hub::withdraw_join_token(context_.database, id)) {
    return error_reply(404, "not_found", "No join token has this id; GET /auth/tokens lists them.");
  }
  context_.log(LogLevel::kInfo, "join_token_withdrawn", {{"id", id}, {"by", name_of(by)}});
  return ok({{"ok", true}});
}

}  // namespace bamgate::hub
