// One UDP socket for one machine: carries its datagrams and calls it when its time has come, until it has ended.
#pragma once

#include <array>
#include <asio/awaitable.hpp>
#include <functional>
#include <memory>
#include <string>

#include "core/sans_io.h"
#include "doctor/probe.h"
#include "net/clock.h"
#include "net/event.h"
#include "net/udp_socket.h"

namespace bamgate::doctor {

class UdpPort {
 public:
  /// Bound to the address from which packets to `remote` leave. Failure: there is no way to it.
  static std::expected<std::unique_ptr<UdpPort>, std::string> open(Surroundings& around, const IpAddress& remote,
                                                                   bool dont_fragment = false);

  const Endpoint& local() const { return local_; }
  void send(const Endpoint& to, Bytes datagram) { (void)socket_.send(to, datagram); }

  /// Waits until something came, which `take` gets, or `deadline`.
  asio::awaitable<void> wait(Instant deadline, std::function<void(const Received&)> take);

  /// Drives a machine until `handle`, which gets its events, returns true, or `deadline`.
  template <SansIo Machine, typename Handle>
  asio::awaitable<void> drive(Machine& machine, Instant deadline, Handle handle) {
    std::array<std::byte, 2048> buffer{};
    while (net::now() < deadline) {
      while (const auto transmit = machine.poll_transmit(net::now(), buffer)) {
        send(transmit->path.remote, Bytes(buffer).first(transmit->size));
      }
      bool told = false;
      while (auto event = machine.poll_event()) {
        told = true;
        if (handle(*event)) co_return;
      }
      if (told) continue;  // what was done about it may have something to send
      const Instant next = std::min(deadline, machine.next_timeout());
      co_await wait(next, [&](const Received& received) { (void)machine.handle_input(net::now(), received); });
      machine.handle_timeout(net::now());
    }
  }

 private:
  UdpPort(Surroundings& around, net::UdpSocket socket);

  Surroundings& around_;
  net::UdpSocket socket_;
  Endpoint local_;
  net::Event readable_;
  net::FdWatcher watcher_;
  std::array<net::UdpReceived, net::UdpSocket::kBatch> slots_;
};

}  // namespace bamgate::doctor
