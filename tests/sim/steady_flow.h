// A program that sends datagrams at a constant rate, as a call or a game does, and what the other end sees of them.
// Runs through the tunnel of two simulated devices or beside it, over one link alone. Unlike flow.h it keeps no
// datagram.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "sim/agenda.h"
#include "sim/device.h"
#include "sim/inner_packet.h"
#include "sim/link.h"
#include "sim/way.h"

namespace bamgate::sim {

struct SteadyOptions {
  Duration interval;        // from one datagram to the next
  std::size_t size = 1232;  // bytes of UDP payload, 8 or more
};

class SteadyFlow {
 public:
  SteadyFlow(Agenda& agenda, Endpoint from, Endpoint to, Way forth, SteadyOptions options);
  SteadyFlow(const SteadyFlow&) = delete;
  SteadyFlow& operator=(const SteadyFlow&) = delete;
  ~SteadyFlow();

  void start();
  void stop();
  /// Forgets what was counted so far, as after a warm-up.
  void reset();

  struct Result {
    std::uint64_t sent = 0;
    std::uint64_t arrived = 0;     // whenever they were sent
    std::vector<Duration> delays;  // of each arrived one, from sending to arrival
  };
  const Result& result() const;

 private:
  friend std::unique_ptr<SteadyFlow> steady_over_link(Agenda&, Link&, SteadyOptions);
  friend std::unique_ptr<SteadyFlow> steady_through_tunnel(Agenda&, Device&, Device&, std::uint16_t, SteadyOptions);
  struct State;
  std::shared_ptr<State> state_;
};

/// A flow over one link and nothing else, which must outlive it.
std::unique_ptr<SteadyFlow> steady_over_link(Agenda& agenda, Link& link, SteadyOptions options);

/// A flow through the tunnel between two devices that are connected. Both must outlive it. `port` is free on both.
std::unique_ptr<SteadyFlow> steady_through_tunnel(Agenda& agenda, Device& from, Device& to, std::uint16_t port,
                                                  SteadyOptions options);

}  // namespace bamgate::sim
