// Who sends a request: from the Authorization header to the device (RFC 6750 §2.1), failing closed.
#pragma once

#include <expected>
#include <string_view>

#include "core/time.h"
#include "hub/context.h"
#include "hub/devices.h"
#include "hub/http.h"

namespace bamgate::hub {

struct Login {
  Device device;
  UnixTime expires_at;  // of the access token
};

/// Checks the bearer token and that its device is still registered; a token of the newest generation also confirms that
/// the refresh token issued with it has arrived. Otherwise the 401 reply to give.
std::expected<Login, HttpReply> authenticate(Context& context, UnixTime unix_now, std::string_view authorization);

/// A new access token for `device`, valid for an hour; empty when the database failed.
std::string issue_access_token(Context& context, UnixTime unix_now, const Device& device, std::int64_t generation);

}  // namespace bamgate::hub
