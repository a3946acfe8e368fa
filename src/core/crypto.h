// The port for hashes and HMACs: mbedTLS natively, node:crypto in the Worker. No layer links a hash library for these.
#pragma once

#include <array>
#include <initializer_list>

#include "core/bytes.h"

namespace bamgate::inline core {

using Md5Digest = std::array<std::byte, 16>;
using Sha1Digest = std::array<std::byte, 20>;
using Sha256Digest = std::array<std::byte, 32>;

/// Each function takes its message in pieces, hashed as if they stood one after the other.
class Crypto {
 public:
  using Pieces = std::initializer_list<Bytes>;
  virtual ~Crypto() = default;
  /// Only for the long-term key of STUN (RFC 8489 §9.2.2), which is defined so.
  virtual Md5Digest md5(Pieces message) = 0;
  virtual Sha256Digest sha256(Pieces message) = 0;
  virtual Sha1Digest hmac_sha1(Bytes key, Pieces message) = 0;
  virtual Sha256Digest hmac_sha256(Bytes key, Pieces message) = 0;
};

}  // namespace bamgate::inline core
