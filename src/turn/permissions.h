// The permissions of one allocation as its client knows them (RFC 8656 §9): for which addresses they are wanted, which
// the relay has, and which are to be asked for next. It sends nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "core/ip_address.h"
#include "core/time.h"
#include "turn/attribute.h"

namespace bamgate::turn {

// RFC 8656 §9 names no time to refresh a permission. One minute before its end, as for allocations (§8): time enough
// for a request and all of its retransmissions.
inline constexpr auto kPermissionMargin = std::chrono::seconds(60);

class Permissions {
 public:
  explicit Permissions(std::size_t limit) : limit_(limit) {}

  /// A permission is wanted from now on, also where one was refused before. False: the table is full.
  bool want(const IpAddress& address);
  /// It is not refreshed any more, and runs out.
  void forget(const IpAddress& address);
  bool is_wanted(const IpAddress& address) const;
  /// Whether the relay has it.
  bool is_active(Instant now, const IpAddress& address) const;

  /// Up to `most` addresses for one request; they count as asked for. One of which a request with others failed comes
  /// alone.
  std::vector<IpAddress> take_due(Instant now, std::size_t most);
  /// The request that was sent first at `asked_at` succeeded.
  void install(std::span<const IpAddress> addresses, Instant asked_at);
  /// The relay refused: of several addresses each is asked for alone, one alone is not asked for again. Returns whether
  /// it was one alone.
  bool refuse(std::span<const IpAddress> addresses);
  /// Nobody answered: they are asked for again from `until` on.
  void postpone(std::span<const IpAddress> addresses, Instant until);
  /// The allocation is gone: what is wanted is to be asked for again.
  void reset();
  /// Forgets what is not wanted and has run out.
  void expire(Instant now);

  /// When take_due() has something; kNever.
  Instant next_due() const;
  std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    bool wanted = true;
    bool asked = false;  // a request is on its way
    bool alone = false;  // a request for it and others failed
    Instant due{};       // when to ask; kNever: it was refused
    Instant until{};     // it is active before that
  };
  std::map<IpAddress, Entry> entries_;
  std::size_t limit_;
};

}  // namespace bamgate::turn
