// What the relay holds for its clients: allocations with their permissions and channels (RFC 8656 §3.2, §9, §12), and
// what each owner has used. Every relayed address is virtual: a number within 10.255.0.0/16 that leads to another
// allocation here and nowhere else. Bounded in all directions; whoever is not authenticated changes nothing here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/counters.h"
#include "core/deadline_index.h"
#include "core/random.h"
#include "core/time.h"
#include "stun/attribute.h"
#include "turn/attribute.h"
#include "turn/five_tuple.h"
#include "turn/quota.h"

namespace bamgate::turn {

/// The lower 16 bits of a relayed address.
using RelayNumber = std::uint16_t;
Endpoint relay_endpoint(RelayNumber number);
/// nullopt: no address that this relay could ever give out.
std::optional<RelayNumber> relay_number(const IpAddress& address);

struct RelayLimits {
  std::size_t allocations = 8192;           // of all
  std::size_t allocations_of_owner = 8;     // a device of ours has one for each transport, and the ones before
  std::size_t peers_of_allocation = 1'100;  // permissions and channels: a full room
  Rate rate;                                // of each owner; what is relayed counts for both sides
};

/// What was relayed for one owner, and what was not.
struct RelayCounters {
  std::uint64_t sent_packets = 0;  // of its, relayed
  std::uint64_t sent_bytes = 0;    // their data
  std::uint64_t received_packets = 0;
  std::uint64_t received_bytes = 0;
  std::uint64_t over_quota = 0;  // of its, dropped because it or the peer's owner had used up its rate
  std::uint64_t forbidden = 0;   // of its, dropped: no peer there, or a side without a permission

  static constexpr auto list() {
    return std::to_array<Counter<RelayCounters>>({
        {"relay_sent_packets", "packets relayed that it sent", &RelayCounters::sent_packets},
        {"relay_sent_bytes", "bytes of them", &RelayCounters::sent_bytes},
        {"relay_received_packets", "packets relayed to it", &RelayCounters::received_packets},
        {"relay_received_bytes", "bytes of them", &RelayCounters::received_bytes},
        {"relay_over_quota", "packets dropped: more than its rate or the peer's", &RelayCounters::over_quota},
        {"relay_forbidden", "packets dropped: nobody there, or a side has not permitted it", &RelayCounters::forbidden},
    });
  }
  RelayCounters& operator+=(const RelayCounters& other) { return add_counters(*this, other); }
};

struct Owner {
  explicit Owner(const Rate& rate) : quota(rate) {}
  Quota quota;
  RelayCounters counters;
  std::size_t allocations = 0;
};

class Allocation {
 public:
  struct Peer {
    Instant permitted_until{};
    std::uint16_t channel = 0;  // 0: none
    Instant bound_until{};      // the channel carries data until then, and rests for kChannelRest more
  };

  bool permits(Instant now, RelayNumber peer) const;
  /// False: no room for another peer.
  bool permit(Instant now, RelayNumber peer, std::size_t limit);
  /// RFC 8656 §12: false when number or peer are bound otherwise, or rest from it.
  bool may_bind(Instant now, std::uint16_t channel, RelayNumber peer) const;
  /// Needs may_bind() and permit().
  void bind(Instant now, std::uint16_t channel, RelayNumber peer);
  std::optional<RelayNumber> peer_of(Instant now, std::uint16_t channel) const;
  /// The channel bound to that peer; 0: none.
  std::uint16_t channel_of(Instant now, RelayNumber peer) const;

  FiveTuple client;
  std::string owner_name;
  Owner* owner = nullptr;
  RelayNumber number = 0;
  Instant expires = kNever;
  stun::TransactionId made_by{};  // of the Allocate request, which may come again

  const std::unordered_map<RelayNumber, Peer>& peers() const { return peers_; }
  void restore_peer(RelayNumber number, const Peer& peer);

 private:
  friend class Allocations;
  void forget_old_peers(Instant now);

  std::unordered_map<RelayNumber, Peer> peers_;
  std::unordered_map<std::uint16_t, RelayNumber> channels_;
  DeadlineSlot slot_{};
};

class Allocations {
 public:
  enum class Refusal : std::uint8_t { kOwnerHasTooMany, kFull };

  Allocations(const RelayLimits& limits, Random& random);

  Allocation* find(const FiveTuple& client);
  Allocation* find(RelayNumber number);
  /// `client` must have none.
  std::expected<Allocation*, Refusal> add(const FiveTuple& client, std::string_view owner, Instant expires);
  void extend(Allocation& allocation, Instant expires);
  void remove(Allocation& allocation);
  /// Every allocation of that owner, and what it has used.
  void remove_owner(std::string_view owner);

  void handle_timeout(Instant now);
  Instant next_timeout() const { return deadlines_.next(); }

  std::size_t size() const { return by_number_.size(); }
  const std::map<std::string, Owner, std::less<>>& owners() const { return owners_; }
  const RelayLimits& limits() const { return limits_; }

  /// All of it, so that restore() in another run goes on with it. Times count on from `now` there.
  std::vector<std::byte> save(Instant now) const;
  /// Into an empty table. False: not what save() wrote, and nothing is kept.
  bool restore(Instant now, Bytes saved);

 private:
  std::optional<RelayNumber> free_number();
  Owner& owner(std::string_view name);
  Allocation& insert(std::unique_ptr<Allocation> allocation);
  void clear();

  RelayLimits limits_;
  RelayNumber last_number_;  // numbers are given out in turn: the one that was free longest is next
  std::unordered_map<RelayNumber, std::unique_ptr<Allocation>> by_number_;
  std::unordered_map<FiveTuple, Allocation*, FiveTupleHash> by_client_;
  std::map<std::string, Owner, std::less<>> owners_;
  DeadlineIndex<Allocation*> deadlines_;
};

}  // namespace bamgate::turn
