#include "os/network_events.h"

#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>

#include "os/netlink_request.h"

namespace bamgate::os {
namespace {

constexpr unsigned kGroups =
    RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV6_IFINFO | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE;

// More than one notification ever has; netlink cuts off what does not fit.
constexpr std::size_t kRoom = 32768;

/// The interface that a notification is about; 0 when it names none.
unsigned interface_of(const nlmsghdr& message) {
  const void* payload = mnl_nlmsg_get_payload(&message);
  switch (message.nlmsg_type) {
    case RTM_NEWLINK:
    case RTM_DELLINK:
      return static_cast<unsigned>(static_cast<const ifinfomsg*>(payload)->ifi_index);
    case RTM_NEWADDR:
    case RTM_DELADDR:
      return static_cast<const ifaddrmsg*>(payload)->ifa_index;
    default: {  // no enum: routes, and whatever else a kernel may say
      unsigned index = 0;
      for_each_attribute(message, sizeof(rtmsg), [&](std::uint16_t kind, const nlattr* attribute) {
        if (kind == RTA_OIF) index = mnl_attr_get_u32(attribute);
      });
      return index;
    }
  }
}

/// The smallest payload that interface_of() reads.
bool is_whole(const nlmsghdr& message) {
  return mnl_nlmsg_get_payload_len(&message) >= std::max({sizeof(rtmsg), sizeof(ifaddrmsg), std::size_t{4}}) &&
         (message.nlmsg_type > RTM_DELLINK || mnl_nlmsg_get_payload_len(&message) >= sizeof(ifinfomsg));
}

void note_changes(const std::byte* data, std::size_t size, unsigned own_tun, NetworkEvents::Changes& changes) {
  int left = static_cast<int>(size);
  for (auto* message = reinterpret_cast<const nlmsghdr*>(data); mnl_nlmsg_ok(message, left);
       message = mnl_nlmsg_next(message, &left)) {
    if (message->nlmsg_type < RTM_BASE || !is_whole(*message)) continue;
    const bool own = own_tun != 0 && interface_of(*message) == own_tun;
    (own ? changes.own : changes.others) = true;
  }
}

}  // namespace

std::expected<NetworkEvents, OsError> NetworkEvents::open() {
  constexpr const char* kWhat = "cannot watch this machine's network";
  FileDescriptor socket(::socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE));
  if (!socket.is_open()) return std::unexpected(system_failure(kWhat, errno));
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = kGroups;
  if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return std::unexpected(system_failure(kWhat, errno));
  }
  return NetworkEvents(std::move(socket));
}

NetworkEvents::Changes NetworkEvents::drain(unsigned own_tun) {
  alignas(nlmsghdr) std::array<std::byte, kRoom> buffer;
  Changes changes;
  while (true) {
    sockaddr_nl from{};
    socklen_t from_size = sizeof(from);
    const ssize_t size =
        ::recvfrom(socket_.get(), buffer.data(), buffer.size(), 0, reinterpret_cast<sockaddr*>(&from), &from_size);
    if (size < 0 && errno == EINTR) continue;
    // netlink(7): ENOBUFS says that notifications were lost.
    if (size < 0 && errno == ENOBUFS) {
      changes = {.own = true, .others = true};
      continue;
    }
    if (size <= 0) return changes;
    // Only the kernel has the number 0; any process may send to a netlink socket.
    if (from.nl_pid != 0) continue;
    note_changes(buffer.data(), static_cast<std::size_t>(size), own_tun, changes);
  }
}

}  // namespace bamgate::os
