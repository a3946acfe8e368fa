#include "sim/network.h"

#include <algorithm>
#include <utility>

namespace bamgate::sim {
namespace {

// RFC 791 §3.1, RFC 8200 §3 and RFC 768.
constexpr std::size_t kV4Overhead = 20 + 8;
constexpr std::size_t kV6Overhead = 40 + 8;

std::string wire_name(const Interface& interface) {
  const bool only = interface.host.interfaces.size() == 1;
  return only ? interface.host.name : interface.host.name + '.' + interface.name;
}

}  // namespace

std::size_t Network::Packet::size() const { return data->size() + (to.address.is_v4() ? kV4Overhead : kV6Overhead); }

// ---- What there is ----

Segment& Network::add_lan(const std::string& name, const std::string& external, NatOptions options) {
  LanOptions lan;
  lan.external = external;
  lan.nat = options;
  return add_network(name, lan);
}

Segment& Network::add_network(const std::string& name, const LanOptions& options) {
  Segment& lan = add_lone_lan(name);
  lan.port = options.port;
  lan.parent = options.parent == nullptr ? &internet_ : options.parent;
  if (!options.external.empty()) lan.nat.emplace(*IpAddress::parse(options.external), options.nat);
  if (!options.prefix6.empty()) lan.prefix6 = IpPrefix::parse(options.prefix6).value();
  lan.firewall = Firewall(options.firewall);
  lan.passes = options.passes;
  lan.up.emplace(agenda_, random_, options.up);
  lan.down.emplace(agenda_, random_, options.down);
  return lan;
}

Segment& Network::add_lone_lan(const std::string& name) {
  lans_.push_back(std::make_unique<Segment>());
  lans_.back()->name = name;
  lans_.back()->port.latency = LanOptions().port.latency;
  return *lans_.back();
}

Host& Network::add_host(const std::string& name, Segment& segment, const std::vector<std::string>& addresses) {
  hosts_.push_back(std::make_unique<Host>());
  hosts_.back()->name = name;
  add_interface(*hosts_.back(), "eth0", segment, addresses);
  return *hosts_.back();
}

Interface& Network::add_interface(Host& host, const std::string& name, Segment& segment,
                                  const std::vector<std::string>& addresses) {
  host.interfaces.push_back(std::make_unique<Interface>(Interface{.host = host,
                                                                  .name = name,
                                                                  .segment = &segment,
                                                                  .addresses = {},
                                                                  .out = Link(agenda_, random_, segment.port),
                                                                  .in = Link(agenda_, random_, segment.port)}));
  move(*host.interfaces.back(), segment, addresses);
  return *host.interfaces.back();
}

void Network::set_up(Interface& interface, bool up) {
  if (interface.is_up == up) return;
  interface.is_up = up;
  ++interface.generation;
  trace_.remark(agenda_.now(), wire_name(interface) + (up ? " is up" : " is down"));
  tell_changed(interface.host);
}

void Network::move(Interface& interface, Segment& segment, const std::vector<std::string>& addresses) {
  std::erase_if(by_address_, [&](const auto& entry) { return entry.second == &interface; });
  ++interface.generation;
  interface.segment = &segment;
  interface.out.options = interface.in.options = segment.port;
  interface.addresses.clear();
  for (const std::string& text : addresses) {
    interface.addresses.push_back(*IpAddress::parse(text));
    by_address_[{&segment, interface.addresses.back()}] = &interface;
  }
  trace_.remark(agenda_.now(), wire_name(interface) + " is in " + segment.name);
  tell_changed(interface.host);
}

// As the kernel's netlink messages do, and never within the call that changed something.
void Network::tell_changed(Host& host) {
  agenda_.after({}, [&host] {
    if (host.on_change) host.on_change();
  });
}

void Network::impair(const std::function<void(LinkOptions&)>& change) {
  for (const auto& lan : lans_) {
    if (lan->parent == &internet_) change(lan->up->options);
  }
  for (const auto& host : hosts_) {
    for (const auto& interface : host->interfaces) {
      if (interface->segment == &internet_) change(interface->out.options);
    }
  }
}

// ---- On the way ----

Endpoint Network::bind(Host& host, const IpAddress& address, std::uint16_t port, Host::Receiver receiver) {
  const Endpoint endpoint{address, port == 0 ? host.next_port++ : port};
  host.sockets[endpoint] = std::move(receiver);
  return endpoint;
}

Interface* Network::find(const Segment& segment, const IpAddress& address) const {
  const auto found = by_address_.find({&segment, address});
  return found == by_address_.end() ? nullptr : found->second;
}

// The LAN whose router answers for `address` in `segment`.
Segment* Network::find_child(const Segment& segment, const IpAddress& address) const {
  for (const auto& lan : lans_) {
    if (lan->parent != &segment) continue;
    if (lan->nat && lan->nat->external() == address) return lan.get();
    if (lan->prefix6 && lan->prefix6->contains(address)) return lan.get();
  }
  return nullptr;
}

void Network::drop(std::uint64_t& counter, const std::string& where, const Packet& packet, const char* fate) {
  ++counter;
  trace_.line(agenda_.now(), where, packet.from, packet.to, *packet.data, fate);
}

void Network::put(Link& link, const std::string& where, const Packet& packet, std::function<void(const Packet&)> next) {
  switch (link.send(packet.size(), [packet, next = std::move(next)] { next(packet); })) {
    case Crossing::kPassed:
      trace_.line(agenda_.now(), where, packet.from, packet.to, *packet.data, "passed");
      return;
    case Crossing::kLost:
      return drop(counters_.lost, where, packet, "lost");
    case Crossing::kQueueFull:
      return drop(counters_.queue_full, where, packet, "queue full");
    case Crossing::kTooLarge:
      return drop(counters_.too_large, where, packet, "too large");
  }
}

void Network::send(Host& host, const Endpoint& from, const Endpoint& to, std::vector<std::byte> data) {
  const Packet packet{from, to, std::make_shared<const std::vector<std::byte>>(std::move(data))};
  const auto has_source = [&](const auto& interface) {
    return interface->is_up && std::ranges::find(interface->addresses, from.address) != interface->addresses.end();
  };
  if (host.cut) return drop(counters_.cut, host.name, packet, "cable cut");
  const auto interface = std::ranges::find_if(host.interfaces, has_source);
  if (interface == host.interfaces.end()) return drop(counters_.unreachable, host.name, packet, "no such source");
  if (fault && fault(Flight{host, from, to, *packet.data})) {
    return drop(counters_.faults, host.name, packet, "lost by the test");
  }
  Segment& segment = *(*interface)->segment;
  put((*interface)->out, wire_name(**interface) + "->" + segment.name, packet,
      [this, &segment](const Packet& arrived) { route(segment, arrived, true); });
}

void Network::route(Segment& segment, const Packet& packet, bool may_leave) {
  if (Interface* interface = find(segment, packet.to.address)) {
    return put(interface->in, segment.name + "->" + wire_name(*interface), packet,
               [this, interface, generation = interface->generation](const Packet& arrived) {
                 const bool same = interface->generation == generation;
                 if (!same) return drop(counters_.unreachable, interface->host.name, arrived, "moved away");
                 arrive(*interface, arrived);
               });
  }
  if (Segment* lan = find_child(segment, packet.to.address)) {
    return put(*lan->down, segment.name + "->" + lan->name, packet,
               [this, lan](const Packet& arrived) { enter(*lan, arrived); });
  }
  if (!may_leave || segment.parent == nullptr) {
    return drop(counters_.unreachable, segment.name, packet, "unreachable");
  }
  leave(segment, packet);
}

// At the inner side of a LAN's router.
void Network::leave(Segment& lan, Packet packet) {
  const std::string router = "router of " + lan.name;
  if (lan.cut) return drop(counters_.cut, router, packet, "cable cut");
  if (!lets_udp_pass(lan.passes)) return drop(counters_.blocked, router, packet, "no UDP");
  if (packet.from.address.is_v4()) {
    if (!lan.nat) return drop(counters_.unreachable, router, packet, "no IPv4");
    const auto mapped = lan.nat->outbound(agenda_.now(), packet.from, packet.to);
    if (!mapped) return drop(counters_.no_mapping, router, packet, "no room for a mapping");
    if (packet.to.address == lan.nat->external()) return turn_around(lan, packet, *mapped);
    packet.from = *mapped;
  } else {
    if (!lan.prefix6 || !lan.prefix6->contains(packet.from.address)) {
      return drop(counters_.unreachable, router, packet, "no IPv6");
    }
    lan.firewall.outbound(agenda_.now(), packet.from, packet.to);
  }
  put(*lan.up, lan.name + "->" + lan.parent->name, packet,
      [this, &lan](const Packet& arrived) { route(*lan.parent, arrived, true); });
}

// RFC 4787 §6. Filters see the outer source in any case.
void Network::turn_around(Segment& lan, Packet packet, const Endpoint& mapped) {
  const std::string router = "router of " + lan.name;
  const Hairpin hairpin = lan.nat->options().hairpin;
  if (hairpin == Hairpin::kNone) return drop(counters_.filtered, router, packet, "no hairpin");
  const auto inner = lan.nat->inbound(agenda_.now(), mapped, packet.to.port);
  if (!inner) return drop(counters_.filtered, router, packet, "filtered");
  if (hairpin == Hairpin::kExternalSource) packet.from = mapped;
  packet.to = *inner;
  route(lan, packet, false);
}

// At the outer side of a LAN's router.
void Network::enter(Segment& lan, Packet packet) {
  const std::string router = "router of " + lan.name;
  if (lan.cut) return drop(counters_.cut, router, packet, "cable cut");
  if (!lets_udp_pass(lan.passes)) return drop(counters_.blocked, router, packet, "no UDP");
  if (packet.to.address.is_v4()) {
    const auto inner = lan.nat->inbound(agenda_.now(), packet.from, packet.to.port);
    if (!inner) return drop(counters_.filtered, router, packet, "filtered");
    packet.to = *inner;
  } else if (!lan.firewall.lets_in(agenda_.now(), packet.from, packet.to)) {
    return drop(counters_.filtered, router, packet, "filtered");
  }
  route(lan, packet, false);
}

void Network::arrive(Interface& interface, const Packet& packet) {
  Host& host = interface.host;
  if (host.cut) return drop(counters_.cut, host.name, packet, "cable cut");
  const auto socket = host.sockets.find(packet.to);
  if (!interface.is_up || socket == host.sockets.end()) {
    return drop(counters_.unreachable, host.name, packet, "no such socket");
  }
  ++counters_.delivered;
  trace_.note(agenda_.now(), packet.from.to_string() + '>' + packet.to.to_string(), *packet.data);
  trace_.line(agenda_.now(), host.name, packet.from, packet.to, *packet.data, "delivered");
  const Host::Receiver receiver = socket->second;  // it may unbind itself
  receiver(packet.from, *packet.data);
}

// ---- Paths of TCP ----

namespace {

// From a segment up to the Internet, or to where nothing leads on.
std::vector<const Segment*> ancestors(const Segment* segment) {
  std::vector<const Segment*> chain;
  for (; segment != nullptr; segment = segment->parent) chain.push_back(segment);
  return chain;
}

// The lowest segment that both have in common; none when there is no path.
const Segment* meeting_point(const Segment* one, const Segment* other) {
  const auto theirs = ancestors(other);
  for (const Segment* mine : ancestors(one)) {
    if (std::ranges::find(theirs, mine) != theirs.end()) return mine;
  }
  return nullptr;
}

}  // namespace

Duration Network::latency(const Interface& from, const Host& to) const {
  const Interface& other = to.interface();
  const Segment* top = meeting_point(from.segment, other.segment);
  Duration sum = from.out.options.latency + other.in.options.latency;
  for (const Segment* at = from.segment; top != nullptr && at != top; at = at->parent) sum += at->up->options.latency;
  for (const Segment* at = other.segment; top != nullptr && at != top; at = at->parent) {
    sum += at->down->options.latency;
  }
  return sum;
}

IpAddress Network::outer_address(const Interface& interface) const {
  IpAddress address = interface.addresses.empty() ? IpAddress() : interface.addresses.front();
  for (const Segment* at : ancestors(interface.segment)) {
    if (address.is_v4() && at->nat) address = at->nat->external();
  }
  return address;
}

bool Network::is_path_free(const Interface& from, const Host& to, std::uint16_t port) const {
  const Interface& other = to.interface();
  if (from.host.cut || to.cut || !from.is_up || !other.is_up) return false;
  const Segment* top = meeting_point(from.segment, other.segment);
  if (top == nullptr) return false;
  const auto open_to_top = [top, port](const Segment* at) {
    for (; at != top; at = at->parent) {
      if (at->cut || !lets_tcp_pass(at->passes, port)) return false;
    }
    return true;
  };
  return open_to_top(from.segment) && open_to_top(other.segment);
}

}  // namespace bamgate::sim
