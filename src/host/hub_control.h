// Asking a hub on its own machine: whoever holds its data folder needs no device and no token. A hub that runs answers
// on a socket in that folder, for its own user and root alone, so that what is changed is changed in its memory too;
// where none runs, its database is opened, under the lock that a hub holds. Requests and replies are those of the HTTP
// API (protocol.md), one line each:
//   {"method":"DELETE","target":"/auth/devices/ID","body":""}    {"status":200,"body":"{\"ok\":true}"}
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "host/hub_api.h"
#include "host/hub_folder.h"
#include "hub/http.h"
#include "json/value.h"
#include "net/loop.h"

namespace bamgate::host {

struct LocalRequest {
  std::string method;
  std::string target;
  std::string body;  // JSON, or empty
};

std::string write_local_request(const LocalRequest& request);
/// nullopt for a line that is none.
std::optional<LocalRequest> read_local_request(std::string_view line);
std::string write_local_reply(const hub::HttpReply& reply);

/// The parsed body of a 200. Root becomes the user that the folder belongs to, as a hub does, where none runs.
/// Failures: kFailed, with the hub's code in fault.code where it refused.
ApiResult<json::Value> ask_local_hub(net::Loop& loop, const HubFolder& folder, const LocalRequest& request);

}  // namespace bamgate::host
