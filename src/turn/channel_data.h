// ChannelData (RFC 8656 §12.4): four bytes in front of what a peer sends or is sent, instead of the 36 or more of an
// indication. On the data path it is put on and taken off where the packet lies.
// Leaves out which channels are bound to whom: each side has a table of its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>

#include "core/bytes.h"
#include "core/packet_buffer.h"
#include "turn/attribute.h"
#include "turn/error.h"

namespace bamgate::turn {

// RFC 8656 §12.4: channel number and length, then the data.
inline constexpr std::size_t kChannelHeader = 4;

/// A quick look for demultiplexers (RFC 7983 §7): the first bits are 01. parse_channel_data() decides.
constexpr bool is_channel_data(Bytes message) {
  return !message.empty() && (message[0] & std::byte{0xc0}) == std::byte{0x40};
}

struct ChannelData {
  std::uint16_t channel = 0;
  Bytes data;  // a view into the message, whose bytes from kChannelHeader on it is; may be empty
};

/// Reads one message. What follows the data counts as padding, however long (RFC 8656 §12.5).
/// Errors: kTruncated, kBadChannel.
std::expected<ChannelData, Error> parse_channel_data(Bytes message);

/// Puts the header in front of the packet, without padding. Error: kNoRoom (no kChannelHeader bytes of headroom, or
/// more data than 65,535 bytes); the packet is as before.
std::expected<void, Error> seal_channel_data(PacketBuffer& packet, std::uint16_t channel);

/// Takes header and padding off: the packet is the data. Returns the channel.
/// Errors: kTruncated, kBadChannel; the packet is as before.
std::expected<std::uint16_t, Error> open_channel_data(PacketBuffer& packet);

}  // namespace bamgate::turn
