// A small simulated Internet: hosts with interfaces, addresses and UDP sockets, LANs behind NATs (also behind each
// other) and IPv6 firewalls, and links with latency, rate, queues and faults between them. Every datagram that arrives
// goes into the trace.
// A packet leaves through the interface that has its source address (RFC 1122 §3.3.4.2, the strong model).
// Left out: IP fragments (what is too large is dropped), ICMP, routes that change under way.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sim/agenda.h"
#include "sim/segment.h"
#include "sim/trace.h"
#include "support/seeded_random.h"

namespace bamgate::sim {

/// One datagram at the moment when it leaves its host.
struct Flight {
  const Host& from;
  Endpoint source;
  Endpoint destination;
  const std::vector<std::byte>& data;
};

struct NetworkCounters {
  std::uint64_t delivered = 0;
  std::uint64_t cut = 0;          // from, to or through something whose cable is pulled
  std::uint64_t faults = 0;       // dropped by the test
  std::uint64_t unreachable = 0;  // no such address, socket or route
  std::uint64_t filtered = 0;     // by a NAT or firewall
  std::uint64_t blocked = 0;      // by a router that lets no UDP pass
  std::uint64_t no_mapping = 0;   // a NAT was full
  std::uint64_t lost = 0;         // on a link, by chance
  std::uint64_t queue_full = 0;   // in front of a link
  std::uint64_t too_large = 0;    // for a link
};

class Network {
 public:
  /// `agenda` and `trace` must outlive the network. All chance on its links comes from `seed`.
  Network(Agenda& agenda, Trace& trace, std::uint64_t seed = 1) : agenda_(agenda), trace_(trace), random_(seed) {}

  Segment& internet() { return internet_; }
  /// A LAN behind a NAT whose outer address is `external`.
  Segment& add_lan(const std::string& name, const std::string& external, NatOptions options = {});
  Segment& add_network(const std::string& name, const LanOptions& options);
  /// A LAN that leads nowhere else.
  Segment& add_lone_lan(const std::string& name);

  Host& add_host(const std::string& name, Segment& segment, const std::vector<std::string>& addresses);
  Interface& add_interface(Host& host, const std::string& name, Segment& segment,
                           const std::vector<std::string>& addresses);
  /// A cable that the host notices: with the interface go its addresses.
  void set_up(Interface& interface, bool up);
  /// The interface is somewhere else now, with other addresses.
  void move(Interface& interface, Segment& segment, const std::vector<std::string>& addresses);
  void move(Host& host, Segment& segment, const std::vector<std::string>& addresses) {
    move(host.interface(), segment, addresses);
  }

  /// Binds a UDP socket; port 0 picks one.
  Endpoint bind(Host& host, const IpAddress& address, std::uint16_t port, Host::Receiver receiver);
  void unbind(Host& host, const Endpoint& endpoint) { host.sockets.erase(endpoint); }
  /// Sends from a bound endpoint. What cannot arrive is a counted drop.
  void send(Host& host, const Endpoint& from, const Endpoint& to, std::vector<std::byte> data);

  /// One way from an interface to a host's first one, for what is not a datagram of ours (TCP).
  Duration latency(const Interface& from, const Host& to) const;
  /// Whether a TCP connection from `from` to this port of `to` gets its packets through now.
  bool is_path_free(const Interface& from, const Host& to, std::uint16_t port) const;

  /// How the Internet sees TCP connections of this interface; none for one without addresses.
  IpAddress outer_address(const Interface& interface) const;

  /// Changes what every datagram between two networks meets once: the upward links of the routers on the Internet, and
  /// the outward wires of the hosts that are on the Internet themselves.
  void impair(const std::function<void(LinkOptions&)>& change);
  /// When set and true for a datagram, that datagram is lost.
  std::function<bool(const Flight&)> fault;

  const NetworkCounters& counters() const { return counters_; }
  const std::vector<std::unique_ptr<Host>>& hosts() const { return hosts_; }

 private:
  struct Packet {
    Endpoint from;
    Endpoint to;
    std::shared_ptr<const std::vector<std::byte>> data;

    std::size_t size() const;  // with headers
  };

  Interface* find(const Segment& segment, const IpAddress& address) const;
  Segment* find_child(const Segment& segment, const IpAddress& address) const;
  void put(Link& link, const std::string& where, const Packet& packet, std::function<void(const Packet&)> next);
  void route(Segment& segment, const Packet& packet, bool may_leave);
  void leave(Segment& lan, Packet packet);
  void turn_around(Segment& lan, Packet packet, const Endpoint& mapped);
  void enter(Segment& lan, Packet packet);
  void arrive(Interface& interface, const Packet& packet);
  void drop(std::uint64_t& counter, const std::string& where, const Packet& packet, const char* fate);
  void tell_changed(Host& host);

  Agenda& agenda_;
  Trace& trace_;
  testing::SeededRandom random_;
  Segment internet_{.name = "internet",
                    .port = {.latency = std::chrono::milliseconds(10)},
                    .nat = {},
                    .prefix6 = {},
                    .firewall = Firewall(),
                    .up = {},
                    .down = {}};
  std::vector<std::unique_ptr<Segment>> lans_;
  std::vector<std::unique_ptr<Host>> hosts_;
  std::map<std::pair<const Segment*, IpAddress>, Interface*> by_address_;
  NetworkCounters counters_;
};

}  // namespace bamgate::sim
