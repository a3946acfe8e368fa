// The access token in memory: whether it still serves, and when to get the next one ahead of time.
#pragma once

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <utility>

#include "core/time.h"

namespace bamgate::agent {

class Tokens {
 public:
  /// A token that has less time left than this is not presented any more.
  static constexpr auto kMargin = std::chrono::seconds(60);
  /// Whatever lifetime the hub names, the next refresh is no sooner than this, so that a hub's fault floods nobody.
  static constexpr auto kShortestUse = std::chrono::seconds(60);
  /// Nor is a lifetime believed that time points cannot hold.
  static constexpr auto kLongestLifetime = std::chrono::hours(24 * 30);

  /// The token, if it still serves.
  std::optional<std::string> current(Instant now) const {
    if (token_.empty() || now + kMargin >= expires_) return std::nullopt;
    return token_;
  }
  /// True the first time that a refresh is needed; false while one is under way.
  bool begin_refresh() { return !std::exchange(refreshing_, true); }
  void refreshed(Instant now, std::string token, std::chrono::seconds lifetime) {
    const auto serves = std::clamp<std::chrono::seconds>(lifetime, std::chrono::seconds(0), kLongestLifetime);
    token_ = std::move(token);
    expires_ = now + serves;
    // Ahead of expiry, so that a lost hub connection can be made again without waiting for a refresh.
    renew_at_ = now + std::max<std::chrono::seconds>(serves * 5 / 6, kShortestUse);
    refreshing_ = false;
  }
  void failed() { refreshing_ = false; }
  void forget() { token_.clear(); }
  /// When the token is to be refreshed ahead of time; kNever without a token or while a refresh is under way.
  Instant renew_at() const { return token_.empty() || refreshing_ ? kNever : renew_at_; }
  void postpone(Instant until) { renew_at_ = until; }

 private:
  std::string token_;
  Instant expires_{};
  Instant renew_at_ = kNever;
  bool refreshing_ = false;
};

}  // namespace bamgate::agent
