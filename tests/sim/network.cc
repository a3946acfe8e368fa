#include "sim/network.h"

#include <algorithm>
#include <utility>

namespace bamgate::sim {
namespace {

// Ethernet; RFC 791 §3.1, RFC 8200 §3 and RFC 768 for the headers.
constexpr std::size_t kMtu = 1500;
constexpr std::size_t kV4Overhead = 20 + 8;
constexpr std::size_t kV6Overhead = 40 + 8;

}  // namespace

Duration Host::latency_to(const Host& other) const {
  if (segment == other.segment && segment->is_lan()) return segment->local;
  return segment->uplink + other.segment->uplink;
}

Segment& Network::add_lan(const std::string& name, const std::string& external, NatOptions options) {
  lans_.push_back(std::make_unique<Segment>(Segment{.name = name, .nat = Nat(*IpAddress::parse(external), options)}));
  return *lans_.back();
}

Segment& Network::add_lone_lan(const std::string& name) {
  lans_.push_back(std::make_unique<Segment>(Segment{.name = name, .nat = std::nullopt, .lone = true}));
  return *lans_.back();
}

Host& Network::add_host(const std::string& name, Segment& segment, const std::vector<std::string>& addresses) {
  hosts_.push_back(std::make_unique<Host>());
  hosts_.back()->name = name;
  move(*hosts_.back(), segment, addresses);
  return *hosts_.back();
}

void Network::move(Host& host, Segment& segment, const std::vector<std::string>& addresses) {
  ++host.network;
  host.segment = &segment;
  host.addresses.clear();
  for (const std::string& text : addresses) host.addresses.push_back(*IpAddress::parse(text));
}

Endpoint Network::bind(Host& host, const IpAddress& address, std::uint16_t port, Host::Receiver receiver) {
  const Endpoint endpoint{address, port == 0 ? host.next_port++ : port};
  host.sockets[endpoint] = std::move(receiver);
  return endpoint;
}

Host* Network::find_host(const Segment& segment, const IpAddress& address) {
  for (const auto& host : hosts_) {
    if (host->segment == &segment && std::ranges::find(host->addresses, address) != host->addresses.end()) {
      return host.get();
    }
  }
  return nullptr;
}

void Network::send(Host& host, const Endpoint& from, const Endpoint& to, std::vector<std::byte> data) {
  if (host.cut) {
    ++counters_.cut;
    return;
  }
  if (std::ranges::find(host.addresses, from.address) == host.addresses.end()) {
    ++counters_.unreachable;
    return;
  }
  if (data.size() + (to.address.is_v4() ? kV4Overhead : kV6Overhead) > kMtu) {
    ++counters_.too_large;
    return;
  }
  if (fault && fault(Flight{host, from, to, data})) {
    ++counters_.faults;
    return;
  }
  Segment& segment = *host.segment;
  if (segment.is_lan() && (segment.lone || find_host(segment, to.address) != nullptr)) {
    agenda_.after(segment.local,
                  [this, &segment, from, to, data = std::move(data)] { arrive(segment, from, to, data); });
    return;
  }
  const Endpoint source = segment.nat ? segment.nat->outbound(agenda_.now(), from, to) : from;
  agenda_.after(segment.uplink, [this, source, to, data = std::move(data)] { arrive_from_internet(source, to, data); });
}

// The datagram is in the middle of the Internet; the receiver's uplink still lies before it.
void Network::arrive_from_internet(const Endpoint& from, const Endpoint& to, const std::vector<std::byte>& data) {
  Segment* target = &internet_;
  for (const auto& lan : lans_) {
    if (lan->nat && lan->nat->external() == to.address) target = lan.get();
  }
  agenda_.after(target->uplink, [this, target, from, to, data] {
    if (target == &internet_) return arrive(*target, from, to, data);
    // No hairpins (RFC 4787 §6): many NATs have none, so nobody may rely on them.
    const bool hairpin = from.address == to.address;
    const auto inner = hairpin ? std::nullopt : target->nat->inbound(agenda_.now(), from, to.port);
    if (inner) return arrive(*target, from, *inner, data);
    ++counters_.filtered;
  });
}

void Network::arrive(Segment& segment, const Endpoint& from, const Endpoint& to, const std::vector<std::byte>& data) {
  Host* host = find_host(segment, to.address);
  const auto socket = host == nullptr ? std::map<Endpoint, Host::Receiver>::iterator{} : host->sockets.find(to);
  if (host == nullptr || socket == host->sockets.end()) {
    ++counters_.unreachable;
    return;
  }
  if (host->cut) {
    ++counters_.cut;
    return;
  }
  ++counters_.delivered;
  trace_.note(agenda_.now(), from.to_string() + '>' + to.to_string(), data);
  const Host::Receiver receiver = socket->second;  // it may unbind itself
  receiver(from, data);
}

}  // namespace bamgate::sim
