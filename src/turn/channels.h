// The channels of one allocation as its client knows them (RFC 8656 §12): which peers are to have one, which number
// each has, and which are to be bound or refreshed next. It sends nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "core/endpoint.h"
#include "core/time.h"
#include "turn/attribute.h"

namespace bamgate::turn {

// RFC 8656 §12 names no time to refresh a binding. One minute before its end, as for allocations (§8).
inline constexpr auto kChannelMargin = std::chrono::seconds(60);

/// A number for a peer.
struct Binding {
  Endpoint peer;
  std::uint16_t number = 0;
};

class Channels {
 public:
  /// `limit`: up to 4,096, as many as there are numbers.
  explicit Channels(std::size_t limit);

  /// A channel is wanted from now on, also where one was refused before. False: the table is full.
  bool want(const Endpoint& peer);
  /// It is not refreshed any more, and runs out. Its number rests for 5 minutes after that.
  void forget(const Endpoint& peer);

  /// The channel to send on: nullopt unless the relay has bound it.
  std::optional<std::uint16_t> number_for(Instant now, const Endpoint& peer) const;
  /// Whose data comes on that channel. RFC 8656 §12: from the moment on at which the binding is asked for.
  std::optional<Endpoint> peer_of(Instant now, std::uint16_t number) const;

  /// One binding to ask for; it counts as asked for.
  std::optional<Binding> take_due(Instant now);
  /// The request that was sent first at `asked_at` succeeded.
  void bind(const Endpoint& peer, Instant asked_at);
  /// The relay refused: not asked for again.
  void refuse(const Endpoint& peer);
  /// Nobody answered: asked for again from `until` on.
  void postpone(const Endpoint& peer, Instant until);
  /// The allocation is gone: what is wanted is to be bound again, under another number.
  void reset();
  /// Forgets what is not wanted and whose rest is over.
  void expire(Instant now);

  /// When take_due() has something; kNever.
  Instant next_due() const;
  std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    Endpoint peer;
    std::uint16_t number = 0;
    bool wanted = true;
    bool asked = false;  // a request is on its way
    Instant due{};       // when to ask; kNever: it was refused
    Instant until{};     // bound before that
    Instant perhaps{};   // the relay may have it bound before that, whatever it answered
  };
  std::uint16_t take_number(Entry& entry);
  void drop_number(const Entry& entry) { by_number_[entry.number - kFirstChannel] = nullptr; }

  std::map<Endpoint, Entry> entries_;
  std::vector<Entry*> by_number_;  // nodes of entries_, which stay where they are
  std::size_t next_ = 0;           // where the search for a free number goes on
  std::size_t limit_;
};

}  // namespace bamgate::turn
