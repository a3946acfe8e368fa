#include "turn/channel_data.h"

#include "core/reader.h"
#include "core/writer.h"

namespace bamgate::turn {

std::expected<ChannelData, Error> parse_channel_data(Bytes message) {
  Reader reader(message);
  const std::uint16_t channel = reader.u16();
  const std::size_t size = reader.u16();
  const Bytes data = reader.bytes(size);
  // RFC 8656 §12.6: a datagram that is too short for the length that it claims is discarded, a reserved number too.
  if (!reader.ok()) return std::unexpected(Error::kTruncated);
  if (!is_channel(channel)) return std::unexpected(Error::kBadChannel);
  return ChannelData{.channel = channel, .data = data};
}

std::expected<void, Error> seal_channel_data(PacketBuffer& packet, std::uint16_t channel) {
  const std::size_t size = packet.size();
  if (packet.headroom() < kChannelHeader || size > 0xffff) return std::unexpected(Error::kNoRoom);
  Writer header(packet.prepend(kChannelHeader));
  header.u16(channel);
  header.u16(static_cast<std::uint16_t>(size));
  return {};
}

std::expected<std::uint16_t, Error> open_channel_data(PacketBuffer& packet) {
  const auto message = parse_channel_data(packet.data());
  if (!message) return std::unexpected(message.error());
  packet.remove_suffix(packet.size() - kChannelHeader - message->data.size());
  packet.remove_prefix(kChannelHeader);
  return message->channel;
}

}  // namespace bamgate::turn
