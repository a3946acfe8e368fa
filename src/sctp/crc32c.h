// CRC32c, the checksum of SCTP packets (RFC 9260 §6.8 and appendix A): eight bytes at a time, by tables.
#pragma once

#include <cstdint>

#include "core/bytes.h"

namespace bamgate::sctp {

/// The CRC32c of `before` continued over `bytes`; 0 begins a new one.
[[nodiscard]] std::uint32_t crc32c(Bytes bytes, std::uint32_t before = 0);

}  // namespace bamgate::sctp
