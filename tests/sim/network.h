// A small simulated Internet: hosts with addresses and UDP sockets, LANs behind NATs, latency, cut links and whatever a
// test makes of single datagrams. Every datagram that arrives goes into the trace.
// Left out so far: bandwidth, queues, IP fragments (what is too large is dropped), IPv6 routers.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/endpoint.h"
#include "sim/agenda.h"
#include "sim/nat.h"
#include "sim/trace.h"

namespace bamgate::sim {

/// Hosts that reach each other without a router. The Internet is one too.
struct Segment {
  std::string name;
  std::optional<Nat> nat;                           // towards the Internet; none: the Internet, or a lone LAN
  bool lone = false;                                // no way out at all
  Duration local = std::chrono::milliseconds(1);    // one way, to a neighbour
  Duration uplink = std::chrono::milliseconds(10);  // one way, to the middle of the Internet

  bool is_lan() const { return lone || nat.has_value(); }
};

struct Host {
  using Receiver = std::function<void(const Endpoint& from, const std::vector<std::byte>& data)>;

  std::string name;
  Segment* segment = nullptr;
  std::vector<IpAddress> addresses;
  bool cut = false;           // its cable is pulled
  std::uint32_t network = 1;  // grows with each move: what was open on an earlier one leads nowhere
  std::map<Endpoint, Receiver> sockets;
  std::uint16_t next_port = 40'000;

  /// One way to `other`, whether or not a datagram could travel there.
  Duration latency_to(const Host& other) const;
};

/// One datagram at the moment when it leaves its host.
struct Flight {
  const Host& from;
  Endpoint source;
  Endpoint destination;
  const std::vector<std::byte>& data;
};

struct NetworkCounters {
  std::uint64_t delivered = 0;
  std::uint64_t cut = 0;          // from or to a host without cable
  std::uint64_t faults = 0;       // dropped by the test
  std::uint64_t unreachable = 0;  // no such address or socket
  std::uint64_t filtered = 0;     // by a NAT
  std::uint64_t too_large = 0;    // over 1,500 bytes with headers
};

class Network {
 public:
  Network(Agenda& agenda, Trace& trace) : agenda_(agenda), trace_(trace) {}

  Segment& internet() { return internet_; }
  /// A LAN behind a NAT whose outer address is `external`.
  Segment& add_lan(const std::string& name, const std::string& external, NatOptions options = {});
  /// A LAN that leads nowhere else.
  Segment& add_lone_lan(const std::string& name);
  Host& add_host(const std::string& name, Segment& segment, const std::vector<std::string>& addresses);

  /// The host is somewhere else now, with other addresses.
  void move(Host& host, Segment& segment, const std::vector<std::string>& addresses);

  /// Binds a UDP socket; port 0 picks one.
  Endpoint bind(Host& host, const IpAddress& address, std::uint16_t port, Host::Receiver receiver);
  void unbind(Host& host, const Endpoint& endpoint) { host.sockets.erase(endpoint); }
  /// Sends from a bound endpoint. What cannot arrive is a counted drop.
  void send(Host& host, const Endpoint& from, const Endpoint& to, std::vector<std::byte> data);

  /// When set and true for a datagram, that datagram is lost.
  std::function<bool(const Flight&)> fault;
  const NetworkCounters& counters() const { return counters_; }

 private:
  Host* find_host(const Segment& segment, const IpAddress& address);
  void arrive(Segment& segment, const Endpoint& from, const Endpoint& to, const std::vector<std::byte>& data);
  void arrive_from_internet(const Endpoint& from, const Endpoint& to, const std::vector<std::byte>& data);

  Agenda& agenda_;
  Trace& trace_;
  Segment internet_{.name = "internet", .nat = std::nullopt};
  std::vector<std::unique_ptr<Segment>> lans_;
  std::vector<std::unique_ptr<Host>> hosts_;
  NetworkCounters counters_;
};

}  // namespace bamgate::sim
