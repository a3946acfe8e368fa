// A simulated network with two public hosts, for tests of the simulator itself with raw datagrams.
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <string_view>
#include <vector>

#include "sim/network.h"

namespace bamgate::sim {

inline Endpoint endpoint(std::string_view text) { return Endpoint::parse(text).value(); }

class SimulatedNetwork : public ::testing::Test {
 protected:
  /// A socket that notes who sent to it.
  Endpoint open(Host& host, std::uint16_t port) { return open_on(host, host.addresses().front(), port); }
  Endpoint open_on(Host& host, const IpAddress& address, std::uint16_t port) {
    return network.bind(host, address, port, [this](const Endpoint& from, const auto&) { heard.push_back(from); });
  }
  void send(Host& host, const Endpoint& from, const Endpoint& to) { network.send(host, from, to, {std::byte{1}}); }
  /// Runs until nothing is on its way any more.
  void run() {
    while (agenda.next() != kNever) agenda.run_next();
  }
  /// Sends one datagram and tells as whom the receiver saw the sender; none when it did not arrive.
  Endpoint seen_as(Host& host, const Endpoint& from, const Endpoint& to) {
    heard.clear();
    send(host, from, to);
    run();
    return heard.empty() ? Endpoint() : heard.back();
  }
  bool arrives(Host& host, const Endpoint& from, const Endpoint& to) { return seen_as(host, from, to) != Endpoint(); }

  Agenda agenda;
  Trace trace{nullptr};
  Network network{agenda, trace};
  Host& server = network.add_host("server", network.internet(), {"203.0.113.1"});
  Host& stranger = network.add_host("stranger", network.internet(), {"203.0.113.66"});
  std::vector<Endpoint> heard;
};

}  // namespace bamgate::sim
