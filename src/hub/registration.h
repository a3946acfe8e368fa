// How a device comes into the network: join token, name, key, address, credentials (protocol.md, "HTTP API").
// Left out so far: sign-in by GitHub, and with it the take-over of a device by its owner with a new key.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "core/time.h"
#include "hub/context.h"
#include "hub/devices.h"
#include "hub/http.h"
#include "hub/refresh_tokens.h"

namespace bamgate::hub {

struct RegistrationRequest {
  std::string join_token;
  std::string name;        // a valid device name
  std::string public_key;  // base64 of 32 bytes, or empty
};

struct Registration {
  Device device;
  RefreshToken refresh;
  bool again = false;  // the device was there before: its old tokens have ended, its sockets are to be closed
};

/// Registers in one transaction. Errors, as the reply to give: 401 for a join token that is unknown, expired or used
/// up; 409 name_taken; 409 key_taken (another device has this public key); 507 no_address_left; 500. Then the token
/// counts no use.
std::expected<Registration, HttpReply> register_device(Context& context, UnixTime unix_now,
                                                       const RegistrationRequest& request);

}  // namespace bamgate::hub
