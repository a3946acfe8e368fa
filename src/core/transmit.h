// A datagram on its way into and out of a protocol machine.
#pragma once

#include <cstdint>

#include "core/bytes.h"
#include "core/endpoint.h"

namespace bamgate::inline core {

/// The two ECN bits of the IP header (RFC 3168 §5).
enum class Ecn : std::uint8_t { kNotCapable = 0, kCapable1 = 1, kCapable0 = 2, kCongestion = 3 };

/// What arrived. With generic receive offload `data` holds several datagrams of `stride` bytes, the last perhaps
/// shorter.
struct Received {
  Path path;
  MutableBytes data;         // may be decrypted in place; valid only during the call
  std::uint16_t stride = 0;  // bytes of each datagram; 0: `data` is one datagram
  Ecn ecn = Ecn::kNotCapable;
};

/// What is to be sent; its bytes stand at the front of the buffer that was given to poll_transmit().
struct Transmit {
  Path path;
  std::uint32_t size = 0;          // bytes
  std::uint16_t segment_size = 0;  // bytes of each datagram when one call sends several; 0: one datagram
  Ecn ecn = Ecn::kNotCapable;
};

}  // namespace bamgate::inline core
