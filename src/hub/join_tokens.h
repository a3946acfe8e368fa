// Join tokens: what a person hands to a new machine so that it may register (protocol.md, "HTTP API" and "Roles").
// The database keeps only their SHA-256, who made them, and which public key used which token. A token ends with the
// device that made it. It is good as long as both clocks say so (hub_clock.h): a wrong one ends none for good.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/crypto.h"
#include "core/time.h"
#include "hub/context.h"
#include "hub/database.h"
#include "hub/devices.h"
#include "hub/error.h"
#include "hub/join_grant.h"

namespace bamgate::hub {

// protocol.md: join token: 128 bits.
inline constexpr std::size_t kJoinTokenBytes = 16;

/// Who made a token, where it was not a device: whoever holds the hub. No device's id is that short.
inline constexpr std::string_view kMadeByHub = "hub";

/// What a presented join token is worth.
enum class JoinVerdict : std::uint8_t {
  kUnknown,  // never made, withdrawn, or removed after its end
  kExpired,
  kUsedUp,
  kFresh,      // one more registration is allowed
  kPresented,  // this public key registered with this token before: the reply was lost
};

struct JoinCheck {
  JoinVerdict verdict = JoinVerdict::kUnknown;
  std::string owner;      // of whoever made the token
  std::string device_id;  // kPresented: the device that was registered then
  Role role = Role::kMember;
  std::string name;  // the only one that it lets in; empty: any that is free
};

/// A token as an administrator sees it.
struct ListedToken {
  std::string id;       // 16 hex digits
  std::string made_by;  // a device's id, kMadeByHub, or empty: made before that was written down
  std::string maker;    // the device's name; empty where made_by is no device
  Role role = Role::kMember;
  std::string name;
  std::int64_t uses_left = 0;
  UnixTime created_at;
  UnixTime expires_at;
};

/// Makes a token and forgets those that ended. `owner`: of the devices that it lets in.
std::expected<JoinToken, Error> create_join_token(Context& context, const JoinGrant& grant, std::string_view owner,
                                                  std::string_view made_by);

/// Looks the token up; changes nothing. `public_key` in base64, empty for none.
JoinCheck check_join_token(Context& context, std::string_view token, std::string_view public_key);

/// Notes that `device_id` registered with it; counts a use unless `verdict` is kPresented.
void consume_join_token(Context& context, std::string_view token, JoinVerdict verdict, std::string_view public_key,
                        std::string_view device_id);

/// Those that have not ended, also used up ones, the newest first.
std::vector<ListedToken> list_join_tokens(Context& context);
/// False: there is none with this id.
bool withdraw_join_token(Database& database, std::string_view id);
/// Ends what `device_id` made. Of tokens from before makers were written down nobody knows whose they are: they end
/// with each device of that time. Returns how many ended.
std::size_t end_join_tokens_of(Database& database, std::string_view device_id);

}  // namespace bamgate::hub
