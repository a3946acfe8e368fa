// Private to net's TLS files: what a TlsContext holds.
#pragma once

#include <optional>

#include "net/mbedtls_port.h"
#include "net/tls_stream.h"

namespace bamgate::net {

struct TlsContext::State {
  State();
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State();

  /// TLS 1.2, our suites, our randomness; `endpoint` is MBEDTLS_SSL_IS_CLIENT or MBEDTLS_SSL_IS_SERVER.
  Result<void> set_defaults(int endpoint);

  bool is_server = false;
  mbedtls_ssl_config config;
  mbedtls_x509_crt certificates;  // client: the authorities; server: its own chain
  mbedtls_pk_context key;         // server only
  std::optional<Sha256Digest> pin;
};

}  // namespace bamgate::net
