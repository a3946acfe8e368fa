// Send and Data indications (RFC 8656 §11): how data travels where no channel is bound. The data is the last attribute,
// so that on the data path an indication is put around it and taken off where the packet lies.
// Leaves out writing DONT-FRAGMENT into Send: whoever wants it writes the message with stun/builder.h.
#pragma once

#include <cstddef>
#include <expected>
#include <optional>

#include "core/packet_buffer.h"
#include "stun/message.h"
#include "turn/error.h"

namespace bamgate::turn {

/// What an indication has in front of its data, for a peer of IPv6: header, XOR-PEER-ADDRESS, and the head of DATA.
inline constexpr std::size_t kLongestIndicationHead = 48;

struct Indication {
  Endpoint peer;
  std::optional<Bytes> data{};            // a view into the message; may be empty
  std::optional<stun::IcmpError> icmp{};  // only in Data: what the relay heard of the peer (RFC 8656 §11.5)
};

/// Reads a Send indication. RFC 8656 §11.2: one without peer or data is discarded, and one with a required attribute
/// that nobody knows (RFC 8489 §6.3.2). DONT-FRAGMENT is accepted: stun::Message::has() tells. Error: kBadIndication.
std::expected<Indication, Error> parse_send(const stun::Message& message);

/// Reads a Data indication. RFC 8656 §11.4, §11.6: it names the peer, and carries data or an ICMP error.
/// Error: kBadIndication.
std::expected<Indication, Error> parse_data(const stun::Message& message);

/// Puts an indication around the packet: `method` is kSend (`peer`: for whom it is) or kData (`peer`: from whom it
/// came). `id` need not be random, since nobody answers. Error: kNoRoom (less headroom than 36 bytes, 48 for IPv6, or
/// less tailroom than the padding of up to 3 bytes, or more data than a message carries); the packet is as before.
std::expected<void, Error> seal_indication(PacketBuffer& packet, stun::Method method, const stun::TransactionId& id,
                                           const Endpoint& peer);

/// Cuts the packet to the data of an indication that was read from it; needs `indication.data`.
void open_indication(PacketBuffer& packet, const Indication& indication);

}  // namespace bamgate::turn
