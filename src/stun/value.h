// What attributes carry where that is more than one number: errors, ICMP errors, reservations (RFC 8489 §14.8,
// RFC 8656 §18). Views point into the message that they were read from.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/ip_address.h"

namespace bamgate::stun {

// RFC 8489 §14.16: a domain has 255 characters of ASCII or fewer.
inline constexpr std::size_t kLongestDomain = 255;
// RFC 8489 §14.6: a cut HMAC is at least 16 bytes long and a multiple of 4.
inline constexpr std::size_t kShortestSha256 = 16;

/// What an ERROR-CODE attribute says.
struct ErrorCode {
  std::uint16_t code = 0;   // 300 to 699
  std::string_view reason;  // a view into the message

  bool operator==(const ErrorCode&) const = default;
};

/// ADDRESS-ERROR-CODE (RFC 8656 §18.12): why one of two families was not allocated.
struct AddressErrorCode {
  Family family = Family::kNone;  // kNone for a number that is no family
  ErrorCode error;

  bool operator==(const AddressErrorCode&) const = default;
};

/// ICMP (RFC 8656 §18.13): what a relay heard of a peer. RFC 8656 gives the type 7 bits and the code 9.
struct IcmpError {
  std::uint8_t type = 0;   // up to 127
  std::uint16_t code = 0;  // up to 511
  std::uint32_t data = 0;  // the MTU of the next hop where type and code mean "too big", else 0

  bool operator==(const IcmpError&) const = default;
};

/// RESERVATION-TOKEN (RFC 8656 §18.10).
using ReservationToken = std::array<std::byte, 8>;

}  // namespace bamgate::stun
