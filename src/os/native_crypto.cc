#include "os/native_crypto.h"

#include <mbedtls/md.h>

#include <new>

namespace bamgate::os {
namespace {

const unsigned char* input(Bytes bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }

/// One digest computation. mbedTLS fails here only when memory is exhausted.
class Digest {
 public:
  Digest(mbedtls_md_type_t type, bool hmac) {
    mbedtls_md_init(&context_);
    check(mbedtls_md_setup(&context_, mbedtls_md_info_from_type(type), hmac ? 1 : 0));
  }
  Digest(const Digest&) = delete;
  Digest& operator=(const Digest&) = delete;
  ~Digest() { mbedtls_md_free(&context_); }

  mbedtls_md_context_t* context() { return &context_; }
  static void check(int result) {
    if (result != 0) throw std::bad_alloc();
  }

 private:
  mbedtls_md_context_t context_{};
};

template <typename Result>
Result hash(mbedtls_md_type_t type, Crypto::Pieces message) {
  Digest digest(type, false);
  Digest::check(mbedtls_md_starts(digest.context()));
  for (const Bytes piece : message) Digest::check(mbedtls_md_update(digest.context(), input(piece), piece.size()));
  Result result{};
  Digest::check(mbedtls_md_finish(digest.context(), reinterpret_cast<unsigned char*>(result.data())));
  return result;
}

template <typename Result>
Result hmac(mbedtls_md_type_t type, Bytes key, Crypto::Pieces message) {
  Digest digest(type, true);
  Digest::check(mbedtls_md_hmac_starts(digest.context(), input(key), key.size()));
  for (const Bytes piece : message) Digest::check(mbedtls_md_hmac_update(digest.context(), input(piece), piece.size()));
  Result result{};
  Digest::check(mbedtls_md_hmac_finish(digest.context(), reinterpret_cast<unsigned char*>(result.data())));
  return result;
}

}  // namespace

Md5Digest NativeCrypto::md5(Pieces message) { return hash<Md5Digest>(MBEDTLS_MD_MD5, message); }

Sha256Digest NativeCrypto::sha256(Pieces message) { return hash<Sha256Digest>(MBEDTLS_MD_SHA256, message); }

Sha1Digest NativeCrypto::hmac_sha1(Bytes key, Pieces message) {
  return hmac<Sha1Digest>(MBEDTLS_MD_SHA1, key, message);
}

Sha256Digest NativeCrypto::hmac_sha256(Bytes key, Pieces message) {
  return hmac<Sha256Digest>(MBEDTLS_MD_SHA256, key, message);
}

}  // namespace bamgate::os
