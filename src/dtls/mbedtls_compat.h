// The one place that knows two releases of mbedTLS: 2.28 (Debian 12) and 3.6 (Debian 13). Everything else in this
// layer uses only functions that both have. Included by .cc files of this layer alone.
#pragma once

#include <mbedtls/ecp.h>
#include <mbedtls/error.h>
#include <mbedtls/md.h>
#include <mbedtls/pk.h>
#include <mbedtls/ssl.h>
#include <mbedtls/ssl_ciphersuites.h>
#include <mbedtls/version.h>
#include <mbedtls/x509_crt.h>

#include <array>
#include <cstddef>
#include <cstdint>

#include "core/bytes.h"
#include "core/key_log.h"
#include "core/random.h"

namespace bamgate::dtls {

/// mbedTLS's type for bytes.
inline const unsigned char* native(Bytes bytes) { return reinterpret_cast<const unsigned char*>(bytes.data()); }
inline unsigned char* native(MutableBytes bytes) { return reinterpret_cast<unsigned char*>(bytes.data()); }

/// The random callback of mbedTLS; `context` is a bamgate::Random.
inline int fill_random(void* context, unsigned char* out, std::size_t size) noexcept {
  static_cast<Random*>(context)->fill({reinterpret_cast<std::byte*>(out), size});
  return 0;
}

namespace compat {

inline constexpr std::size_t kRandomSize = 32;  // RFC 5246 §7.4.1.2

// RFC 8827 §6.5: the P-256 curve is the one that all have. X25519 serves the key exchange only, P-384 also peers'
// certificates.
#if MBEDTLS_VERSION_MAJOR < 3

inline constexpr std::array<mbedtls_ecp_group_id, 4> kGroups{MBEDTLS_ECP_DP_SECP256R1, MBEDTLS_ECP_DP_CURVE25519,
                                                             MBEDTLS_ECP_DP_SECP384R1, MBEDTLS_ECP_DP_NONE};
inline constexpr std::array<int, 4> kHashes{MBEDTLS_MD_SHA256, MBEDTLS_MD_SHA384, MBEDTLS_MD_SHA512, MBEDTLS_MD_NONE};

/// DTLS 1.2 and nothing else, our curves, no SHA-1.
inline void configure_version(mbedtls_ssl_config& config) {
  // (3, 3) is TLS 1.2 and thereby DTLS 1.2.
  mbedtls_ssl_conf_min_version(&config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
  mbedtls_ssl_conf_max_version(&config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
  mbedtls_ssl_conf_curves(&config, kGroups.data());
  mbedtls_ssl_conf_sig_hashes(&config, kHashes.data());
}

inline constexpr std::size_t kMasterSecretSize = 48;  // RFC 5246 §8.1

/// From now on the log is told the master secret of the handshake.
inline void export_secrets(mbedtls_ssl_config& config, mbedtls_ssl_context& /*ssl*/, KeyLog& log) {
  const auto told = [](void* to, const unsigned char* secret, const unsigned char*, std::size_t, std::size_t,
                       std::size_t, const unsigned char* client_random, const unsigned char*,
                       mbedtls_tls_prf_types) noexcept {
    static_cast<KeyLog*>(to)->add_dtls(std::as_bytes(std::span(client_random, kRandomSize)),
                                       std::as_bytes(std::span(secret, kMasterSecretSize)));
    return 0;
  };
  mbedtls_ssl_conf_export_keys_ext_cb(&config, told, &log);
}

/// Sets the serial number, big-endian; its first bit must be 0. Not 0: mbedTLS failed.
inline int set_serial(mbedtls_x509write_cert& certificate, MutableBytes serial) {
  mbedtls_mpi number;
  mbedtls_mpi_init(&number);
  int result = mbedtls_mpi_read_binary(&number, native(serial), serial.size());
  if (result == 0) result = mbedtls_x509write_crt_set_serial(&certificate, &number);
  mbedtls_mpi_free(&number);
  return result;
}

#else

inline constexpr std::array<std::uint16_t, 4> kGroups{
    MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1, MBEDTLS_SSL_IANA_TLS_GROUP_X25519, MBEDTLS_SSL_IANA_TLS_GROUP_SECP384R1,
    MBEDTLS_SSL_IANA_TLS_GROUP_NONE};
inline constexpr std::array<std::uint16_t, 4> kSignatures{
    MBEDTLS_TLS1_3_SIG_ECDSA_SECP256R1_SHA256, MBEDTLS_TLS1_3_SIG_ECDSA_SECP384R1_SHA384,
    MBEDTLS_TLS1_3_SIG_ECDSA_SECP521R1_SHA512, MBEDTLS_TLS1_3_SIG_NONE};

/// DTLS 1.2 and nothing else, our curves, no SHA-1.
inline void configure_version(mbedtls_ssl_config& config) {
  mbedtls_ssl_conf_min_tls_version(&config, MBEDTLS_SSL_VERSION_TLS1_2);
  mbedtls_ssl_conf_max_tls_version(&config, MBEDTLS_SSL_VERSION_TLS1_2);
  mbedtls_ssl_conf_groups(&config, kGroups.data());
  mbedtls_ssl_conf_sig_algs(&config, kSignatures.data());
}

/// From now on the log is told the master secret of the handshake.
inline void export_secrets(mbedtls_ssl_config& /*config*/, mbedtls_ssl_context& ssl, KeyLog& log) {
  const auto told = [](void* to, mbedtls_ssl_key_export_type type, const unsigned char* secret, std::size_t size,
                       const unsigned char* client_random, const unsigned char*, mbedtls_tls_prf_types) noexcept {
    if (type != MBEDTLS_SSL_KEY_EXPORT_TLS12_MASTER_SECRET) return;
    static_cast<KeyLog*>(to)->add_dtls(std::as_bytes(std::span(client_random, kRandomSize)),
                                       std::as_bytes(std::span(secret, size)));
  };
  mbedtls_ssl_set_export_keys_cb(&ssl, told, &log);
}

/// Sets the serial number, big-endian; its first bit must be 0. Not 0: mbedTLS failed.
inline int set_serial(mbedtls_x509write_cert& certificate, MutableBytes serial) {
  return mbedtls_x509write_crt_set_serial_raw(&certificate, native(serial), serial.size());
}

#endif

}  // namespace compat
}  // namespace bamgate::dtls
