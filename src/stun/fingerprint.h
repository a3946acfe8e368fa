// FINGERPRINT (RFC 8489 §14.7): a checksum that tells STUN from other protocols on the same port. It authenticates
// nothing.
#pragma once

#include <cstdint>

#include "core/bytes.h"

namespace bamgate::stun {

/// CRC-32 of `message` (the header, whose length already counts FINGERPRINT, up to that attribute), mixed with "STUN".
std::uint32_t fingerprint(Bytes message);

}  // namespace bamgate::stun
