// Which addresses of this machine may become host candidates (RFC 8445 §5.1.1.1).
// Filtered by what the kernel says of them; by the names of interfaces only where a person has named some. Left out:
// the choice between temporary and permanent IPv6 addresses (both are offered), and bridges of containers (their
// candidates fail their checks).
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/ip_address.h"
#include "os/os_error.h"

namespace bamgate::os {

struct LocalAddress {
  IpAddress address;
  std::uint8_t length = 0;  // of the network that is on the link, in bits
  std::string interface;
  bool tunnel = false;  // of the interface

  IpPrefix prefix() const { return {address, length}; }

  auto operator<=>(const LocalAddress&) const = default;
};

/// The addresses on which ICE may listen, in the kernel's order and without repetition: of an interface that is up; not
/// loopback, link-local, multicast, tentative or deprecated; not of `own_tun` (the TUN's name; empty for none), and not
/// in a network that is routed into it for packets with `mark` (the SO_MARK of our own sockets). Errors: kSystem.
[[nodiscard]] std::expected<std::vector<LocalAddress>, OsError> local_candidate_addresses(
    std::string_view own_tun, std::optional<std::uint32_t> mark = std::nullopt);
/// Takes those out that are on interfaces which a person has excluded, by patterns of names; which interfaces they
/// were.
std::vector<std::string> take_excluded(std::vector<LocalAddress>& addresses, const std::vector<std::string>& patterns);
/// Whether one of the patterns says so.
[[nodiscard]] bool is_excluded(std::string_view interface, const std::vector<std::string>& patterns);

/// True when a packet to `remote` would leave through `own_tun`: such a remote candidate must not be checked, or the
/// tunnel would carry itself. False when there is no route at all.
[[nodiscard]] bool routes_into(const IpAddress& remote, std::string_view own_tun,
                               std::optional<std::uint32_t> mark = std::nullopt);

}  // namespace bamgate::os
