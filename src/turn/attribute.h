// The numbers and lifetimes of RFC 8656 that both sides of TURN go by. The attributes themselves are in
// stun/attribute.h, written by stun/builder.h and read by stun/message.h.
#pragma once

#include <chrono>
#include <cstdint>

#include "core/ip_address.h"

namespace bamgate::turn {

/// RFC 8656 §18.8: REQUESTED-TRANSPORT carries the protocol number of IP, 17 for a relay that speaks UDP.
inline constexpr std::uint8_t kTransportUdp = 17;

// RFC 8656 §12: channels are numbered from 0x4000 to 0x4fff; those above are reserved (RFC 7983).
inline constexpr std::uint16_t kFirstChannel = 0x4000;
inline constexpr std::uint16_t kLastChannel = 0x4fff;
constexpr bool is_channel(std::uint16_t number) { return number >= kFirstChannel && number <= kLastChannel; }

// RFC 8656 §3.2, §7.2: an allocation lives 10 minutes unless another time is asked for, of which a server should give
// one hour at most.
inline constexpr auto kAllocationLifetime = std::chrono::seconds(600);
inline constexpr auto kLongestAllocation = std::chrono::seconds(3600);
// RFC 8656 §9: a permission lives 300 s.
inline constexpr auto kPermissionLifetime = std::chrono::seconds(300);
// RFC 8656 §12: a channel binding lives 600 s.
inline constexpr auto kChannelLifetime = std::chrono::seconds(600);
// RFC 8656 §12: for 5 minutes after that neither its number nor its peer may be bound otherwise.
inline constexpr auto kChannelRest = std::chrono::seconds(300);

// docs/relay.md: the relayed addresses of a hub are virtual, all of one network and with one port.
inline constexpr IpPrefix kRelayNetwork{IpAddress::v4(10, 255, 0, 0), 16};
inline constexpr std::uint16_t kRelayPort = 50000;

}  // namespace bamgate::turn
