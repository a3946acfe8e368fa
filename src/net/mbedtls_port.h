// What differs between mbedTLS 2.28 (Debian 12) and 3.6 (Debian 13), as far as net uses it.
#pragma once

#include <mbedtls/error.h>
#include <mbedtls/md.h>
#include <mbedtls/net_sockets.h>
#include <mbedtls/pk.h>
#include <mbedtls/ssl.h>
#include <mbedtls/version.h>
#include <mbedtls/x509_crt.h>

#if MBEDTLS_VERSION_NUMBER >= 0x03000000
#include <psa/crypto.h>
#endif

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "core/crypto.h"
#include "net/system_random.h"

namespace bamgate::net::port {

/// Needed once before anything of TLS; safe to repeat.
inline bool initialize() {
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
  return psa_crypto_init() == PSA_SUCCESS;
#else
  return true;
#endif
}

/// `pem` with its terminating zero counted in its size.
inline int parse_key(mbedtls_pk_context* key, const unsigned char* pem, std::size_t size) {
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
  return mbedtls_pk_parse_key(key, pem, size, nullptr, 0, mbedtls_random, nullptr);
#else
  return mbedtls_pk_parse_key(key, pem, size, nullptr, 0);
#endif
}

/// 0 when both halves belong together.
inline int check_pair(const mbedtls_pk_context* public_half, const mbedtls_pk_context* private_half) {
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
  return mbedtls_pk_check_pair(public_half, private_half, mbedtls_random, nullptr);
#else
  return mbedtls_pk_check_pair(public_half, private_half);
#endif
}

/// TLS 1.2 and nothing else.
inline void set_tls_1_2(mbedtls_ssl_config* config) {
#if MBEDTLS_VERSION_NUMBER >= 0x03000000
  mbedtls_ssl_conf_min_tls_version(config, MBEDTLS_SSL_VERSION_TLS1_2);
  mbedtls_ssl_conf_max_tls_version(config, MBEDTLS_SSL_VERSION_TLS1_2);
#else
  mbedtls_ssl_conf_min_version(config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
  mbedtls_ssl_conf_max_version(config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
#endif
}

/// The curves of key exchanges and certificates, cheapest first: the server takes the first that the client has too,
/// and by default that is P-521, which costs several times as much as P-256.
inline void prefer_fast_curves(mbedtls_ssl_config* config) {
#if MBEDTLS_VERSION_NUMBER >= 0x03010000
  static constexpr std::array<std::uint16_t, 5> kCurves = {
      MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1, MBEDTLS_SSL_IANA_TLS_GROUP_X25519, MBEDTLS_SSL_IANA_TLS_GROUP_SECP384R1,
      MBEDTLS_SSL_IANA_TLS_GROUP_SECP521R1, MBEDTLS_SSL_IANA_TLS_GROUP_NONE};
  mbedtls_ssl_conf_groups(config, kCurves.data());
#else
  static constexpr std::array kCurves = {MBEDTLS_ECP_DP_SECP256R1, MBEDTLS_ECP_DP_CURVE25519, MBEDTLS_ECP_DP_SECP384R1,
                                         MBEDTLS_ECP_DP_SECP521R1, MBEDTLS_ECP_DP_NONE};
  mbedtls_ssl_conf_curves(config, kCurves.data());
#endif
}

/// `serial` is big-endian and not empty.
inline int set_serial(mbedtls_x509write_cert* certificate, std::span<unsigned char> serial) {
#if MBEDTLS_VERSION_NUMBER >= 0x03040000
  return mbedtls_x509write_crt_set_serial_raw(certificate, serial.data(), serial.size());
#else
  mbedtls_mpi number;
  mbedtls_mpi_init(&number);
  int result = mbedtls_mpi_read_binary(&number, serial.data(), serial.size());
  if (result == 0) result = mbedtls_x509write_crt_set_serial(certificate, &number);
  mbedtls_mpi_free(&number);
  return result;
#endif
}

/// mbedtls_md() has one name in both.
inline Sha256Digest sha256(std::span<const unsigned char> message) {
  Sha256Digest digest{};
  mbedtls_md(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), message.data(), message.size(),
             reinterpret_cast<unsigned char*>(digest.data()));
  return digest;
}
inline Sha1Digest sha1(std::span<const unsigned char> message) {
  Sha1Digest digest{};
  mbedtls_md(mbedtls_md_info_from_type(MBEDTLS_MD_SHA1), message.data(), message.size(),
             reinterpret_cast<unsigned char*>(digest.data()));
  return digest;
}

/// The library's words for one of its error numbers.
inline std::string error_text(int error) {
  std::array<char, 160> text{};
  mbedtls_strerror(error, text.data(), text.size());
  return text.data();
}

}  // namespace bamgate::net::port
