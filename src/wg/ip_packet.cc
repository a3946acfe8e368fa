#include "wg/ip_packet.h"

#include "core/reader.h"

namespace bamgate::wg {
namespace {

constexpr std::size_t kV4HeaderSize = 20;
constexpr std::size_t kV6HeaderSize = 40;

unsigned version_of(Bytes packet) { return packet.empty() ? 0 : std::to_integer<unsigned>(packet[0]) >> 4; }

// RFC 791 §3.1: IHL in words of 4 bytes (at least 5), total length of header and data at byte 2.
std::optional<std::size_t> v4_length(Bytes packet) {
  if (packet.size() < kV4HeaderSize) return std::nullopt;
  const std::size_t header = (std::to_integer<std::size_t>(packet[0]) & 15) * 4;
  const std::size_t total = Reader(packet.subspan(2)).u16();
  if (header < kV4HeaderSize || total < header || total > packet.size()) return std::nullopt;
  return total;
}

// RFC 8200 §3: length of what follows the header of 40 bytes, at byte 4.
std::optional<std::size_t> v6_length(Bytes packet) {
  if (packet.size() < kV6HeaderSize) return std::nullopt;
  const std::size_t total = kV6HeaderSize + Reader(packet.subspan(4)).u16();
  if (total > packet.size()) return std::nullopt;
  return total;
}

}  // namespace

std::optional<std::size_t> ip_packet_length(Bytes packet) {
  if (version_of(packet) == 4) return v4_length(packet);
  if (version_of(packet) == 6) return v6_length(packet);
  return std::nullopt;
}

std::optional<IpPacket> parse_ip_packet(Bytes packet) {
  const auto length = ip_packet_length(packet);
  if (!length) return std::nullopt;
  const bool v4 = version_of(packet) == 4;
  const std::size_t size = v4 ? 4 : 16;
  const Bytes addresses = packet.subspan(v4 ? 12 : 8, 2 * size);
  return IpPacket{IpAddress::from_bytes(addresses.first(size)), IpAddress::from_bytes(addresses.last(size)), *length};
}

}  // namespace bamgate::wg
