// Which refresh token a device presents, and what the hub's answer makes of those that it keeps.
//
// The hub lets the token before the last one serve until its successor is known to have arrived, and then replaces the
// successor. A request that was given up, or that a proxy sent twice, may reach the hub late: then it replaces a
// successor that the device holds already. Against that the device keeps the token before the last one as well: at any
// time the hub takes one of the two. No sign that the last one "has served" ends the one before it but its own
// exchange: the hub also serves access tokens of a successor that it has replaced since.
//
// Left out: the request itself, and writing the secrets to disk; both are the host's.
#pragma once

#include <cstdint>
#include <string_view>

#include "config/config.h"

namespace bamgate::agent {

/// The error code by which the hub says that a token is neither the last nor the one before it (docs/hub.md).
inline constexpr std::string_view kRefreshTokenInvalid = "refresh_token_invalid";

/// A registration gave this device its first token: what it had before is worth nothing.
inline void begin_refresh_tokens(config::Secrets& secrets, std::string_view first) {
  secrets.refresh_token = config::SecretText(first);
  secrets.previous_refresh_token.clear();
}

/// One exchange of a refresh token for its successor: one request, or two.
class RefreshExchange {
 public:
  /// `secrets` must outlive this object.
  explicit RefreshExchange(config::Secrets& secrets) : secrets_(secrets) {}

  /// What to present now; valid until the next call.
  std::string_view token() const {
    return presented_ == Presented::kLast ? secrets_.refresh_token.view() : secrets_.previous_refresh_token.view();
  }
  /// The hub took token() and issued `next`. The secrets must be on disk before what came with it is used.
  void accepted(std::string_view next) {
    if (presented_ == Presented::kLast) secrets_.previous_refresh_token = secrets_.refresh_token;
    secrets_.refresh_token = config::SecretText(next);
  }
  /// The hub refused token() with this error code. True: ask once more, with token() as it is now.
  bool refused(std::string_view error) {
    if (error != kRefreshTokenInvalid || presented_ == Presented::kPrevious) return false;
    presented_ = Presented::kPrevious;
    return !secrets_.previous_refresh_token.empty();
  }

 private:
  enum class Presented : std::uint8_t { kLast, kPrevious };

  config::Secrets& secrets_;
  Presented presented_ = Presented::kLast;
};

}  // namespace bamgate::agent
