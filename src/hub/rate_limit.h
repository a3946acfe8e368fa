// Two limits: how often a client may fail to log in, and how many messages a device may send.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>

#include "core/ip_address.h"
#include "core/time.h"

namespace bamgate::hub {

/// A leaky bucket: `burst` at once, then one each `interval`.
class Bucket {
 public:
  /// When the next one is allowed; `now` or earlier means at once.
  Instant next(Duration interval, int burst) const { return full_until_ - interval * (burst - 1); }
  void add(Instant now, Duration interval) { full_until_ = (full_until_ < now ? now : full_until_) + interval; }
  /// Nothing of the past counts any more.
  bool is_empty(Instant now) const { return full_until_ <= now; }
  Instant full_until() const { return full_until_; }

 private:
  Instant full_until_{};
};

/// Counts failed registrations and refreshes by client: an IPv4 address or an IPv6 /64. Bounded: when the table is
/// full, whoever's failures are forgotten soonest makes room.
class FailureLimit {
 public:
  static constexpr int kBurst = 10;
  static constexpr Duration kInterval = std::chrono::seconds(6);
  static constexpr std::size_t kMaxClients = 4096;

  /// Whole seconds that this client must wait (for Retry-After); 0: it may try.
  int retry_after(Instant now, const IpAddress& client) const;
  void failed(Instant now, const IpAddress& client);
  std::size_t size() const { return clients_.size(); }

 private:
  void make_room(Instant now);
  std::map<IpAddress, Bucket> clients_;
};

/// The pace of one connection.
class MessageRate {
 public:
  // protocol.md: above 200 messages a second a peer is delayed, above 2,000 closed with 4429.
  static constexpr int kDelayedAbove = 200;
  static constexpr int kFloodAbove = 2000;
  static constexpr Duration kInterval = Duration(std::chrono::seconds(1)) / kDelayedAbove;

  /// Counts a message that arrived; false when more than kFloodAbove came within a second.
  bool arrived(Instant now);
  /// Takes the turn of one message; false when it has to wait until next().
  bool take(Instant now);
  Instant next() const { return bucket_.next(kInterval, kDelayedAbove); }

 private:
  Bucket bucket_;
  Instant window_start_{};
  int in_window_ = 0;
};

}  // namespace bamgate::hub
