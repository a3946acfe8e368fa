// mbedTLS's structures of one certificate, for certificate.cc and engine.cc alone.
#pragma once

#include "dtls/certificate.h"
#include "dtls/mbedtls_compat.h"

namespace bamgate::dtls {

struct Certificate::Native {
  mbedtls_x509_crt certificate;
  mbedtls_pk_context key;

  Native() {
    mbedtls_x509_crt_init(&certificate);
    mbedtls_pk_init(&key);
  }
  Native(const Native&) = delete;
  Native& operator=(const Native&) = delete;
  ~Native() {
    mbedtls_x509_crt_free(&certificate);
    mbedtls_pk_free(&key);
  }
};

}  // namespace bamgate::dtls
