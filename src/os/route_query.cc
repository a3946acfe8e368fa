// route_to() of netlink.h: RTM_GETROUTE for one destination.
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include <array>

#include "os/netlink.h"
#include "os/netlink_request.h"

namespace bamgate::os {
namespace {

std::string interface_name(unsigned index) {
  std::array<char, IF_NAMESIZE> name{};
  return if_indextoname(index, name.data()) != nullptr ? std::string(name.data()) : std::string();
}

}  // namespace

std::expected<RouteAnswer, OsError> route_to(const IpAddress& destination, std::optional<std::uint32_t> mark) {
  const std::string what = "cannot find the route to " + destination.to_string();
  NetlinkRequest request(RTM_GETROUTE, 0);
  auto& route = request.header<rtmsg>();
  route.rtm_family = address_family(destination);
  route.rtm_dst_len = static_cast<std::uint8_t>(destination.bytes().size() * 8);
  request.put_address(RTA_DST, destination);
  if (mark) request.put_u32(RTA_MARK, *mark);

  RouteAnswer answer;
  bool refused = false;
  const auto done = request.run(what, [&](const nlmsghdr& message) {
    if (message.nlmsg_type != RTM_NEWROUTE) return;
    const auto type = static_cast<const rtmsg*>(mnl_nlmsg_get_payload(&message))->rtm_type;
    refused = type == RTN_UNREACHABLE || type == RTN_PROHIBIT || type == RTN_BLACKHOLE;
    for_each_attribute(message, sizeof(rtmsg), [&](std::uint16_t kind, const nlattr* attribute) {
      if (kind == RTA_OIF) answer.interface = interface_name(mnl_attr_get_u32(attribute));
      if (kind == RTA_PREFSRC) answer.preferred_source = attribute_address(attribute);
      if (kind == RTA_GATEWAY) answer.gateway = attribute_address(attribute);
    });
  });
  if (!done) return std::unexpected(done.error());
  if (refused || answer.interface.empty()) {
    return std::unexpected(OsError{Error::kUnreachable, 0, what + ": there is none, or it refuses"});
  }
  return answer;
}

}  // namespace bamgate::os
