// One rtnetlink request and its answers, for the files of this folder only: netlink(7), rtnetlink(7).
#pragma once

#include <libmnl/libmnl.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <functional>
#include <string>
#include <string_view>

#include "core/ip_address.h"
#include "os/os_error.h"

namespace bamgate::os {

/// Builds a message in a buffer of its own, sends it and reads the answers until the kernel says that it is done.
class NetlinkRequest {
 public:
  /// `type` is RTM_…; `flags` are NLM_F_… beside NLM_F_REQUEST.
  NetlinkRequest(std::uint16_t type, std::uint16_t flags);
  NetlinkRequest(const NetlinkRequest&) = delete;
  NetlinkRequest& operator=(const NetlinkRequest&) = delete;

  /// The fixed part that follows the netlink header, all zeros. To be called once, before any attribute.
  template <typename Header>
  Header& header() {
    return *static_cast<Header*>(mnl_nlmsg_put_extra_header(message_, sizeof(Header)));
  }
  void put_u32(std::uint16_t attribute, std::uint32_t value) { mnl_attr_put_u32(message_, attribute, value); }
  void put_address(std::uint16_t attribute, const IpAddress& address);
  nlmsghdr* message() { return message_; }
  /// A dump is to hold only what its header and its attributes name (NETLINK_GET_STRICT_CHK, Linux 4.20). Older kernels
  /// send everything, so `handle` has to look all the same.
  void ask_for_these_alone() { strict_ = true; }

  using Handler = std::function<void(const nlmsghdr&)>;
  /// Sends the request and gives each message of the answer to `handle`; with NLM_F_ACK in the flags also waits for the
  /// acknowledgement. `what` begins the text of an error ("cannot add the route …").
  [[nodiscard]] std::expected<void, OsError> run(std::string_view what, const Handler& handle = {});

 private:
  // Large enough for every request of this folder; answers have a buffer of their own.
  alignas(nlmsghdr) std::array<std::byte, 1024> buffer_{};
  nlmsghdr* message_;
  bool strict_ = false;
};

/// Calls `visit(type, attribute)` for each attribute behind a fixed part of `header_size` bytes.
template <typename Visit>
void for_each_attribute(const nlmsghdr& message, std::size_t header_size, Visit&& visit) {
  const auto* end = static_cast<const char*>(mnl_nlmsg_get_payload_tail(&message));
  const auto* attribute = static_cast<const nlattr*>(mnl_nlmsg_get_payload_offset(&message, header_size));
  while (mnl_attr_ok(attribute, static_cast<int>(end - reinterpret_cast<const char*>(attribute)))) {
    visit(mnl_attr_get_type(attribute), attribute);
    attribute = mnl_attr_next(attribute);
  }
}

/// The same for the attributes inside of one.
template <typename Visit>
void for_each_nested(const nlattr* outer, Visit&& visit) {
  const auto* end = static_cast<const char*>(mnl_attr_get_payload(outer)) + mnl_attr_get_payload_len(outer);
  const auto* attribute = static_cast<const nlattr*>(mnl_attr_get_payload(outer));
  while (mnl_attr_ok(attribute, static_cast<int>(end - reinterpret_cast<const char*>(attribute)))) {
    visit(mnl_attr_get_type(attribute), attribute);
    attribute = mnl_attr_next(attribute);
  }
}

/// AF_INET or AF_INET6; 0 for no address.
std::uint8_t address_family(const IpAddress& address);

/// The address in an attribute; family kNone when its size is that of none.
IpAddress attribute_address(const nlattr* attribute);

/// The kernel's number of an interface. Errors: kNotFound; `what` begins the text.
[[nodiscard]] std::expected<unsigned, OsError> interface_index(std::string_view what, std::string_view name);

}  // namespace bamgate::os
