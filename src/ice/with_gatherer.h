// A machine with a gatherer of its own: for whoever has one connection and no more (the lab, tests). A device with many
// connections has one gatherer for all of them (agent/node.h).
#pragma once

#include <algorithm>
#include <concepts>
#include <utility>
#include <vector>

#include "core/sans_io.h"
#include "ice/gatherer.h"

namespace bamgate::ice {

/// `Machine` is an Agent, or a connection that holds one and has its functions for local addresses. The pair is used as
/// the machine would be: its sockets' datagrams, timers and outputs are those of both.
template <SansIo Machine>
class WithGatherer : public Machine {
 public:
  /// `random` outlives it; `arguments` are the machine's.
  template <typename... Arguments>
  WithGatherer(Random& random, const std::vector<Endpoint>& stun_servers, Arguments&&... arguments)
      : Machine(std::forward<Arguments>(arguments)...), gatherer_(random) {
    for (const Endpoint& server : stun_servers) gatherer_.add_server(Instant::min(), server);
  }

  void add_local_address(Instant now, SocketId socket, const Endpoint& base) {
    if (!Machine::add_local_address(now, socket, base)) return;
    gatherer_.add_base(now, socket, base);
    follow(now);
  }
  void remove_local_address(Instant now, SocketId socket) {
    gatherer_.remove_base(socket);
    Machine::remove_local_address(now, socket);
    follow(now);
  }
  void add_stun_server(Instant now, const Endpoint& server) {
    if (complete_) return;
    gatherer_.add_server(now, server);
    follow(now);
  }
  /// No more addresses or servers come. The machine is told that its candidates are complete once every server answered
  /// or was given up.
  void set_local_addresses_complete(Instant now) {
    addresses_complete_ = true;
    follow(now);
  }

  auto handle_input(Instant now, const Received& received) {
    if (const auto message = stun::Message::parse(received.data);
        message && gatherer_.awaits(received.path, *message)) {
      (void)gatherer_.handle_response(now, received.path, *message);
      follow(now);
      return std::expected<void, typename Machine::Error>{};
    }
    auto result = Machine::handle_input(now, received);
    follow(now);
    return result;
  }
  void handle_timeout(Instant now) {
    if (gatherer_.next_timeout() <= now) gatherer_.handle_timeout(now);
    if (Machine::next_timeout() <= now) Machine::handle_timeout(now);
    follow(now);
  }
  std::optional<Transmit> poll_transmit(Instant now, MutableBytes buffer) {
    if (const auto request = gatherer_.poll_transmit(now, buffer)) return request;
    return Machine::poll_transmit(now, buffer);
  }
  void close(Instant now) {
    Machine::close(now);
    gatherer_.stop();
  }
  Instant next_timeout() const { return std::min(gatherer_.next_timeout(), Machine::next_timeout()); }

  StunFindings stun_findings() const { return gatherer_.findings(); }

 private:
  const auto& agent() const {
    if constexpr (requires(const Machine& machine) { machine.ice(); }) {
      return Machine::ice();
    } else {
      return static_cast<const Machine&>(*this);
    }
  }
  // RFC 8445 §5.1.1.4: bindings are kept until ICE is done.
  void follow(Instant now) {
    while (const auto found = gatherer_.poll_event()) Machine::add_reflexive(now, *found);
    if (agent().selected() || agent().is_final()) gatherer_.stop();
    if (complete_ || !addresses_complete_ || !gatherer_.complete()) return;
    complete_ = true;
    Machine::set_local_candidates_complete(now);
  }

  Gatherer gatherer_;
  bool addresses_complete_ = false;
  bool complete_ = false;
};

}  // namespace bamgate::ice
