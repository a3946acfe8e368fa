// The shared half of TLS: configuration, trust and keys, as mbedTLS wants them.
#include "net/tls_context.h"

#include <array>
#include <ctime>
#include <tuple>
#include <utility>

#include "net/clock.h"

namespace bamgate::net {
namespace {

// RFC 9325 §4.2: only suites with forward secrecy and authenticated encryption.
constexpr std::array kSuites = {MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
                                MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
                                MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
                                MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
                                MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
                                MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
                                0};

auto ordered(const mbedtls_x509_time& time) {
  return std::tuple(time.year, time.mon, time.day, time.hour, time.min, time.sec);
}

/// Dates are checked here against the real clock, because time(2) may be protocol time for mbedTLS.
int check_dates(void* /*context*/, mbedtls_x509_crt* certificate, int /*depth*/, std::uint32_t* flags) {
  const std::time_t seconds = unix_now().seconds;
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  const auto today =
      std::tuple(parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
  *flags &= ~static_cast<std::uint32_t>(MBEDTLS_X509_BADCERT_EXPIRED | MBEDTLS_X509_BADCERT_FUTURE);
  if (today > ordered(certificate->valid_to)) *flags |= MBEDTLS_X509_BADCERT_EXPIRED;
  if (today < ordered(certificate->valid_from)) *flags |= MBEDTLS_X509_BADCERT_FUTURE;
  return 0;
}

const unsigned char* text_bytes(const std::string& text) {
  return reinterpret_cast<const unsigned char*>(text.c_str());
}

}  // namespace

TlsContext::State::State() {
  mbedtls_ssl_config_init(&config);
  mbedtls_x509_crt_init(&certificates);
  mbedtls_pk_init(&key);
}

TlsContext::State::~State() {
  mbedtls_ssl_config_free(&config);
  mbedtls_x509_crt_free(&certificates);
  mbedtls_pk_free(&key);
}

Result<void> TlsContext::State::set_defaults(int endpoint) {
  is_server = endpoint == MBEDTLS_SSL_IS_SERVER;
  if (!port::initialize()) return fail(Error::kSystem, "start mbedTLS");
  const int result =
      mbedtls_ssl_config_defaults(&config, endpoint, MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT);
  if (result != 0) return fail(Error::kSystem, "configure TLS: " + port::error_text(result));
  mbedtls_ssl_conf_rng(&config, mbedtls_random, nullptr);
  mbedtls_ssl_conf_ciphersuites(&config, kSuites.data());
  port::set_tls_1_2(&config);
  port::prefer_fast_curves(&config);
  return Result<void>();
}

TlsContext::TlsContext(std::unique_ptr<State> state) : state_(std::move(state)) {}

TlsContext::~TlsContext() = default;

Result<std::shared_ptr<const TlsContext>> TlsContext::client(const Trust& trust) {
  auto state = std::make_unique<State>();
  if (auto ready = state->set_defaults(MBEDTLS_SSL_IS_CLIENT); !ready) return std::unexpected(ready.error());
  mbedtls_ssl_conf_session_tickets(&state->config, MBEDTLS_SSL_SESSION_TICKETS_DISABLED);
  state->pin = trust.pin;
  if (trust.pin) {
    // TlsStream::handshake() compares the key before anything else is sent.
    mbedtls_ssl_conf_authmode(&state->config, MBEDTLS_SSL_VERIFY_OPTIONAL);
    return std::make_shared<const TlsContext>(std::move(state));
  }
  // A positive result counts certificates of a kind that mbedTLS does not read; the others are there.
  const int result = mbedtls_x509_crt_parse_file(&state->certificates, trust.ca_file.c_str());
  if (result < 0 || state->certificates.version == 0) {
    return fail(Error::kInvalid, "read the trusted authorities in " + trust.ca_file + ": " + port::error_text(result));
  }
  mbedtls_ssl_conf_ca_chain(&state->config, &state->certificates, nullptr);
  mbedtls_ssl_conf_verify(&state->config, check_dates, nullptr);
  mbedtls_ssl_conf_authmode(&state->config, MBEDTLS_SSL_VERIFY_REQUIRED);
  return std::make_shared<const TlsContext>(std::move(state));
}

Result<std::shared_ptr<const TlsContext>> TlsContext::server(const TlsIdentity& identity) {
  auto state = std::make_unique<State>();
  if (auto ready = state->set_defaults(MBEDTLS_SSL_IS_SERVER); !ready) return std::unexpected(ready.error());
  int result =
      mbedtls_x509_crt_parse(&state->certificates, text_bytes(identity.cert_pem), identity.cert_pem.size() + 1);
  if (result != 0) return fail(Error::kInvalid, "read the TLS certificate: " + port::error_text(result));
  result = port::parse_key(&state->key, text_bytes(identity.key_pem), identity.key_pem.size() + 1);
  if (result != 0) return fail(Error::kInvalid, "read the TLS key: " + port::error_text(result));
  if (port::check_pair(&state->certificates.pk, &state->key) != 0) {
    return fail(Error::kInvalid, "the TLS key and certificate do not belong together");
  }
  result = mbedtls_ssl_conf_own_cert(&state->config, &state->certificates, &state->key);
  if (result != 0) return fail(Error::kInvalid, "use the TLS certificate: " + port::error_text(result));
  mbedtls_ssl_conf_authmode(&state->config, MBEDTLS_SSL_VERIFY_NONE);
  return std::make_shared<const TlsContext>(std::move(state));
}

}  // namespace bamgate::net
