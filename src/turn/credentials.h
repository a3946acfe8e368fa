// The credentials of a hub's relay (docs/turn.md): a name that carries its own end, "<unix expiry>:<device name>", and
// the password that follows from it and the device's secret, base64(HMAC-SHA1(turn_secret, name)). So the relay keeps
// no accounts. Other relays have a fixed name and password.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "core/crypto.h"
#include "core/secret_text.h"
#include "core/time.h"

namespace bamgate::turn {

struct HubUsername {
  UnixTime expires;         // at this second the name is no longer good
  std::string_view device;  // a view into the text that it was read from
};

/// The form that parse_hub_username() reads.
std::string hub_username(UnixTime expires, std::string_view device);
/// Decimal digits without sign or leading zero, a colon, and the name of a device; nullopt for anything else.
std::optional<HubUsername> parse_hub_username(std::string_view username);

/// The password of that name. `turn_secret` is the text that the hub handed out, taken as it is.
SecretText hub_password(Crypto& crypto, std::string_view turn_secret, std::string_view username);

/// A name and its password for one relay.
struct Credentials {
  std::string username;
  SecretText password;
};

/// Makes the credentials of one device at its hub, each good for `lifetime`.
class HubCredentials {
 public:
  // The Go original's: a day. Short enough that a stolen one is soon worth nothing, long enough for wrong clocks.
  static constexpr auto kLifetime = std::chrono::seconds(24 * 60 * 60);
  // New ones are due when so much of the lifetime is left: two refreshes of the longest allocation.
  static constexpr auto kMargin = std::chrono::seconds(2 * 60 * 60);

  HubCredentials(std::string_view device, SecretText turn_secret) : device_(device), secret_(std::move(turn_secret)) {}

  /// Fresh ones, good from now for kLifetime.
  Credentials issue(Crypto& crypto, UnixTime now) const;
  /// Whether those of this name are to be replaced by fresh ones; also when it is no name that issue() gave out.
  static bool due(UnixTime now, std::string_view username);

 private:
  std::string device_;
  SecretText secret_;
};

}  // namespace bamgate::turn
