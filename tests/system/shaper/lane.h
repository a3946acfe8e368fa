// One direction of the shaped cable: Ethernet frames in, the same frames out through a simulated link
// (sim/link.h), in the time of its agenda. It knows neither sockets nor clocks. Left out: VLAN tags.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "core/bytes.h"
#include "sim/agenda.h"
#include "sim/link.h"
#include "support/seeded_random.h"

namespace bamgate::shaper {

/// Whether a frame is a packet that travels, in contrast to one that serves the cable itself: ARP, IPv6 neighbour
/// discovery (RFC 4861), multicast and broadcast.
bool travels(Bytes frame);

struct LaneCounters {
  std::uint64_t packets = 0;   // that travel, and came in
  std::uint64_t bytes = 0;     // of them, without the Ethernet header
  std::uint64_t unshaped = 0;  // frames that serve the cable and passed at once
  std::uint64_t crowded = 0;   // dropped because kMostHeld are on their way
  std::uint64_t refused = 0;   // the far end did not take them
  std::size_t held = 0;        // on their way now
};

class Lane {
 public:
  /// Hands a frame to the far end; false when it is not taken.
  using Write = std::function<bool(Bytes frame)>;

  /// A bound on memory: 1 Gbit/s of 1,400-byte packets for more than 2 s.
  static constexpr std::size_t kMostHeld = 200'000;

  /// `agenda` must outlive the lane and run no entry of it afterwards.
  Lane(sim::Agenda& agenda, std::uint64_t seed, sim::LinkOptions options, Write write)
      : random_(seed), link_(agenda, random_, options), write_(std::move(write)) {}
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  /// A frame that came in at the time of the agenda. It leaves through Write when the agenda reaches its time.
  void take(Bytes frame);

  const LaneCounters& counters() const { return counters_; }
  const sim::LinkCounters& link() const { return link_.counters(); }

 private:
  void deliver(Bytes frame);

  testing::SeededRandom random_;
  sim::Link link_;
  Write write_;
  LaneCounters counters_;
};

}  // namespace bamgate::shaper
