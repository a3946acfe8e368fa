// The reference for what a tunnel does to TCP: one bulk transfer as Reno with selective acknowledgments does it. It
// runs through the tunnel of two simulated devices or beside it, over two links alone. RFC 5681 (slow start, congestion
// avoidance), RFC 6675 (recovery by SACK), RFC 2018 (SACK), RFC 6298 (timeouts), RFC 6928 (initial window), RFC 3465
// (counting what is acknowledged), RFC 1122 §4.2.3.2 (delayed acknowledgments). Segments travel in UDP packets whose
// header of 8 bytes and ours of 12 take the place of TCP's 20, and are numbered one by one. Left out: connection set-up
// and end, flow control (the receiver's window is fixed), rescue retransmissions, ECN, pacing, more than 2^32 segments.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "sim/agenda.h"
#include "sim/device.h"
#include "sim/inner_packet.h"
#include "sim/link.h"
#include "sim/way.h"

namespace bamgate::sim {

struct RenoOptions {
  /// Bytes of data in a segment: a packet of 1,280 bytes with the headers of IPv4 and TCP.
  std::size_t segment = 1240;
  /// Segments that the receiver has room for: 8 MiB.
  std::size_t window = 6765;
  /// RFC 5681 §4.2: an acknowledgment waits less than 500 ms; common systems wait 40.
  Duration delayed_ack = std::chrono::milliseconds(40);
  /// RFC 6298 §2.4: a timeout is at least one second.
  Duration min_timeout = std::chrono::seconds(1);
};

struct RenoCounters {
  std::uint64_t sent = 0;           // segments, retransmissions included
  std::uint64_t retransmitted = 0;  // of them
  std::uint64_t recoveries = 0;     // congestion windows halved because of SACKs
  std::uint64_t timeouts = 0;
  std::uint64_t received = 0;  // segments, duplicates included
};

class RenoFlow {
 public:
  /// A sender at `from` and a receiver at `to`, both IPv4. Sends from start() to stop(), as fast as it may.
  RenoFlow(Agenda& agenda, Endpoint from, Endpoint to, Way forth, Way back, RenoOptions options = {});
  RenoFlow(const RenoFlow&) = delete;
  RenoFlow& operator=(const RenoFlow&) = delete;
  ~RenoFlow();

  void start();
  void stop();
  /// A packet of this flow that has arrived at either end.
  void receive(const InnerPacket& packet);

  /// Bytes that the receiver has handed to its program: all in order.
  std::uint64_t delivered() const;
  /// The sender's window, in segments.
  double congestion_window() const;
  RenoCounters counters() const;

 private:
  friend std::unique_ptr<RenoFlow> reno_over_links(Agenda&, Link&, Link&, RenoOptions);
  friend std::unique_ptr<RenoFlow> reno_through_tunnel(Agenda&, Device&, Device&, std::uint16_t, RenoOptions);
  struct State;
  std::shared_ptr<State> state_;
};

/// A flow over two links and nothing else: data over `forth`, acknowledgments over `back`. Both must outlive it.
std::unique_ptr<RenoFlow> reno_over_links(Agenda& agenda, Link& forth, Link& back, RenoOptions options = {});

/// A flow through the tunnel between two devices that are connected. Both must outlive it. `port` is free on both.
std::unique_ptr<RenoFlow> reno_through_tunnel(Agenda& agenda, Device& from, Device& to, std::uint16_t port,
                                              RenoOptions options = {});

}  // namespace bamgate::sim
