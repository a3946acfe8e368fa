#include "hub/addresses.h"

#include <array>

#include "turn/attribute.h"

namespace bamgate::hub {

std::expected<IpPrefix, Error> check_subnet(const IpPrefix& subnet) {
  if (!subnet.address.is_v4() || subnet.length < 8 || subnet.length > 30) return std::unexpected(Error::kBadSubnet);
  const IpPrefix network = subnet.network();
  const std::uint32_t first_byte = network.address.v4_value() >> 24;
  if (first_byte == 0 || first_byte >= 224 || network.address.is_loopback() || network.address.is_link_local()) {
    return std::unexpected(Error::kBadSubnet);
  }
  if (network.contains(turn::kRelayNetwork.address) || turn::kRelayNetwork.contains(network.address)) {
    return std::unexpected(Error::kReservedSubnet);
  }
  return network;
}

std::uint32_t last_host(const IpPrefix& subnet) { return (std::uint32_t{1} << (32 - subnet.length)) - 2; }

std::optional<std::uint32_t> lowest_free_host(const IpPrefix& subnet, std::span<const std::uint32_t> taken) {
  std::uint32_t candidate = 1;
  for (const std::uint32_t host : taken) {
    if (host > candidate) break;
    if (host == candidate) ++candidate;
  }
  if (candidate > last_host(subnet)) return std::nullopt;
  return candidate;
}

IpPrefix address_of(const IpPrefix& subnet, std::uint32_t host) {
  return {IpAddress::v4(subnet.network().address.v4_value() | host), subnet.length};
}

IpPrefix address6_of(const IpPrefix& prefix6, std::uint32_t host) {
  std::array<std::byte, 16> bytes{};
  copy_bytes(prefix6.network().address.bytes(), bytes);
  for (std::size_t i = 0; i < 4; ++i) bytes[15 - i] = static_cast<std::byte>(host >> (8 * i) & 0xff);
  return {IpAddress::from_bytes(bytes), prefix6.length};
}

IpPrefix random_prefix6(Random& random) {
  std::array<std::byte, 16> bytes{};
  // RFC 4193 §3.1: fc00::/7 with the L bit set is fd00::/8, then a 40-bit pseudo-random global id.
  bytes[0] = std::byte{0xfd};
  random.fill(MutableBytes(bytes).subspan(1, 5));
  return {IpAddress::from_bytes(bytes), 64};
}

}  // namespace bamgate::hub
