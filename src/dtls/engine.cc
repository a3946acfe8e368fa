#include "dtls/engine.h"

#include <algorithm>
#include <array>
#include <optional>

#include "dtls/certificate_native.h"
#include "dtls/record.h"
#include "dtls/virtual_time.h"

namespace bamgate::dtls {
namespace {

// RFC 8827 §6.5: TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 is the suite that all have; only suites with forward secrecy
// and AEAD. In order of preference: with mbedTLS, ChaCha20-Poly1305 is the fastest (also where its AES is a table in
// the cache), adds 8 bytes less, and has no limit that a tunnel would reach: one AES-GCM key is good for 2^24.5 full
// records (RFC 8446 §5.5), some 30 GB, and there is no renegotiation.
constexpr std::array<int, 4> kSuites{MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
                                     MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
                                     MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, 0};

// RFC 5764 §4.1.2: the profile that everybody has. Only the extension matters, no SRTP follows.
constexpr std::array<mbedtls_ssl_srtp_profile, 2> kSrtpProfiles{MBEDTLS_TLS_SRTP_AES128_CM_HMAC_SHA1_80,
                                                                MBEDTLS_TLS_SRTP_UNSET};

// A call into mbedTLS ends with "want read" once for the expired timer and once for the record; more would be a loop.
constexpr int kMaxTurns = 8;

struct Alert {
  std::uint8_t level;
  std::uint8_t description;
};

/// RFC 5246 §7.2: what the peer is told when the session ends. mbedTLS itself is silent about some failures, such as a
/// missing certificate.
std::optional<Alert> last_alert(Error reason) {
  switch (reason) {
    case Error::kClosedByPeer:
    case Error::kClosedLocally:
    case Error::kHandshakeTimeout:
      return Alert{MBEDTLS_SSL_ALERT_LEVEL_WARNING, MBEDTLS_SSL_ALERT_MSG_CLOSE_NOTIFY};
    case Error::kFingerprintMismatch:
      return Alert{MBEDTLS_SSL_ALERT_LEVEL_FATAL, MBEDTLS_SSL_ALERT_MSG_BAD_CERT};
    case Error::kHandshakeFailed:
      return Alert{MBEDTLS_SSL_ALERT_LEVEL_FATAL, MBEDTLS_SSL_ALERT_MSG_HANDSHAKE_FAILURE};
    case Error::kProtocolViolation:
      return Alert{MBEDTLS_SSL_ALERT_LEVEL_FATAL, MBEDTLS_SSL_ALERT_MSG_UNEXPECTED_MESSAGE};
    case Error::kLibraryFailed:
      return Alert{MBEDTLS_SSL_ALERT_LEVEL_FATAL, MBEDTLS_SSL_ALERT_MSG_INTERNAL_ERROR};
    case Error::kAlertReceived:
    case Error::kNotDtls:
    case Error::kBadRecord:
    case Error::kNotApplicationData:
    case Error::kNotConnected:
    case Error::kBadSize:
    case Error::kNoRoom:
    case Error::kClosed:
    case Error::kBadOptions:
      return std::nullopt;
  }
  return std::nullopt;
}

}  // namespace

/// The frame of one call into mbedTLS: sets time and input, and takes the input away when the call is over.
class Engine::Call {
 public:
  Call(Engine& engine, Instant now, Bytes record) : engine_(engine), time_(unix_time(engine, now)) {
    engine.now_ = now;
    engine.input_ = record;
    engine.alerted_ = false;
  }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
  ~Call() { engine_.input_ = {}; }

 private:
  static UnixTime unix_time(const Engine& engine, Instant now) {
    const auto elapsed = std::chrono::duration_cast<std::chrono::seconds>(now - engine.started_);
    return {engine.options_.unix_time.seconds + elapsed.count()};
  }

