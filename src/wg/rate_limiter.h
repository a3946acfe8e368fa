// Limits of a responder under load (paper §5.3): how many handshake messages it takes from one source address, and when
// it counts as under load at all. The figures are those of the Linux implementation (paper §7.4 names the mechanism, a
// token bucket for each address). Left out: limits of transport data, which needs no costly step before its tag.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <map>

#include "core/ip_address.h"
#include "core/time.h"

namespace bamgate::wg {

/// A token bucket that is full at first. Its whole state is the time at which it will be full again.
class TokenBucket {
 public:
  /// Takes one token. A token comes back every `interval`, up to `burst`. False, and nothing is taken, when it is
  /// empty.
  bool take(Instant now, Duration interval, unsigned burst) {
    const Instant start = std::max(full_at_, now);
    if (start - now > (burst - 1) * interval) return false;
    full_at_ = start + interval;
    return true;
  }
  bool is_full(Instant now) const { return full_at_ <= now; }

 private:
  Instant full_at_;
};

// Linux: 20 handshake messages a second from one address, five of them at once.
inline constexpr auto kHandshakeInterval = std::chrono::milliseconds(50);
inline constexpr unsigned kHandshakeBurst = 5;
// Linux: buckets that have not been used for a second are taken away, once a second.
inline constexpr auto kCollectInterval = std::chrono::seconds(1);

/// One bucket for each IPv4 address and each IPv6 network of 64 bits (whoever has one such address has the network).
/// Ask it only about addresses that a cookie has proven: others could be used up by somebody else.
class RateLimiter {
 public:
  /// 1.5 MiB at the most. Linux has the same limit on a machine with little memory.
  static constexpr std::size_t kMaxBuckets = 8192;

  /// True when one more handshake message of this address may be taken. False also when the table is full of others:
  /// then an address that is new has to wait for the next collection, a second at the most after the rush.
  bool allow(Instant now, const IpAddress& source);
  std::size_t size() const { return buckets_.size(); }

 private:
  void collect(Instant now);

  std::map<IpPrefix, TokenBucket> buckets_;  // ordered: addresses that a stranger picks cannot make it slow
  Instant next_collection_;
};

// Linux is under load when 512 handshake messages wait, and for a second after that. Messages do not wait here; what is
// counted is a queue as it would be if handshakes were worked off at kHandshakesPerSecond, about a fifth of a core.
inline constexpr int kHandshakesPerSecond = 500;
inline constexpr unsigned kHandshakeQueue = 512;
inline constexpr auto kLoadLasts = std::chrono::seconds(1);

/// Tells when a responder is under load.
class LoadMeter {
 public:
  /// Counts one handshake message with a valid mac1. True when it arrived under load.
  bool add(Instant now) {
    constexpr Duration interval = Duration(std::chrono::seconds(1)) / kHandshakesPerSecond;
    if (!queue_.take(now, interval, kHandshakeQueue)) until_ = now + kLoadLasts;
    return under_load(now);
  }
  bool under_load(Instant now) const { return now < until_; }

 private:
  TokenBucket queue_;
  Instant until_;
};

}  // namespace bamgate::wg
