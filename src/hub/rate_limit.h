// The hub's paces: how often a client may ask, fail to log in or open a WebSocket, how often a device may ask, and how
// many messages a connection may send. Generous to everybody who means well: the numbers stop one address or device
// from taking the whole hub.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <string>
#include <string_view>

#include "core/deadline_index.h"
#include "core/time.h"

namespace bamgate::hub {

/// `burst` at once, then one each `interval`.
struct Pace {
  int burst = 1;
  Duration interval{};
};

/// Failed registrations and refreshes, by client: nobody may try credentials at will.
inline constexpr Pace kFailurePace{10, std::chrono::seconds(6)};
/// Questions to GitHub, of all clients together: 2 a second. Each costs the hub a TLS handshake, and whoever owns many
/// addresses is many clients.
inline constexpr Pace kGithubPace{20, std::chrono::milliseconds(500)};
/// Requests of the API, by client: 500 a second. Many devices may share one address.
inline constexpr Pace kRequestPace{1000, std::chrono::milliseconds(2)};
/// WebSocket upgrades, by client: a thousand devices behind one address may come back at once after a restart.
inline constexpr Pace kUpgradePace{1000, std::chrono::milliseconds(20)};
/// Requests and upgrades of one device, counted only when it has proven who it is: 100 a second.
inline constexpr Pace kDevicePace{200, std::chrono::milliseconds(10)};

/// Requests to the relay, by client: 500 a second, as of the API.
inline constexpr Pace kRelayPace{1000, std::chrono::milliseconds(2)};

/// A leaky bucket.
class Bucket {
 public:
  /// When the next one is allowed; `now` or earlier means at once.
  Instant next(const Pace& pace) const { return full_until_ - pace.interval * (pace.burst - 1); }
  void add(Instant now, const Pace& pace) { full_until_ = (full_until_ < now ? now : full_until_) + pace.interval; }
  /// From then on nothing of the past counts any more.
  Instant full_until() const { return full_until_; }

 private:
  Instant full_until_{};
};

/// One pace for each of many. Bounded: when the table is full, whoever's past is forgotten soonest makes room. A
/// stranger can fill it, so that costs O(log n) for each that is forgotten.
class RateLimit {
 public:
  static constexpr std::size_t kMaxEntries = 4096;

  explicit RateLimit(Pace pace) : pace_(pace) {}
  RateLimit(RateLimit&&) = default;  // no copy: ends_ points into buckets_
  RateLimit& operator=(RateLimit&&) = default;

  /// Whole seconds that `key` must wait (for Retry-After); 0: it may go on.
  int retry_after(Instant now, std::string_view key) const;
  /// When `key` may go on; `now` or earlier means at once.
  Instant next(std::string_view key) const;
  void count(Instant now, std::string_view key);
  /// Counts one if it is allowed; otherwise the seconds to wait.
  int take(Instant now, std::string_view key);
  std::size_t size() const { return buckets_.size(); }

 private:
  struct Entry {
    Bucket bucket;
    DeadlineSlot end;
  };

  void make_room(Instant now);
  void forget(std::string_view key);

  Pace pace_;
  std::map<std::string, Entry, std::less<>> buckets_;
  DeadlineIndex<std::string_view> ends_;  // when the past of each, by its key in buckets_, counts no more
};

/// All of one hub.
struct RateLimits {
  RateLimit failures{kFailurePace};
  RateLimit github{kGithubPace};  // one entry
  RateLimit requests{kRequestPace};
  RateLimit upgrades{kUpgradePace};
  RateLimit devices{kDevicePace};
  RateLimit relay{kRelayPace};
};

/// The pace of one connection.
class MessageRate {
 public:
  // protocol.md: above 200 messages a second a peer is delayed, above 2,000 closed with 4429.
  static constexpr int kDelayedAbove = 200;
  static constexpr int kFloodAbove = 2000;
  static constexpr Pace kPace{kDelayedAbove, Duration(std::chrono::seconds(1)) / kDelayedAbove};

  /// Counts a message that arrived; false when more than kFloodAbove came within a second.
  bool arrived(Instant now);
  /// Takes the turn of one message; false when it has to wait until next().
  bool take(Instant now);
  Instant next() const { return bucket_.next(kPace); }

 private:
  Bucket bucket_;
  Instant window_start_{};
  int in_window_ = 0;
};

}  // namespace bamgate::hub
