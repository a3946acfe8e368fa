// A request and a reply of the hub's HTTP API, and the form of its errors (protocol.md, "HTTP API").
// Parsing HTTP, TLS and the WebSocket upgrade are the host's work.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "core/ip_address.h"
#include "json/value.h"

namespace bamgate::hub {

/// Bytes of the largest request body; a host need not read more than one byte beyond it.
inline constexpr std::size_t kMaxBody = 16 * 1024;

/// One request that waits for its reply, numbered by the host; a number is never used twice in the life of a Hub.
enum class RequestId : std::uint64_t {};

/// Views are valid during the call only.
struct HttpRequest {
  std::string_view method;         // "GET", as it stands in the request line
  std::string_view target;         // path, perhaps with a query: "/auth/devices/7f…"
  std::string_view authorization;  // value of the Authorization header; empty without one
  std::string_view body;
  IpAddress client;  // of the TCP connection, or what a trusted proxy says
};

/// `body` is JSON (application/json).
struct HttpReply {
  int status = 200;
  std::string body;
  int retry_after_s = 0;  // seconds for a Retry-After header; 0: no such header
};

// Two codes are fixed texts because clients search for them; both come with 401.
inline constexpr std::string_view kRefreshTokenExpired = "refresh_token_expired";
inline constexpr std::string_view kDeviceGone = "device not found or revoked";

/// {"error":"<code>","message":"<what to do>"}
HttpReply error_reply(int status, std::string_view code, std::string_view message);

/// 200 with `body`.
HttpReply ok(json::Object body);

json::Array texts(const std::vector<std::string>& values);

/// 400 `bad_request`.
HttpReply bad_request(std::string_view message);

/// 400 `bad_name`: the field `field` is no device name.
HttpReply bad_name(std::string_view field);

/// 429 with Retry-After.
HttpReply too_many(std::string_view code, std::string_view message, int retry_after_s);

/// What is given when the database fails: 500 `internal`.
HttpReply internal_error();

/// A request's body, which must be a JSON object. Errors, as the reply to give: 413, 400.
std::expected<json::Value, HttpReply> read_body(std::string_view body);

}  // namespace bamgate::hub
