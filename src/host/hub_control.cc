#include "host/hub_control.h"

#include <utility>

#include "host/hub_database.h"
#include "host/hub_sql.h"
#include "host/service_user.h"
#include "hub/hub.h"
#include "json/parse.h"
#include "json/write.h"
#include "net/clock.h"
#include "net/unix_control.h"
#include "os/file.h"
#include "os/native_crypto.h"
#include "os/random.h"

namespace bamgate::host {
namespace {

constexpr auto kPatience = std::chrono::seconds(15);

std::unexpected<ApiFailure> cannot(std::string text, std::string code = {}, int status = 0) {
  ApiFailure failure;
  static_cast<Failure&>(failure) = {ExitCode::kFailed, text};
  failure.fault = {
      .verdict = signaling::Verdict::kRefused, .text = std::move(text), .code = std::move(code), .status = status};
  return std::unexpected(std::move(failure));
}

/// What the hub has said, whichever way it came.
ApiResult<json::Value> read_reply(int status, std::string_view body) {
  auto value = json::parse(body, {.max_bytes = net::kMaxControlReply});
  if (!value) return cannot("the hub's answer cannot be read");
  if (status == 200) return std::move(*value);
  const std::string* code = value->get_string("error");
  const std::string* message = value->get_string("message");
  std::string text = "the hub refused: " + (code ? *code : "status " + std::to_string(status));
  if (message) text += ": " + *message;
  return cannot(std::move(text), code ? *code : "", status);
}

ApiResult<json::Value> read_line(const std::string& line) {
  const auto reply = json::parse(line, {.max_bytes = net::kMaxControlReply});
  const auto status = reply ? reply->get_int("status") : std::nullopt;
  const std::string* body = reply ? reply->get_string("body") : nullptr;
  if (!status || body == nullptr) return cannot("the hub's answer cannot be read");
  return read_reply(static_cast<int>(*status), *body);
}

/// Does it in the database of a hub that does not run.
ApiResult<json::Value> ask_database(const HubFolder& folder, const LocalRequest& request) {
  auto database = open_database_of(folder);
  if (!database) return cannot(database.error());
  HubSql sql(std::move(*database));
  os::NativeCrypto crypto;
  os::SystemRandom random;
  const auto hub = hub::Hub::create({}, sql, crypto, random, net::now(), net::unix_now());
  if (!hub) return cannot(sql.explain(hub::to_string(hub.error())));
  const hub::HttpReply reply = (*hub)->on_local(
      net::now(), net::unix_now(),
      {.method = request.method, .target = request.target, .authorization = {}, .body = request.body, .client = {}});
  return read_reply(reply.status, reply.body);
}

}  // namespace

std::string write_local_request(const LocalRequest& request) {
  return json::write(json::Object{{"method", request.method}, {"target", request.target}, {"body", request.body}});
}

std::optional<LocalRequest> read_local_request(std::string_view line) {
  const auto value = json::parse(line, {.max_bytes = net::kMaxControlRequest});
  if (!value) return std::nullopt;
  const std::string* method = value->get_string("method");
  const std::string* target = value->get_string("target");
  const std::string* body = value->get_string("body");
  if (method == nullptr || target == nullptr || body == nullptr) return std::nullopt;
  return LocalRequest{*method, *target, *body};
}

std::string write_local_reply(const hub::HttpReply& reply) {
  return json::write(json::Object{{"status", reply.status}, {"body", reply.body}});
}

ApiResult<json::Value> ask_local_hub(net::Loop& loop, const HubFolder& folder, const LocalRequest& request) {
  // Opening the database would make one where none is.
  if (const auto address = folder.read_address(); !address) return cannot(address.error());
  const std::string socket = folder.control_socket().string();
  const auto line = loop.block_on(net::control_request(loop, socket, write_local_request(request), kPatience));
  if (line) return read_line(*line);
  if (line.error().code == net::Error::kPermission) {
    return cannot("the hub in " + folder.path().string() + " is for root and the user that it runs as alone: use sudo");
  }
  if (const auto done = become_hub_user(folder.path()); !done) return cannot(done.error().text);
  const auto lock = os::FileLock::acquire(folder.lock());
  if (lock) return ask_database(folder, request);
  if (lock.error().code != os::Error::kBusy) return cannot(lock.error().text);
  return cannot("a hub runs on " + folder.path().string() + ", but does not answer on " + socket + " (" +
                line.error().detail + "): restart it, and try again");
}

}  // namespace bamgate::host
