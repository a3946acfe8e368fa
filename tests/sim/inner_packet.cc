#include "sim/inner_packet.h"

#include "core/reader.h"
#include "core/writer.h"

namespace bamgate::sim {
namespace {

constexpr std::uint8_t kIcmp = 1;
constexpr std::uint8_t kUdp = 17;
constexpr std::uint8_t kIcmpV6 = 58;
constexpr std::size_t kV4Header = 20;
constexpr std::size_t kV6Header = 40;
constexpr std::size_t kInnerHeader = 8;  // of UDP and of an echo alike
constexpr std::uint8_t kHops = 64;

std::uint32_t add_words(std::uint32_t sum, Bytes bytes) {
  Reader reader(bytes);
  while (reader.remaining() >= 2) sum += reader.u16();
  if (reader.remaining() == 1) sum += std::uint32_t{reader.u8()} << 8;
  return sum;
}

// RFC 1071.
std::uint16_t fold(std::uint32_t sum) {
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum & 0xffff);
}

// RFC 768 and RFC 8200 §8.1; ICMP over IPv4 has no pseudo header.
std::uint16_t checksum(const IpAddress& source, const IpAddress& destination, std::uint8_t protocol, Bytes body) {
  std::uint32_t sum = add_words(0, body);
  if (protocol != kIcmp) {
    sum = add_words(add_words(sum, source.bytes()), destination.bytes());
    sum += protocol + static_cast<std::uint32_t>(body.size());
  }
  const std::uint16_t folded = fold(sum);
  return folded == 0 && protocol == kUdp ? 0xffff : folded;
}

std::uint8_t protocol_of(const InnerPacket& packet) {
  if (packet.kind == InnerPacket::Kind::kUdp) return kUdp;
  return packet.source.address.is_v4() ? kIcmp : kIcmpV6;
}

// RFC 792 and RFC 4443 §4.
std::uint8_t icmp_type(const InnerPacket& packet) {
  const bool request = packet.kind == InnerPacket::Kind::kEchoRequest;
  if (packet.source.address.is_v4()) return request ? 8 : 0;
  return request ? 128 : 129;
}

void write_body(Writer& writer, std::size_t start, const InnerPacket& packet) {
  const std::uint8_t protocol = protocol_of(packet);
  std::size_t checksum_at = start + 6;
  if (protocol == kUdp) {
    writer.u16(packet.source.port);
    writer.u16(packet.destination.port);
    writer.u16(static_cast<std::uint16_t>(kInnerHeader + packet.payload.size()));
    writer.u16(0);
  } else {
    checksum_at = start + 2;
    writer.u8(icmp_type(packet));
    writer.u8(0);
    writer.u16(0);
    writer.u16(packet.id);
    writer.u16(packet.sequence);
  }
  writer.bytes(packet.payload);
  const Bytes body = writer.written().subspan(start);
  writer.patch_u16(checksum_at, checksum(packet.source.address, packet.destination.address, protocol, body));
}

bool read_body(InnerPacket& packet, std::uint8_t protocol, Bytes body) {
  if (body.size() < kInnerHeader) return false;
  Reader reader(body);
  if (protocol == kUdp) {
    packet.source.port = reader.u16();
    packet.destination.port = reader.u16();
    if (reader.u16() != body.size()) return false;
    reader.skip(2);
  } else {
    const std::uint8_t type = reader.u8();
    reader.skip(3);
    packet.id = reader.u16();
    packet.sequence = reader.u16();
    packet.kind = InnerPacket::Kind::kEchoRequest;
    if (type != icmp_type(packet)) packet.kind = InnerPacket::Kind::kEchoReply;
    if (type != icmp_type(packet)) return false;
  }
  const Bytes payload = reader.rest();
  packet.payload.assign(payload.begin(), payload.end());
  return true;
}

}  // namespace

Datagram write_packet(const InnerPacket& packet) {
  const bool v4 = packet.source.address.is_v4();
  const std::size_t header = v4 ? kV4Header : kV6Header;
  const std::size_t body = kInnerHeader + packet.payload.size();
  Datagram bytes(header + body);
  Writer writer(bytes);
  if (v4) {
    writer.u16(0x4500);
    writer.u16(static_cast<std::uint16_t>(header + body));
    writer.u32(0);  // no fragment
    writer.u8(kHops);
    writer.u8(protocol_of(packet));
    writer.u16(0);
  } else {
    writer.u32(0x6000'0000);
    writer.u16(static_cast<std::uint16_t>(body));
    writer.u8(protocol_of(packet));
    writer.u8(kHops);
  }
  writer.bytes(packet.source.address.bytes());
  writer.bytes(packet.destination.address.bytes());
  if (v4) writer.patch_u16(10, fold(add_words(0, writer.written())));
  write_body(writer, header, packet);
  return bytes;
}

std::optional<InnerPacket> read_packet(Bytes bytes) {
  if (bytes.empty()) return std::nullopt;
  const bool v4 = std::to_integer<unsigned>(bytes[0]) >> 4 == 4;
  const std::size_t header = v4 ? kV4Header : kV6Header;
  if (bytes.size() < header) return std::nullopt;
  const std::size_t length = Reader(bytes.subspan(v4 ? 2 : 4)).u16() + (v4 ? 0 : kV6Header);
  if (length != bytes.size() || (v4 && fold(add_words(0, bytes.first(header))) != 0)) return std::nullopt;
  const auto protocol = std::to_integer<std::uint8_t>(bytes[v4 ? 9 : 6]);
  if (protocol != kUdp && protocol != (v4 ? kIcmp : kIcmpV6)) return std::nullopt;
  const std::size_t size = v4 ? 4 : 16;
  InnerPacket packet;
  packet.source.address = IpAddress::from_bytes(bytes.subspan(v4 ? 12 : 8, size));
  packet.destination.address = IpAddress::from_bytes(bytes.subspan(v4 ? 16 : 24, size));
  if (!read_body(packet, protocol, bytes.subspan(header))) return std::nullopt;
  // A packet without fault is what we would have written.
  const Datagram same = write_packet(packet);
  if (!constant_time_equal(same, bytes)) return std::nullopt;
  return packet;
}

}  // namespace bamgate::sim
