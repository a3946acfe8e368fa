#include "host/hub_api.h"

#include <array>
#include <ctime>
#include <utility>

#include "json/parse.h"
#include "json/write.h"
#include "net/clock.h"
#include "os/fault_point.h"

namespace bamgate::host {
namespace {

using signaling::HubFault;

std::unexpected<ApiFailure> failed(HubFault fault) {
  ExitCode code = ExitCode::kFailed;
  if (fault.code.empty()) code = ExitCode::kHubUnreachable;
  if (!fault.code.empty() && (fault.status == 401 || fault.status == 403)) code = ExitCode::kNotAuthorised;
  ApiFailure failure;
  static_cast<Failure&>(failure) = {code, fault.text};
  failure.fault = std::move(fault);
  return std::unexpected(std::move(failure));
}

/// A reply of the hub that lacks what this program needs of it.
std::unexpected<ApiFailure> unreadable() {
  return failed({.verdict = signaling::Verdict::kUnreachable,
                 .text = "what answered is not the hub, or one of another version: a field is missing in its reply",
                 .code = {},
                 .status = 200});
}

/// One request; the parsed body of a 200.
asio::awaitable<ApiResult<json::Value>> call(net::Loop& loop, HubAccess hub, std::string method, std::string target,
                                             std::string access, json::Value body) {
  net::HttpCall request;
  request.url = hub.url.with_target(target);
  request.method = std::move(method);
  if (!access.empty()) request.headers.push_back({"Authorization", "Bearer " + access});
  if (!body.is_null()) {
    request.headers.push_back({"Content-Type", "application/json"});
    request.body = json::write(body);
  }
  request.connect = hub.connect;
  request.timeout = std::chrono::seconds(15);
  request.max_body = signaling::kMaxHubAnswer;
  BAMGATE_FAULT_POINT("request_begins");
  const auto reply = co_await net::http_request(loop, std::move(request));
  BAMGATE_FAULT_POINT("reply_arrived");
  if (!reply) co_return failed(no_answer(hub.url, reply.error()));
  auto value = signaling::read_hub_answer({reply->status, reply->header("Content-Type"), reply->body}, hub.url.tls);
  if (!value) {
    HubFault fault = std::move(value.error());
    if (fault.code.empty()) fault.text = "cannot reach the hub at " + hub.url.authority() + ": " + fault.text;
    co_return failed(std::move(fault));
  }
  co_return std::move(*value);
}

std::string date(UnixTime time) {
  const std::time_t seconds = time.seconds;
  std::tm parts{};
  std::array<char, 32> text{};
  gmtime_r(&seconds, &parts);
  return {text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M UTC", &parts)};
}

std::string text_of(const json::Value& value, std::string_view key) {
  const std::string* text = value.get_string(key);
  return text ? *text : "";
}

std::vector<std::string> texts_of(const json::Value& value, std::string_view key) {
  std::vector<std::string> texts;
  const json::Array* array = value.get_array(key);
  if (array == nullptr) return texts;
  for (const json::Value& one : *array) {
    if (const std::string* text = one.as_string()) texts.push_back(*text);
  }
  return texts;
}

}  // namespace

HubFault no_answer(const net::Url& url, const net::NetError& error) {
  HubFault fault;
  fault.text = "cannot reach the hub at " + url.authority() + ": " + error.detail;
  if (error.code == net::Error::kCertificate) {
    fault.text +=
        "; what answers is not the hub that this device knows: a network that asks for a login first, or a hub that "
        "was set up anew (then run 'bamgate setup' with a new join string)";
  } else if (error.code == net::Error::kDates) {
    fault.text += "; it is the hub's, so look at this machine's clock, which says " + date(net::unix_now()) +
                  ", or have the certificate renewed";
  } else if (error.code == net::Error::kTls) {
    fault.text += "; what answers does not speak TLS as the hub does, as a network that asks for a login first";
  } else if (error.code == net::Error::kProtocol || error.code == net::Error::kTooLarge) {
    fault.text += "; what answers is not the hub";
  } else {
    fault.text += "; check that the hub runs and that this machine is online";
  }
  return fault;
}

HubAccess hub_access(const config::Url& url, const std::optional<Sha256Digest>& fingerprint) {
  HubAccess access;
  // Both forms allow the same URLs, so what config read, net reads too.
  access.url = net::Url::parse(url.to_string()).value_or(net::Url{});
  access.connect.trust.pin = fingerprint;
  return access;
}

HubAccess hub_access(const config::NetworkConfig& network) {
  return hub_access(network.server_url, network.hub_fingerprint);
}

asio::awaitable<ApiResult<Registration>> register_device(net::Loop& loop, HubAccess hub, std::string join_token,
                                                         std::string name, std::string public_key) {
  json::Value body;
  body.set("join_token", std::move(join_token));
  body.set("device_name", std::move(name));
  body.set("public_key", std::move(public_key));
  const auto reply = co_await call(loop, std::move(hub), "POST", "/auth/register", std::string(), std::move(body));
  if (!reply) co_return std::unexpected(reply.error());
  Registration result;
  result.device_id = text_of(*reply, "device_id");
  result.access_token = text_of(*reply, "access_token");
  result.refresh_token = text_of(*reply, "refresh_token");
  result.address = text_of(*reply, "address");
  result.address6 = text_of(*reply, "address6");
  result.subnet = text_of(*reply, "subnet");
  result.turn_secret = text_of(*reply, "turn_secret");
  result.server_url = text_of(*reply, "server_url");
  result.stun = texts_of(*reply, "stun");
  const bool whole = !result.device_id.empty() && !result.refresh_token.empty() && IpPrefix::parse(result.address);
  if (!whole) co_return unreadable();
  co_return result;
}

asio::awaitable<ApiResult<RefreshedToken>> refresh_token(net::Loop& loop, HubAccess hub, std::string device_id,
                                                         std::string token) {
  json::Value body;
  body.set("device_id", std::move(device_id));
  body.set("refresh_token", std::move(token));
  const auto reply = co_await call(loop, std::move(hub), "POST", "/auth/refresh", std::string(), std::move(body));
  if (!reply) co_return std::unexpected(reply.error());
  RefreshedToken result;
  result.access_token = text_of(*reply, "access_token");
  result.refresh_token = text_of(*reply, "refresh_token");
  result.device_name = text_of(*reply, "device_name");
  result.expires_in = reply->get_int("expires_in").value_or(0);
  result.turn = texts_of(*reply, "turn");
  if (result.access_token.empty() || result.refresh_token.empty()) co_return unreadable();
  co_return result;
}

asio::awaitable<ApiResult<JoinToken>> make_join_token(net::Loop& loop, HubAccess hub, std::string access,
                                                      TokenRequest wanted) {
  json::Value body;
  body.set("uses", wanted.uses);
  body.set("ttl_s", wanted.ttl_s);
  if (wanted.admin) body.set("role", "admin");
  if (!wanted.name.empty()) body.set("name", std::move(wanted.name));
  const auto reply = co_await call(loop, std::move(hub), "POST", "/auth/tokens", std::move(access), std::move(body));
  if (!reply) co_return std::unexpected(reply.error());
  JoinToken result{text_of(*reply, "join_token"), text_of(*reply, "token_id"), reply->get_int("expires_at").value_or(0),
                   reply->get_int("uses").value_or(wanted.uses)};
  if (result.token.empty()) co_return unreadable();
  co_return result;
}

asio::awaitable<ApiResult<json::Value>> ask_hub(net::Loop& loop, HubAccess hub, std::string access, std::string method,
                                                std::string target, json::Value body) {
  const bool changes = method != "GET";
  auto reply =
      co_await call(loop, std::move(hub), std::move(method), std::move(target), std::move(access), std::move(body));
  if (reply && changes && !reply->get_bool("ok").value_or(false)) co_return unreadable();
  co_return reply;
}

ApiResult<std::vector<DeviceEntry>> read_devices(const json::Value& reply) {
  const json::Array* devices = reply.get_array("devices");
  if (!devices) return unreadable();
  std::vector<DeviceEntry> result;
  for (const json::Value& device : *devices) {
    DeviceEntry entry;
    entry.id = text_of(device, "device_id");
    entry.name = text_of(device, "device_name");
    entry.address = text_of(device, "address");
    entry.created_at = device.get_int("created_at").value_or(0);
    entry.last_seen_at = device.get_int("last_seen_at");
    entry.revoked = device.get_bool("revoked").value_or(false);
    entry.online = device.get_bool("online").value_or(false);
    entry.role = text_of(device, "role");
    entry.expired = device.get_bool("expired").value_or(false);
    result.push_back(std::move(entry));
  }
  return result;
}

ApiResult<std::vector<ListedToken>> read_tokens(const json::Value& reply) {
  const json::Array* tokens = reply.get_array("tokens");
  if (!tokens) return unreadable();
  std::vector<ListedToken> result;
  for (const json::Value& token : *tokens) {
    result.push_back({text_of(token, "token_id"), text_of(token, "made_by"), text_of(token, "role"),
                      text_of(token, "name"), token.get_int("uses_left").value_or(0),
                      token.get_int("created_at").value_or(0), token.get_int("expires_at").value_or(0)});
  }
  return result;
}

}  // namespace bamgate::host
