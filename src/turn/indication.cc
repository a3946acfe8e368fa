#include "turn/indication.h"

#include <array>

#include "core/writer.h"
#include "stun/builder.h"

namespace bamgate::turn {
namespace {

constexpr std::array kKnown = {stun::Attribute::kXorPeerAddress, stun::Attribute::kData,
                               stun::Attribute::kDontFragment};

// RFC 8489 §14: type and length in front of each value.
constexpr std::size_t kAttributeHeader = 4;
// RFC 8489 §5: the length of a message is a multiple of 4 in 16 bits.
constexpr std::size_t kLongestBody = 0xfffc;

constexpr std::size_t padding_of(std::size_t size) { return (4 - size % 4) % 4; }

}  // namespace

std::expected<Indication, Error> parse_send(const stun::Message& message) {
  const auto peer = message.xor_address(stun::Attribute::kXorPeerAddress);
  const auto data = message.bytes(stun::Attribute::kData);
  if (!peer || !data || !message.understood(kKnown)) return std::unexpected(Error::kBadIndication);
  return Indication{.peer = *peer, .data = data};
}

std::expected<Indication, Error> parse_data(const stun::Message& message) {
  const auto peer = message.xor_address(stun::Attribute::kXorPeerAddress);
  const Indication indication{
      .peer = peer.value_or(Endpoint{}), .data = message.bytes(stun::Attribute::kData), .icmp = message.icmp()};
  const bool complete = peer && (indication.data || indication.icmp);
  if (!complete || !message.understood(kKnown)) return std::unexpected(Error::kBadIndication);
  return indication;
}

std::expected<void, Error> seal_indication(PacketBuffer& packet, stun::Method method, const stun::TransactionId& id,
                                           const Endpoint& peer) {
  const std::size_t size = packet.size();
  const std::size_t address = kAttributeHeader + 4 + peer.address.bytes().size();
  const std::size_t head = stun::kHeaderSize + address + kAttributeHeader;
  const std::size_t padding = padding_of(size);
  const std::size_t body = head - stun::kHeaderSize + size + padding;
  if (packet.headroom() < head || packet.tailroom() < padding || body > kLongestBody) {
    return std::unexpected(Error::kNoRoom);
  }
  for (std::byte& byte : packet.append(padding)) byte = std::byte{0};
  const MutableBytes front = packet.prepend(head);
  stun::Builder(front, stun::Class::kIndication, method, id).xor_address(stun::Attribute::kXorPeerAddress, peer);
  Writer data(front.last(kAttributeHeader));
  data.u16(static_cast<std::uint16_t>(stun::Attribute::kData));
  data.u16(static_cast<std::uint16_t>(size));
  // RFC 8489 §5: the length counts all behind the header; the builder knew of the address alone.
  copy_bytes(big_endian(static_cast<std::uint16_t>(body)), front.subspan(2, 2));
  return {};
}

void open_indication(PacketBuffer& packet, const Indication& indication) {
  const Bytes all = packet.data();
  const auto before = static_cast<std::size_t>(indication.data->data() - all.data());
  const std::size_t after = all.size() - before - indication.data->size();
  packet.remove_suffix(after);
  packet.remove_prefix(before);
}

}  // namespace bamgate::turn
