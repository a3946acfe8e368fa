#include "os/netlink_request.h"

#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>

#include <cerrno>
#include <memory>
#include <vector>

namespace bamgate::os {
namespace {

// A dump fills at most 32 KiB of one read when the reader offers that much (netlink(7), "Bugs" and
// net/netlink/af_netlink.c).
constexpr std::size_t kAnswerSize = 32768;

struct SocketCloser {
  void operator()(mnl_socket* socket) const { mnl_socket_close(socket); }
};
using Socket = std::unique_ptr<mnl_socket, SocketCloser>;

int on_message(const nlmsghdr* message, void* context) {
  const auto& handle = *static_cast<const NetlinkRequest::Handler*>(context);
  if (handle) handle(*message);
  return MNL_CB_OK;
}

}  // namespace

NetlinkRequest::NetlinkRequest(std::uint16_t type, std::uint16_t flags)
    : message_(mnl_nlmsg_put_header(buffer_.data())) {
  message_->nlmsg_type = type;
  message_->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
  message_->nlmsg_seq = 1;
}

void NetlinkRequest::put_address(std::uint16_t attribute, const IpAddress& address) {
  mnl_attr_put(message_, attribute, address.bytes().size(), address.bytes().data());
}

std::expected<void, OsError> NetlinkRequest::run(std::string_view what, const Handler& handle) {
  const Socket socket(mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC));
  if (int on = 1; socket && strict_) {
    // Refused by kernels that do not know it.
    (void)mnl_socket_setsockopt(socket.get(), NETLINK_GET_STRICT_CHK, &on, sizeof(on));
  }
  if (!socket || mnl_socket_bind(socket.get(), 0, MNL_SOCKET_AUTOPID) < 0 ||
      mnl_socket_sendto(socket.get(), message_, message_->nlmsg_len) < 0) {
    return std::unexpected(system_failure(what, errno));
  }
  // A request for one thing without NLM_F_ACK is answered by one message; all others end with an acknowledgement or
  // NLMSG_DONE.
  const bool single = (message_->nlmsg_flags & (NLM_F_ACK | NLM_F_DUMP)) == 0;
  std::vector<std::byte> answer(kAnswerSize);
  while (true) {
    const ssize_t size = mnl_socket_recvfrom(socket.get(), answer.data(), answer.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return std::unexpected(system_failure(what, errno));
    const int result = mnl_cb_run(answer.data(), static_cast<std::size_t>(size), message_->nlmsg_seq,
                                  mnl_socket_get_portid(socket.get()), on_message, const_cast<Handler*>(&handle));
    if (result == MNL_CB_ERROR) return std::unexpected(system_failure(what, errno));
    if (result == MNL_CB_STOP || single) return {};
  }
}

std::uint8_t address_family(const IpAddress& address) {
  return address.is_v4() ? AF_INET : address.is_v6() ? AF_INET6 : AF_UNSPEC;
}

IpAddress attribute_address(const nlattr* attribute) {
  return IpAddress::from_bytes(
      Bytes(static_cast<const std::byte*>(mnl_attr_get_payload(attribute)), mnl_attr_get_payload_len(attribute)));
}

std::expected<unsigned, OsError> interface_index(std::string_view what, std::string_view name) {
  const unsigned index = if_nametoindex(std::string(name).c_str());
  if (index == 0) return std::unexpected(system_failure(what, errno));
  return index;
}

}  // namespace bamgate::os