  Engine& engine_;
  VirtualTime time_;
};

std::expected<std::unique_ptr<Engine>, Error> Engine::create(const Session::Options& options, TransmitQueue& outgoing) {
  std::unique_ptr<Engine> engine(new Engine(options, outgoing));
  const VirtualTime time(options.unix_time);
  if (engine->configure() != 0 || engine->set_up() != 0) return std::unexpected(Error::kLibraryFailed);
  return engine;
}

Engine::Engine(const Session::Options& options, TransmitQueue& outgoing) : options_(options), outgoing_(outgoing) {
  mbedtls_ssl_config_init(&config_);
  mbedtls_ssl_init(&ssl_);
}

Engine::~Engine() {
  mbedtls_ssl_free(&ssl_);
  mbedtls_ssl_config_free(&config_);
}

int Engine::configure() {
  const bool client = options_.role == Role::kClient;
  Certificate::Native& own = options_.certificate->native();
  int result = mbedtls_ssl_config_defaults(&config_, client ? MBEDTLS_SSL_IS_CLIENT : MBEDTLS_SSL_IS_SERVER,
                                           MBEDTLS_SSL_TRANSPORT_DATAGRAM, MBEDTLS_SSL_PRESET_DEFAULT);
  if (result != 0) return result;
  compat::configure_version(config_);
  mbedtls_ssl_conf_rng(&config_, fill_random, options_.random);
  // Who writes a key log wants to look inside: Wireshark 4.0 cannot decrypt the first suite in DTLS.
  mbedtls_ssl_conf_ciphersuites(&config_, kSuites.data() + (options_.key_log == nullptr ? 0 : 1));
  // Both sides must show a certificate; on_verify() alone decides about it. mbedTLS insists on a list of trusted ones:
  // our own serves, because it can vouch for no other.
  mbedtls_ssl_conf_authmode(&config_, MBEDTLS_SSL_VERIFY_REQUIRED);
  mbedtls_ssl_conf_ca_chain(&config_, &own.certificate, nullptr);
  mbedtls_ssl_conf_verify(&config_, on_verify, this);
  result = mbedtls_ssl_conf_own_cert(&config_, &own.certificate, &own.key);
  if (result != 0) return result;
  // RFC 7627; RFC 6347 §4.1.2.6.
  mbedtls_ssl_conf_extended_master_secret(&config_, MBEDTLS_SSL_EXTENDED_MS_ENABLED);
  mbedtls_ssl_conf_dtls_anti_replay(&config_, MBEDTLS_SSL_ANTI_REPLAY_ENABLED);
  mbedtls_ssl_conf_renegotiation(&config_, MBEDTLS_SSL_RENEGOTIATION_DISABLED);
  if (client) {
    mbedtls_ssl_conf_session_tickets(&config_, MBEDTLS_SSL_SESSION_TICKETS_DISABLED);
  } else {
    mbedtls_ssl_conf_dtls_cookies(&config_, nullptr, nullptr, nullptr);
    mbedtls_ssl_conf_cert_req_ca_list(&config_, MBEDTLS_SSL_CERT_REQ_CA_LIST_DISABLED);
  }
  return mbedtls_ssl_conf_dtls_srtp_protection_profiles(&config_, kSrtpProfiles.data());
}

int Engine::set_up() {
  int result = mbedtls_ssl_setup(&ssl_, &config_);
  if (result != 0) return result;
  // There is no name to check; mbedTLS 3.6 wants to hear that.
  result = mbedtls_ssl_set_hostname(&ssl_, nullptr);
  if (result != 0) return result;
  if (options_.key_log != nullptr) compat::export_secrets(config_, ssl_, *options_.key_log);
  mbedtls_ssl_set_bio(&ssl_, this, on_send, on_receive, nullptr);
  mbedtls_ssl_set_timer_cb(&ssl_, this, on_set_timer, on_get_timer);
  mbedtls_ssl_set_mtu(&ssl_, static_cast<std::uint16_t>(options_.handshake_mtu));
  return 0;
}

void Engine::start(Instant now, std::chrono::milliseconds initial_retransmit) {
  started_ = now;
  initial_retransmit_ = initial_retransmit;
  set_retransmit_timeout(initial_retransmit);
}

void Engine::set_retransmit_timeout(std::chrono::milliseconds initial) {
  const auto native_form = [](std::chrono::milliseconds time) { return static_cast<std::uint32_t>(time.count()); };
  mbedtls_ssl_conf_handshake_timeout(&config_, native_form(initial), native_form(kMaximalRetransmit));
}

std::expected<bool, Error> Engine::handshake(Instant now, Bytes record) {
  const Call call(*this, now, record);
  // mbedTLS cuts its MTU to 508 bytes, for good, when a timeout other than the initial one expires (Mbed-TLS#2001): let
  // it take each for the initial one. New flights start with the true one again.
  if (deadline_ <= now) set_retransmit_timeout(timer_);
  int result = MBEDTLS_ERR_SSL_WANT_READ;
  for (int turn = 0; turn < kMaxTurns && result == MBEDTLS_ERR_SSL_WANT_READ; ++turn) {
    result = mbedtls_ssl_handshake(&ssl_);
    set_retransmit_timeout(initial_retransmit_);
    if (input_.empty()) break;
  }
  if (result == MBEDTLS_ERR_SSL_WANT_READ || result == MBEDTLS_ERR_SSL_WANT_WRITE) return false;
  if (result != 0) return std::unexpected(ended(result, Error::kHandshakeFailed));
  if (!certificate_matches_) return std::unexpected(Error::kFingerprintMismatch);
  mbedtls_ssl_set_mtu(&ssl_, static_cast<std::uint16_t>(options_.data_mtu));
  return true;
}

Engine::Verdict Engine::check(Instant now, const PacketBuffer& record) {
  const Call call(*this, now, {});
  // mbedTLS decrypts in the buffer and then clears it.
  PacketBuffer copy = options_.pool->copy(record.data());
  switch (mbedtls_ssl_check_record(&ssl_, native(copy.data()), copy.size())) {
    case 0:
      return Verdict::kReady;
    case MBEDTLS_ERR_SSL_UNEXPECTED_RECORD:
      return Verdict::kEarly;
    default:
      return Verdict::kWrong;
  }
}

std::expected<std::size_t, Error> Engine::read(Instant now, Bytes record, MutableBytes plaintext) {
  const Call call(*this, now, record);
  const int result = mbedtls_ssl_read(&ssl_, native(plaintext), plaintext.size());
  if (result >= 0) return static_cast<std::size_t>(result);
  if (result == MBEDTLS_ERR_SSL_WANT_READ || result == MBEDTLS_ERR_SSL_WANT_WRITE) return 0;
  return std::unexpected(ended(result, Error::kProtocolViolation));
}

std::expected<void, Error> Engine::write(Instant now, PacketBuffer& packet) {
  const Call call(*this, now, {});
  const std::size_t size = packet.size();
  sealed_ = &packet;
  const int result = mbedtls_ssl_write(&ssl_, native(packet.data()), size);
  sealed_ = nullptr;
  if (result < 0 || packet.size() != size + overhead()) return std::unexpected(Error::kLibraryFailed);
  return {};
}

void Engine::send_last_alert(Instant now, Error reason) {
  const bool told = alerted_;
  const Call call(*this, now, {});
  const auto alert = last_alert(reason);
  if (!alert || (told && alert->level == MBEDTLS_SSL_ALERT_LEVEL_FATAL)) return;
  // Not mbedtls_ssl_close_notify(), which stays silent while the handshake runs.
  mbedtls_ssl_send_alert_message(&ssl_, alert->level, alert->description);
}

std::size_t Engine::overhead() const {
  const int bytes = mbedtls_ssl_get_record_expansion(&ssl_);
  return bytes < 0 ? 0 : static_cast<std::size_t>(bytes);
}

std::string_view Engine::cipher_suite() const {
  const char* name = mbedtls_ssl_get_ciphersuite(&ssl_);
  return name == nullptr ? std::string_view() : std::string_view(name);
}

/// Why the session ends, from what mbedTLS returned.
Error Engine::ended(int result, Error otherwise) const {
  if (certificate_differs_) return Error::kFingerprintMismatch;
  if (result == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE) return Error::kAlertReceived;
  if (result == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY) return Error::kClosedByPeer;
  if (result == MBEDTLS_ERR_SSL_TIMEOUT) return Error::kHandshakeTimeout;
  if (result == MBEDTLS_ERR_SSL_ALLOC_FAILED || result == MBEDTLS_ERR_SSL_INTERNAL_ERROR) return Error::kLibraryFailed;
  return otherwise;
}

int Engine::on_send(void* self, const unsigned char* data, std::size_t size) noexcept {
  Engine& engine = *static_cast<Engine*>(self);
  const Bytes datagram = std::as_bytes(std::span(data, size));
  PacketBuffer* const packet = engine.sealed_;
  if (packet != nullptr && size == packet->size() + engine.overhead()) {
    packet->prepend(engine.overhead() - kTag);
    packet->append(kTag);
    copy_bytes(datagram, packet->data());
  } else {
    engine.alerted_ |= datagram[0] == static_cast<std::byte>(RecordType::kAlert);
    engine.outgoing_.push(datagram);
  }
  return static_cast<int>(size);
}

int Engine::on_receive(void* self, unsigned char* buffer, std::size_t size) noexcept {
  Engine& engine = *static_cast<Engine*>(self);
  if (engine.input_.empty()) return MBEDTLS_ERR_SSL_WANT_READ;
  const Bytes record = engine.input_.first(std::min(size, engine.input_.size()));
  engine.input_ = {};
  copy_bytes(record, std::as_writable_bytes(std::span(buffer, size)));
  return static_cast<int>(record.size());
}

void Engine::on_set_timer(void* self, std::uint32_t intermediate, std::uint32_t final) noexcept {
  Engine& engine = *static_cast<Engine*>(self);
  engine.timer_ = std::chrono::milliseconds(final);
  engine.halfway_ = final == 0 ? kNever : engine.now_ + std::chrono::milliseconds(intermediate);
  engine.deadline_ = final == 0 ? kNever : engine.now_ + std::chrono::milliseconds(final);
}

/// mbedTLS's numbers: -1 not running, 0 running, 1 the first delay has passed, 2 both have.
int Engine::on_get_timer(void* self) noexcept {
  const Engine& engine = *static_cast<Engine*>(self);
  if (engine.deadline_ == kNever) return -1;
  if (engine.deadline_ <= engine.now_) return 2;
  return engine.halfway_ <= engine.now_ ? 1 : 0;
}

/// RFC 8827 §6.5, RFC 8122 §6.2: only the fingerprint counts, not issuer, dates or names; and the key must be of the
/// kind that our suites sign with, also a client's. mbedTLS ends the handshake with the alert that belongs to the flag.
int Engine::on_verify(void* self, mbedtls_x509_crt* certificate, int depth, std::uint32_t* flags) noexcept {
  Engine& engine = *static_cast<Engine*>(self);
  *flags = 0;
  if (depth != 0) return 0;
  const mbedtls_x509_buf& raw = certificate->raw;
  engine.remote_fingerprint_ = Fingerprint::of(std::as_bytes(std::span(raw.p, raw.len)));
  if (!engine.options_.remote_fingerprints.contain(engine.remote_fingerprint_)) {
    engine.certificate_differs_ = true;
    *flags = MBEDTLS_X509_BADCERT_CN_MISMATCH;  // bad_certificate
  } else if (mbedtls_pk_can_do(&certificate->pk, MBEDTLS_PK_ECDSA) == 0) {
    *flags = MBEDTLS_X509_BADCERT_BAD_PK;  // unsupported_certificate
  } else {
    engine.certificate_matches_ = true;
  }
  return 0;
}

}  // namespace bamgate::dtls
