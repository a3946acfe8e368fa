// A program on one device that sends numbered datagrams to another, and what became of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "core/time.h"
#include "sim/agenda.h"
#include "sim/device.h"

namespace bamgate::sim {

class Flow {
 public:
  /// Sends a datagram of `size` bytes (8 or more) every `interval`, from now until stop(). `port` tells flows apart.
  Flow(Agenda& agenda, Device& from, Device& to, std::uint16_t port, Duration interval, std::size_t size = 64,
       Family family = Family::kV4);
  Flow(const Flow&) = delete;
  Flow& operator=(const Flow&) = delete;
  ~Flow() { stop(); }
  void stop();

  struct Result {
    std::uint64_t sent = 0;
    std::uint64_t arrived = 0;
    std::uint64_t twice = 0;
    Duration longest{};        // from sending to arrival
    Instant last_sent_lost{};  // when the last of the lost ones was sent
    std::uint64_t lost() const { return sent - arrived; }
  };
  /// What has become of all that was sent until now.
  Result result() const;

 private:
  struct State;
  static void send_next(const std::shared_ptr<State>& state);

  std::shared_ptr<State> state_;
};

}  // namespace bamgate::sim
