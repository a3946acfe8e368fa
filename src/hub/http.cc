#include "hub/http.h"

#include <utility>

#include "json/parse.h"
#include "json/write.h"

namespace bamgate::hub {

HttpReply error_reply(int status, std::string_view code, std::string_view message) {
  return {status, json::write(json::Object{{"error", code}, {"message", message}}), 0};
}

HttpReply ok(json::Object body) { return {200, json::write(std::move(body)), 0}; }

json::Array texts(const std::vector<std::string>& values) { return {values.begin(), values.end()}; }

HttpReply bad_request(std::string_view message) { return error_reply(400, "bad_request", message); }

HttpReply bad_name(std::string_view field) {
  return error_reply(
      400, "bad_name",
      std::string(field).append(" must be 1 to 63 of a-z, 0-9 and '-', and neither begin nor end with '-'."));
}

HttpReply too_many(std::string_view code, std::string_view message, int retry_after_s) {
  HttpReply reply = error_reply(429, code, message);
  reply.retry_after_s = retry_after_s;
  return reply;
}

HttpReply internal_error() {
  return error_reply(500, "internal", "The hub's database failed; nothing was changed. Try again later.");
}

std::expected<json::Value, HttpReply> read_body(std::string_view body) {
  if (body.size() > kMaxBody) return std::unexpected(error_reply(413, "too_large", "Send at most 16 KiB."));
  auto value = json::parse(body);
  if (!value || value->as_object() == nullptr) return std::unexpected(bad_request("The body must be a JSON object."));
  return std::move(*value);
}

}  // namespace bamgate::hub
