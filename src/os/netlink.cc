#include "os/netlink.h"

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/ipv6.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "os/netlink_request.h"

namespace bamgate::os {
namespace {

constexpr std::uint16_t kCreate = NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;

/// The metric of the routes that the kernel adds with an IPv6 address (IP6_RT_PRIO_ADDRCONF).
constexpr std::uint32_t kNetworkMetric6 = 256;

// A dump that was interrupted by a change (NLM_F_DUMP_INTR) is to be repeated; on a busy host more than once.
constexpr int kDumpTries = 8;

enum class Switch : std::uint8_t { kLeave, kOn, kOff };

std::expected<void, OsError> link_request(std::string_view what, std::string_view interface, Switch power,
                                          std::uint32_t mtu) {
  const auto index = interface_index(what, interface);
  if (!index) return std::unexpected(index.error());
  NetlinkRequest request(RTM_NEWLINK, NLM_F_ACK);
  auto& link = request.header<ifinfomsg>();
  link.ifi_index = static_cast<int>(*index);
  if (power != Switch::kLeave) link.ifi_change = IFF_UP;
  if (power == Switch::kOn) link.ifi_flags = IFF_UP;
  if (mtu != 0) request.put_u32(IFLA_MTU, mtu);
  return request.run(what);
}

void forbid_link_local(unsigned index) {
  NetlinkRequest request(RTM_NEWLINK, NLM_F_ACK);
  request.header<ifinfomsg>().ifi_index = static_cast<int>(index);
  nlattr* families = mnl_attr_nest_start(request.message(), IFLA_AF_SPEC);
  nlattr* ipv6 = mnl_attr_nest_start(request.message(), AF_INET6);
  mnl_attr_put_u8(request.message(), IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
  mnl_attr_nest_end(request.message(), ipv6);
  mnl_attr_nest_end(request.message(), families);
  // Refused where IPv6 is switched off; then there is no link-local address either.
  (void)request.run("");
}

bool has_interface_ipv6(std::string_view name) {
  const auto all = interfaces_and_addresses();
  if (!all) return true;
  const auto found = std::ranges::find(*all, name, &Interface::name);
  return found == all->end() || found->ipv6;
}

/// The kernel refuses IPv6 on an interface for which it is switched off with EACCES, which root could do nothing about.
std::expected<void, OsError> unless_without_ipv6(std::expected<void, OsError> done, std::string_view what,
                                                 std::string_view interface, const IpAddress& address) {
  if (done || done.error().code != Error::kNotPermitted || !address.is_v6() || has_interface_ipv6(interface))
    return done;
  return std::unexpected(OsError{Error::kUnsupported, done.error().number,
                                 std::string(what) + ": IPv6 is switched off (sysctl disable_ipv6)"});
}

struct RouteOptions {
  std::uint8_t protocol = RTPROT_STATIC;
  std::uint32_t metric = 0;  // 0: the kernel's default
};

std::expected<void, OsError> route_request(std::uint16_t type, std::uint16_t flags, std::string_view what,
                                           std::string_view interface, const IpPrefix& destination,
                                           const std::optional<IpAddress>& preferred_source,
                                           const RouteOptions& options = {}) {
  const auto index = interface_index(what, interface);
  if (!index) return std::unexpected(index.error());
  const IpPrefix network = destination.network();
  NetlinkRequest request(type, flags);
  auto& route = request.header<rtmsg>();
  route.rtm_family = address_family(network.address);
  route.rtm_dst_len = network.length;
  route.rtm_table = RT_TABLE_MAIN;
  if (type == RTM_NEWROUTE) {
    route.rtm_protocol = options.protocol;
    route.rtm_scope = network.address.is_v4() ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
    route.rtm_type = RTN_UNICAST;
  } else {
    route.rtm_scope = RT_SCOPE_NOWHERE;  // any
  }
  request.put_address(RTA_DST, network.address);
  request.put_u32(RTA_OIF, *index);
  if (preferred_source) request.put_address(RTA_PREFSRC, *preferred_source);
  if (options.metric != 0) request.put_u32(RTA_PRIORITY, options.metric);
  return unless_without_ipv6(request.run(what), what, interface, network.address);
}

/// IFLA_AF_SPEC of a link: true when it has IPv6 and disable_ipv6 is 0. Said by netlink and not by /proc/sys, which a
/// service may not see.
bool has_ipv6(const nlattr* families) {
  bool on = false;
  for_each_nested(families, [&](std::uint16_t family, const nlattr* inside) {
    if (family != AF_INET6) return;
    for_each_nested(inside, [&](std::uint16_t kind, const nlattr* settings) {
      constexpr std::size_t kAt = DEVCONF_DISABLE_IPV6 * sizeof(std::int32_t);
      if (kind != IFLA_INET6_CONF || mnl_attr_get_payload_len(settings) < kAt + sizeof(std::int32_t)) return;
      std::int32_t disabled = 0;
      std::memcpy(&disabled, static_cast<const char*>(mnl_attr_get_payload(settings)) + kAt, sizeof(disabled));
      on = disabled == 0;
    });
  });
  return on;
}

Interface parse_link(const nlmsghdr& message) {
  const auto& link = *static_cast<const ifinfomsg*>(mnl_nlmsg_get_payload(&message));
  Interface interface;
  interface.index = static_cast<unsigned>(link.ifi_index);
  interface.up = (link.ifi_flags & IFF_UP) != 0;
  interface.running = interface.up && (link.ifi_flags & IFF_RUNNING) != 0;
  interface.loopback = (link.ifi_flags & IFF_LOOPBACK) != 0;
  interface.tunnel = (link.ifi_flags & IFF_POINTOPOINT) != 0 || link.ifi_type == ARPHRD_NONE;
  for_each_attribute(message, sizeof(ifinfomsg), [&](std::uint16_t kind, const nlattr* attribute) {
    if (kind == IFLA_IFNAME) interface.name = mnl_attr_get_str(attribute);
    if (kind == IFLA_MTU) interface.mtu = mnl_attr_get_u32(attribute);
    if (kind == IFLA_AF_SPEC) interface.ipv6 = has_ipv6(attribute);
  });
  return interface;
}

/// One RTM_NEWADDR. IFA_LOCAL is ours where it exists; IFA_ADDRESS is then the other end of a point-to-point link.
InterfaceAddress parse_address(const nlmsghdr& message) {
  const auto& header = *static_cast<const ifaddrmsg*>(mnl_nlmsg_get_payload(&message));
  std::uint32_t flags = header.ifa_flags;
  IpAddress local;
  IpAddress address;
  for_each_attribute(message, sizeof(ifaddrmsg), [&](std::uint16_t kind, const nlattr* attribute) {
    if (kind == IFA_LOCAL) local = attribute_address(attribute);
    if (kind == IFA_ADDRESS) address = attribute_address(attribute);
    if (kind == IFA_FLAGS) flags = mnl_attr_get_u32(attribute);
  });
  InterfaceAddress result;
  result.prefix = {local == IpAddress() ? address : local, header.ifa_prefixlen};
  result.tentative = (flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED)) != 0;
  result.deprecated = (flags & IFA_F_DEPRECATED) != 0;
  return result;
}

/// A route of the main table that goes through that interface; nullopt for any other.
std::optional<Route> parse_route(const nlmsghdr& message, unsigned wanted_index) {
  const auto& route = *static_cast<const rtmsg*>(mnl_nlmsg_get_payload(&message));
  std::uint32_t table = route.rtm_table;
  std::uint32_t index = 0;
  IpAddress destination = route.rtm_family == AF_INET ? IpAddress::v4(0, 0, 0, 0) : *IpAddress::parse("::");
  IpAddress source;
  for_each_attribute(message, sizeof(rtmsg), [&](std::uint16_t kind, const nlattr* attribute) {
    if (kind == RTA_TABLE) table = mnl_attr_get_u32(attribute);
    if (kind == RTA_OIF) index = mnl_attr_get_u32(attribute);
    if (kind == RTA_DST) destination = attribute_address(attribute);
    if (kind == RTA_PREFSRC) source = attribute_address(attribute);
  });
  const bool ip = route.rtm_family == AF_INET || route.rtm_family == AF_INET6;
  if (!ip || table != RT_TABLE_MAIN || index != wanted_index || route.rtm_type != RTN_UNICAST) return std::nullopt;
  return Route{{destination, route.rtm_dst_len}, source};
}

std::expected<std::vector<Interface>, OsError> list_once() {
  std::vector<Interface> interfaces;
  NetlinkRequest links(RTM_GETLINK, NLM_F_DUMP);
  links.header<ifinfomsg>().ifi_family = AF_UNSPEC;
  const auto listed = links.run("cannot list the interfaces", [&](const nlmsghdr& message) {
    if (message.nlmsg_type == RTM_NEWLINK) interfaces.push_back(parse_link(message));
  });
  if (!listed) return std::unexpected(listed.error());

  NetlinkRequest addresses(RTM_GETADDR, NLM_F_DUMP);
  addresses.header<ifaddrmsg>().ifa_family = AF_UNSPEC;
  const auto filled = addresses.run("cannot list the addresses", [&](const nlmsghdr& message) {
    if (message.nlmsg_type != RTM_NEWADDR) return;
    const unsigned index = static_cast<const ifaddrmsg*>(mnl_nlmsg_get_payload(&message))->ifa_index;
    const auto owner = std::ranges::find(interfaces, index, &Interface::index);
    if (owner != interfaces.end()) owner->addresses.push_back(parse_address(message));
  });
  if (!filled) return std::unexpected(filled.error());
  return interfaces;
}

std::expected<std::vector<Route>, OsError> routes_once(unsigned index) {
  std::vector<Route> routes;
  NetlinkRequest request(RTM_GETROUTE, NLM_F_DUMP);
  request.header<rtmsg>().rtm_family = AF_UNSPEC;
  // A router's table has a million of others.
  request.put_u32(RTA_OIF, index);
  request.ask_for_these_alone();
  const auto listed = request.run("cannot list the routes", [&](const nlmsghdr& message) {
    if (message.nlmsg_type != RTM_NEWROUTE) return;
    if (const auto route = parse_route(message, index)) routes.push_back(*route);
  });
  // Through an interface that is gone nothing leads.
  if (!listed && (listed.error().number == ENODEV || listed.error().number == ENXIO)) return routes;
  if (!listed) return std::unexpected(listed.error());
  return routes;
}

/// What `dump` says once no change has interrupted it.
template <typename Dump>
auto uninterrupted(const Dump& dump) {
  auto result = dump();
  for (int tries = 1; !result && result.error().number == EINTR && tries < kDumpTries; ++tries) result = dump();
  return result;
}

}  // namespace

std::expected<void, OsError> add_address(std::string_view interface, const IpPrefix& address) {
  const std::string what = "cannot give " + std::string(interface) + " the address " + address.to_string();
  const auto index = interface_index(what, interface);
  if (!index) return std::unexpected(index.error());
  NetlinkRequest request(RTM_NEWADDR, kCreate);
  auto& header = request.header<ifaddrmsg>();
  header.ifa_family = address_family(address.address);
  header.ifa_prefixlen = address.length;
  header.ifa_flags = address.address.is_v6() ? IFA_F_NODAD : 0;
  header.ifa_scope = RT_SCOPE_UNIVERSE;
  header.ifa_index = *index;
  request.put_address(IFA_LOCAL, address.address);
  request.put_address(IFA_ADDRESS, address.address);
  return unless_without_ipv6(request.run(what), what, interface, address.address);
}

std::expected<void, OsError> set_mtu(std::string_view interface, std::uint32_t mtu) {
  const std::string what = "cannot set the MTU of " + std::string(interface) + " to " + std::to_string(mtu);
  if (mtu == 0) return std::unexpected(OsError{Error::kInvalid, 0, what + ": a packet has at least 68 bytes"});
  return link_request(what, interface, Switch::kLeave, mtu);
}

std::expected<void, OsError> set_down(std::string_view interface) {
  return link_request("cannot switch " + std::string(interface) + " off", interface, Switch::kOff, 0);
}

std::expected<void, OsError> set_up(std::string_view interface) {
  const std::string what = "cannot switch " + std::string(interface) + " on";
  const auto index = interface_index(what, interface);
  if (!index) return std::unexpected(index.error());
  forbid_link_local(*index);
  return link_request(what, interface, Switch::kOn, 0);
}

std::expected<void, OsError> add_route(std::string_view interface, const IpPrefix& destination,
                                       const std::optional<IpAddress>& preferred_source) {
  const std::string what = "cannot route " + destination.network().to_string() + " into " + std::string(interface);
  return route_request(RTM_NEWROUTE, kCreate, what, interface, destination, preferred_source);
}

std::expected<void, OsError> add_network_route(std::string_view interface, const IpPrefix& address) {
  const std::string what = "cannot route " + address.network().to_string() + " into " + std::string(interface);
  const bool v4 = address.address.is_v4();
  return route_request(RTM_NEWROUTE, kCreate, what, interface, address,
                       v4 ? std::optional(address.address) : std::nullopt,
                       {.protocol = RTPROT_KERNEL, .metric = v4 ? 0 : kNetworkMetric6});
}

std::expected<void, OsError> delete_route(std::string_view interface, const IpPrefix& destination) {
  const std::string what =
      "cannot take the route to " + destination.network().to_string() + " from " + std::string(interface);
  return route_request(RTM_DELROUTE, NLM_F_ACK, what, interface, destination, std::nullopt);
}

std::expected<std::vector<Interface>, OsError> interfaces_and_addresses() { return uninterrupted(list_once); }

std::expected<std::vector<Route>, OsError> routes_through(unsigned index) {
  return uninterrupted([index] { return routes_once(index); });
}

}  // namespace bamgate::os
