// The hashes and HMACs of core::Crypto, by mbedTLS.
#pragma once

#include "core/crypto.h"

namespace bamgate::os {

class NativeCrypto : public Crypto {
 public:
  Md5Digest md5(Pieces message) override;
  Sha256Digest sha256(Pieces message) override;
  Sha1Digest hmac_sha1(Bytes key, Pieces message) override;
  Sha256Digest hmac_sha256(Bytes key, Pieces message) override;
};

}  // namespace bamgate::os
