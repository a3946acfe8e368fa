// The checksum of IP, ICMP and UDP (RFC 1071), for packets that a lab tool or a capture makes itself.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>

#include "core/bytes.h"

namespace bamgate::inline core {

/// Over the pieces as if they stood one after the other; each but the last has an even number of bytes.
inline std::uint16_t ip_checksum(std::initializer_list<Bytes> pieces) {
  std::uint64_t sum = 0;
  for (const Bytes piece : pieces) {
    for (std::size_t i = 0; i < piece.size(); ++i) {
      const auto value = std::to_integer<std::uint64_t>(piece[i]);
      sum += i % 2 == 0 ? value << 8 : value;
    }
  }
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum & 0xffff);
}

}  // namespace bamgate::inline core
