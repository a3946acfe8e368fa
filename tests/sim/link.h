// One direction of a wire: it takes time, has a rate and a queue in front of it, and loses, delays, reorders and
// doubles datagrams as its options say. All chance comes from the given random source, all time from the agenda.
// Gilbert (1960) and Elliott (1963) describe the burst loss. Left out: bit errors, ECN marks, other queues than
// first-in first-out with tail drop.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>

#include "core/random.h"
#include "sim/agenda.h"

namespace bamgate::sim {

/// Gilbert-Elliott: datagrams are lost in bad spells. The three numbers are chances from 0 to 1, per datagram.
struct BurstLoss {
  double enter = 0;  // a good spell ends
  double leave = 1;  // a bad spell ends: it lasts 1 / leave datagrams on average
  double loss = 1;   // within a bad spell
  /// A bad spell ends after this time at the latest. Without a limit a sender that slows down, as each does that loses
  /// much, stretches it without end.
  Duration longest = Duration::max();

  /// Loses `share` of all datagrams (below 1), in bursts of `mean` datagrams (1 or more).
  static BurstLoss of(double share, double mean, Duration longest = Duration::max()) {
    return {share / (1 - share) / mean, 1 / mean, 1, longest};
  }
};

struct LinkOptions {
  Duration latency{};        // of an empty link, one way
  Duration jitter{};         // up to this much more, equally likely; it keeps the order
  double loss = 0;           // chance, each datagram for itself
  BurstLoss burst{};         // besides
  double duplicate = 0;      // chance that a second copy follows at once
  double reorder = 0;        // chance that a datagram is held back by reorder_delay, so that later ones overtake it
  Duration reorder_delay{};  //
  std::size_t mtu = 1500;    // bytes of a whole IP packet; larger ones are dropped
  std::uint64_t rate = 0;    // bit/s; 0: without limit, and then nothing queues
  std::size_t queue =
      256 * 1024;  // bytes that may wait, the datagram on the wire included; what finds no room is dropped
};

/// What became of a datagram that was put on a link.
enum class Crossing : std::uint8_t {
  kPassed,     // it arrives after the link's delay
  kLost,       // by chance, single or in a burst
  kQueueFull,  // tail drop
  kTooLarge,   // over the MTU
};

struct LinkCounters {
  std::uint64_t passed = 0;  // duplicates not counted
  std::uint64_t lost = 0;
  std::uint64_t queue_full = 0;
  std::uint64_t too_large = 0;
  std::uint64_t duplicated = 0;
  std::uint64_t reordered = 0;
  std::uint64_t bytes = 0;       // passed
  std::size_t peak_backlog = 0;  // bytes

  std::uint64_t offered() const { return passed + lost + queue_full + too_large; }
};

class Link {
 public:
  /// Runs when the datagram arrives; twice for a duplicate.
  using Deliver = std::function<void()>;

  /// `agenda` and `random` must outlive the link, and the link must outlive nothing: deliveries hold no part of it.
  Link(Agenda& agenda, Random& random, LinkOptions initial = {}) : options(initial), agenda_(agenda), random_(random) {}

  /// Puts a datagram of `size` bytes, IP and UDP headers included, on the link now. `deliver` runs through the agenda,
  /// never within this call, and only if kPassed is returned.
  Crossing send(std::size_t size, Deliver deliver);

  /// Bytes that wait now, the rest of the one on the wire included; 0 without a rate.
  std::size_t backlog() const;
  const LinkCounters& counters() const { return counters_; }

  /// May change at any time; counts from the next datagram on.
  LinkOptions options;

 private:
  bool chance(double probability);
  bool is_lost();
  Duration transmission_time(std::size_t size) const;
  void schedule(Instant departure, Deliver deliver);

  Agenda& agenda_;
  Random& random_;
  Instant busy_until_{};    // the wire is taken until then
  Instant last_arrival_{};  // of those that keep the order
  bool bad_spell_ = false;
  Instant bad_since_{};
  LinkCounters counters_;
};

}  // namespace bamgate::sim
