// How a device comes into the network: a join token or the owner's sign-in, name, key, address, credentials
// (protocol.md, "HTTP API"). What is asked of GitHub, and how a request waits for it, stands in github.h and sign_in.h.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "core/time.h"
#include "hub/context.h"
#include "hub/devices.h"
#include "hub/http.h"
#include "hub/refresh_tokens.h"

namespace bamgate::hub {

/// Who wants to come in.
struct Newcomer {
  std::string name;        // a valid device name
  std::string public_key;  // base64 of 32 bytes, or empty
};

enum class Arrival : std::uint8_t {
  kNew,
  kAgain,      // the same name and key: its old tokens have ended, its sockets are to be closed
  kTakenOver,  // by its owner, with another key or without one: the same
};

struct Registration {
  Device device;
  RefreshToken refresh;
  Arrival arrival = Arrival::kNew;
  std::vector<std::string> retired;  // keys that the device held; its peers are to be told
};

/// Registers in one transaction. Errors, as the reply to give: 401 for a join token that is unknown, expired or used
/// up; 403 wrong_name (it was made for another one); 409 name_taken (a device has it, or it rests); 409 key_taken
/// (another device has this public key); 507 no_address_left; 500. Then the token counts no use.
std::expected<Registration, HttpReply> register_by_token(Context& context, UnixTime unix_now,
                                                         const std::string& join_token, const Newcomer& newcomer);

/// The same for `owner`, who has proven who he is: a device of his own that has this name is taken over, and a name
/// that rests is his. What he registers is an administrator. Errors: the same without 401 and 403.
std::expected<Registration, HttpReply> register_by_owner(Context& context, UnixTime unix_now, std::string_view owner,
                                                         const Newcomer& newcomer);

}  // namespace bamgate::hub
