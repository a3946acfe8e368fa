// How this machine is connected, as far as a device cares: where it can be reached, and where packets to the Internet
// leave. Two views that are equal need no action, however often the kernel says that something changed (each router
// advertisement of IPv6 says so).
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/ip_address.h"
#include "os/candidate_addresses.h"
#include "os/os_error.h"

namespace bamgate::os {

struct DefaultRoute {
  std::string interface;
  IpAddress gateway;  // family kNone when the Internet is on the link
  bool operator==(const DefaultRoute&) const = default;
};

struct NetworkView {
  std::vector<LocalAddress> addresses;  // in order; see local_candidate_addresses()
  std::optional<DefaultRoute> v4;       // nullopt: none
  std::optional<DefaultRoute> v6;
  std::vector<std::string> excluded = {};  // interfaces that would count, had nobody excluded them

  /// What is excluded may come and go as it likes.
  bool operator==(const NetworkView& other) const {
    return addresses == other.addresses && v4 == other.v4 && v6 == other.v6;
  }

  /// Puts the most promising addresses first: those of the interfaces through which the Internet is reached, then those
  /// of others, then those of tunnels, which usually run on top of one of the former.
  void order();
  /// The addresses with the lengths of their networks, in the same order.
  std::vector<IpPrefix> prefixes() const;
};

/// `own_tun` and `mark` as for local_candidate_addresses(); `excluded`: patterns of the names of interfaces that are no
/// way to anybody, whatever routes lead there. Errors: kSystem.
[[nodiscard]] std::expected<NetworkView, OsError> network_view(std::string_view own_tun,
                                                               std::optional<std::uint32_t> mark = std::nullopt,
                                                               const std::vector<std::string>& excluded = {});

}  // namespace bamgate::os
