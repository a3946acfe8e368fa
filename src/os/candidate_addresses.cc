#include "os/candidate_addresses.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "core/name_pattern.h"
#include "os/netlink.h"

namespace bamgate::os {
namespace {

bool is_usable(const InterfaceAddress& candidate) {
  const IpAddress& address = candidate.prefix.address;
  return !candidate.tentative && !candidate.deprecated && address.family() != Family::kNone &&
         !address.is_unspecified() && !address.is_loopback() && !address.is_link_local() && !address.is_multicast() &&
         !address.is_v4_mapped();
}

/// Some other address of the same network; nullopt when the network has no room for one.
std::optional<IpAddress> neighbour(const IpPrefix& own) {
  const std::size_t bits = own.address.bytes().size() * 8;
  if (own.length + 2U > bits) return std::nullopt;
  const IpPrefix network = own.network();
  std::array<std::byte, 16> bytes{};
  copy_bytes(network.address.bytes(), bytes);
  std::byte& last = bytes[bits / 8 - 1];
  last |= std::byte{1};
  const auto address = [&] { return IpAddress::from_bytes(Bytes(bytes).first(bits / 8)); };
  if (address() == own.address) last ^= std::byte{3};
  return address();
}

}  // namespace

std::expected<std::vector<LocalAddress>, OsError> local_candidate_addresses(std::string_view own_tun,
                                                                            std::optional<std::uint32_t> mark) {
  const auto interfaces = interfaces_and_addresses();
  if (!interfaces) return std::unexpected(interfaces.error());
  std::vector<LocalAddress> result;
  for (const Interface& interface : *interfaces) {
    if (!interface.up || !interface.running || interface.loopback || interface.name == own_tun) continue;
    for (const InterfaceAddress& candidate : interface.addresses) {
      if (!is_usable(candidate)) continue;
      const auto other = neighbour(candidate.prefix);
      if (other && routes_into(*other, own_tun, mark)) continue;
      const IpAddress& address = candidate.prefix.address;
      const bool known = std::ranges::find(result, address, &LocalAddress::address) != result.end();
      if (!known) result.push_back({address, candidate.prefix.length, interface.name, interface.tunnel});
    }
  }
  return result;
}

bool is_excluded(std::string_view interface, const std::vector<std::string>& patterns) {
  return std::ranges::any_of(patterns, [&](const std::string& one) { return matches_pattern(one, interface); });
}

std::vector<std::string> take_excluded(std::vector<LocalAddress>& addresses, const std::vector<std::string>& patterns) {
  std::vector<std::string> taken;
  std::erase_if(addresses, [&](const LocalAddress& local) {
    if (!is_excluded(local.interface, patterns)) return false;
    if (std::ranges::find(taken, local.interface) == taken.end()) taken.push_back(local.interface);
    return true;
  });
  return taken;
}

bool routes_into(const IpAddress& remote, std::string_view own_tun, std::optional<std::uint32_t> mark) {
  if (own_tun.empty()) return false;
  const auto answer = route_to(remote, mark);
  return answer && answer->interface == own_tun;
}

}  // namespace bamgate::os
