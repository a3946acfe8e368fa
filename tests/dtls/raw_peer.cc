#include "dtls/raw_peer.h"

#include <gtest/gtest.h>
#include <mbedtls/gcm.h>
#include <mbedtls/rsa.h>
#include <mbedtls/ssl_cookie.h>

#include "core/reader.h"
#include "core/writer.h"
#include "dtls/certificate_native.h"
#include "dtls/record.h"
#include "dtls/virtual_time.h"

namespace bamgate::dtls::testing {
namespace {

constexpr std::array<mbedtls_ssl_srtp_profile, 2> kProfiles{MBEDTLS_TLS_SRTP_AES128_CM_HMAC_SHA1_80,
                                                            MBEDTLS_TLS_SRTP_UNSET};
constexpr std::array<mbedtls_ssl_srtp_profile, 2> kOtherProfiles{MBEDTLS_TLS_SRTP_NULL_HMAC_SHA1_80,
                                                                 MBEDTLS_TLS_SRTP_UNSET};

void must(int result) {
  if (result != 0) ADD_FAILURE() << "mbedTLS: -0x" << std::hex << -result;
}

void keep_keys(SessionKeys& keys, const unsigned char* master, const unsigned char* client, const unsigned char* server,
               mbedtls_tls_prf_types prf) {
  std::copy_n(master, 48, keys.master.begin());
  std::copy_n(server, 32, keys.randoms.begin());
  std::copy_n(client, 32, keys.randoms.begin() + 32);
  keys.prf = static_cast<int>(prf);
}

#if MBEDTLS_VERSION_MAJOR < 3
int on_keys(void* keys, const unsigned char* master, const unsigned char*, std::size_t, std::size_t, std::size_t,
            const unsigned char* client, const unsigned char* server, mbedtls_tls_prf_types prf) {
  keep_keys(*static_cast<SessionKeys*>(keys), master, client, server, prf);
  return 0;
}
#else
void on_keys(void* keys, mbedtls_ssl_key_export_type, const unsigned char* master, std::size_t,
             const unsigned char* client, const unsigned char* server, mbedtls_tls_prf_types prf) {
  keep_keys(*static_cast<SessionKeys*>(keys), master, client, server, prf);
}
#endif

/// A self-signed certificate for `key`, which is an RSA key.
void sign_itself(mbedtls_pk_context& key, mbedtls_x509_crt& certificate, Random& random) {
  mbedtls_x509write_cert writer;
  mbedtls_x509write_crt_init(&writer);
  mbedtls_x509write_crt_set_md_alg(&writer, MBEDTLS_MD_SHA256);
  mbedtls_x509write_crt_set_subject_key(&writer, &key);
  mbedtls_x509write_crt_set_issuer_key(&writer, &key);
  std::array<std::byte, 1> serial{std::byte{1}};
  must(compat::set_serial(writer, serial));
  must(mbedtls_x509write_crt_set_subject_name(&writer, "CN=rsa"));
  must(mbedtls_x509write_crt_set_issuer_name(&writer, "CN=rsa"));
  must(mbedtls_x509write_crt_set_validity(&writer, "20250101000000", "20350101000000"));
  std::array<unsigned char, 2048> der{};
  const int size = mbedtls_x509write_crt_der(&writer, der.data(), der.size(), fill_random, &random);
  mbedtls_x509write_crt_free(&writer);
  ASSERT_GT(size, 0);
  const auto length = static_cast<std::size_t>(size);
  must(mbedtls_x509_crt_parse_der(&certificate, der.data() + der.size() - length, length));
}

}  // namespace

std::vector<std::byte> SessionKeys::key_block(std::size_t size) const {
  std::vector<std::byte> block(size);
  must(mbedtls_ssl_tls_prf(static_cast<mbedtls_tls_prf_types>(prf), master.data(), master.size(), "key expansion",
                           randoms.data(), randoms.size(), native(MutableBytes(block)), block.size()));
  return block;
}

/// RFC 5246 §6.2.3.3, RFC 5288 §3: the nonce is 4 bytes of the key block and 8 bytes from the record.
Datagram Forge::crypt(bool by_client, const Datagram& header, Bytes explicit_nonce, Bytes input, bool encrypt) const {
  const Bytes block(block_);
  const Bytes key = block.subspan(by_client ? 0 : 16, 16);
  Datagram nonce(block.begin() + (by_client ? 32 : 36), block.begin() + (by_client ? 36 : 40));
  nonce.insert(nonce.end(), explicit_nonce.begin(), explicit_nonce.end());
  const std::size_t size = encrypt ? input.size() : input.size() - kTag;
  Datagram additional(header.begin() + 3, header.begin() + 11);  // epoch and sequence number come first
  additional.insert(additional.end(), header.begin(), header.begin() + 3);
  additional.push_back(static_cast<std::byte>(size >> 8));
  additional.push_back(static_cast<std::byte>(size & 0xff));
  mbedtls_gcm_context gcm;
  mbedtls_gcm_init(&gcm);
  must(mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_AES, native(key), 128));
  Datagram output(size + (encrypt ? kTag : 0));
  unsigned char* const out = native(MutableBytes(output));
  int result = 0;
  if (encrypt) {
    result = mbedtls_gcm_crypt_and_tag(&gcm, MBEDTLS_GCM_ENCRYPT, size, native(Bytes(nonce)), 12,
                                       native(Bytes(additional)), 13, native(input), out, kTag, out + size);
  } else {
    result = mbedtls_gcm_auth_decrypt(&gcm, size, native(Bytes(nonce)), 12, native(Bytes(additional)), 13,
                                      native(input.subspan(size)), kTag, native(input), out);
  }
  mbedtls_gcm_free(&gcm);
  return result == 0 ? output : Datagram{};
}

Datagram Forge::seal(bool by_client, std::uint8_t type, std::uint64_t sequence, Bytes plaintext,
                     std::uint16_t epoch) const {
  Datagram header(kRecordHeader + 8);
  Writer writer(header);
  writer.u8(type);
  writer.u16(kDtls12);
  writer.u16(epoch);
  writer.u16(static_cast<std::uint16_t>(sequence >> 32));
  writer.u32(static_cast<std::uint32_t>(sequence));
  writer.u16(static_cast<std::uint16_t>(8 + plaintext.size() + kTag));
  writer.u64(sequence);
  Datagram record = header;
  const Datagram body = crypt(by_client, header, Bytes(header).subspan(kRecordHeader), plaintext, true);
  record.insert(record.end(), body.begin(), body.end());
  return record;
}

Datagram Forge::open(bool by_client, const Datagram& record) const {
  if (record.size() < kRecordHeader + 8 + kTag) return {};
  const Bytes payload = Bytes(record).subspan(kRecordHeader);
  return crypt(by_client, record, payload.first(8), payload.subspan(8), false);
}

struct RawPeer::Native {
  mbedtls_ssl_config config;
  mbedtls_ssl_context ssl;
  mbedtls_ssl_cookie_ctx cookies;
  mbedtls_x509_crt rsa_certificate;
  mbedtls_pk_context rsa_key;

  Native() {
    mbedtls_ssl_config_init(&config);
    mbedtls_ssl_init(&ssl);
    mbedtls_ssl_cookie_init(&cookies);
    mbedtls_x509_crt_init(&rsa_certificate);
    mbedtls_pk_init(&rsa_key);
  }
  Native(const Native&) = delete;
  Native& operator=(const Native&) = delete;
  ~Native() {
    mbedtls_ssl_free(&ssl);
    mbedtls_ssl_config_free(&config);
    mbedtls_ssl_cookie_free(&cookies);
    mbedtls_x509_crt_free(&rsa_certificate);
    mbedtls_pk_free(&rsa_key);
  }
};

RawPeer::RawPeer(const Options& options)
    : certificate_(Certificate::generate(random_, kToday).value()), native_(std::make_unique<Native>()) {
  set_up(options);
}

RawPeer::~RawPeer() { forget(); }

void RawPeer::set_up(const Options& options) {
  Native& n = *native_;
  const bool client = options.role == Role::kClient;
  must(mbedtls_ssl_config_defaults(&n.config, client ? MBEDTLS_SSL_IS_CLIENT : MBEDTLS_SSL_IS_SERVER,
                                   MBEDTLS_SSL_TRANSPORT_DATAGRAM, MBEDTLS_SSL_PRESET_DEFAULT));
  mbedtls_ssl_conf_rng(&n.config, fill_random, &random_);
  mbedtls_ssl_conf_authmode(&n.config, client ? MBEDTLS_SSL_VERIFY_NONE : MBEDTLS_SSL_VERIFY_OPTIONAL);
  static std::vector<int> suites;  // mbedTLS keeps the pointer; there is one RawPeer at a time
  suites = options.suites;
  suites.push_back(0);
  if (suites.size() > 1) mbedtls_ssl_conf_ciphersuites(&n.config, suites.data());
  if (options.identity == Identity::kP256) {
    Certificate::Native& own = certificate_->native();
    must(mbedtls_ssl_conf_own_cert(&n.config, &own.certificate, &own.key));
  } else if (options.identity == Identity::kRsa) {
    must(mbedtls_pk_setup(&n.rsa_key, mbedtls_pk_info_from_type(MBEDTLS_PK_RSA)));
    must(mbedtls_rsa_gen_key(mbedtls_pk_rsa(n.rsa_key), fill_random, &random_, 1024, 65537));
    sign_itself(n.rsa_key, n.rsa_certificate, random_);
    must(mbedtls_ssl_conf_own_cert(&n.config, &n.rsa_certificate, &n.rsa_key));
  }
  mbedtls_ssl_conf_extended_master_secret(&n.config, options.extended_master_secret ? 1 : 0);
  if (options.use_srtp != Srtp::kNone) {
    const auto& profiles = options.use_srtp == Srtp::kOurProfile ? kProfiles : kOtherProfiles;
    must(mbedtls_ssl_conf_dtls_srtp_protection_profiles(&n.config, profiles.data()));
  }
  if (!client && options.cookies) {
    must(mbedtls_ssl_cookie_setup(&n.cookies, fill_random, &random_));
    mbedtls_ssl_conf_dtls_cookies(&n.config, mbedtls_ssl_cookie_write, mbedtls_ssl_cookie_check, &n.cookies);
  } else if (!client) {
    mbedtls_ssl_conf_dtls_cookies(&n.config, nullptr, nullptr, nullptr);
  }
#if MBEDTLS_VERSION_MAJOR < 3
  mbedtls_ssl_conf_export_keys_ext_cb(&n.config, on_keys, &keys_);
#endif
  must(mbedtls_ssl_setup(&n.ssl, &n.config));
#if MBEDTLS_VERSION_MAJOR >= 3
  mbedtls_ssl_set_export_keys_cb(&n.ssl, on_keys, &keys_);
#endif
  must(mbedtls_ssl_set_hostname(&n.ssl, nullptr));
  const auto send = [](void* self, const unsigned char* data, std::size_t size) {
    const Bytes bytes = std::as_bytes(std::span(data, size));
    static_cast<RawPeer*>(self)->output_.emplace_back(bytes.begin(), bytes.end());
    return static_cast<int>(size);
  };
  const auto receive = [](void* self, unsigned char* buffer, std::size_t size) {
    const Bytes input = std::exchange(static_cast<RawPeer*>(self)->input_, {});
    if (input.empty()) return static_cast<int>(MBEDTLS_ERR_SSL_WANT_READ);
    copy_bytes(input, std::as_writable_bytes(std::span(buffer, size)));
    return static_cast<int>(std::min(size, input.size()));
  };
  mbedtls_ssl_set_bio(&n.ssl, this, send, receive, nullptr);
  // Its timer never runs out: nothing is lost on the way to it.
  mbedtls_ssl_set_timer_cb(
      &n.ssl, this,
      [](void* self, std::uint32_t, std::uint32_t final) { static_cast<RawPeer*>(self)->timer_runs_ = final != 0; },
      [](void* self) { return static_cast<RawPeer*>(self)->timer_runs_ ? 0 : -1; });
  if (!client && options.cookies) {
    must(mbedtls_ssl_set_client_transport_id(&n.ssl, reinterpret_cast<const unsigned char*>("here"), 4));
  }
}

Fingerprint RawPeer::fingerprint() const {
  const mbedtls_x509_buf& rsa = native_->rsa_certificate.raw;
  return rsa.len == 0 ? certificate_->fingerprint() : Fingerprint::of(std::as_bytes(std::span(rsa.p, rsa.len)));
}

void RawPeer::forget() {
  native_.reset();
  wipe(std::as_writable_bytes(std::span(&keys_, 1)));
  for (Datagram& data : received_) wipe(data);
}

void RawPeer::start() { go_on(); }

void RawPeer::deliver(const Datagram& datagram) {
  input_ = datagram;
  go_on();
  input_ = {};
}

void RawPeer::go_on() {
  const VirtualTime time(kToday);
  int result = 0;
  // mbedTLS 3.6 and 2.28 alike: a first HelloVerifyRequest asks for a fresh start.
  while (failure_ == 0 && !connected_) {
    result = mbedtls_ssl_handshake(&native_->ssl);
    if (result == MBEDTLS_ERR_SSL_HELLO_VERIFY_REQUIRED) {
      must(mbedtls_ssl_session_reset(&native_->ssl));
      must(mbedtls_ssl_set_client_transport_id(&native_->ssl, reinterpret_cast<const unsigned char*>("here"), 4));
      return;
    }
    if (result == MBEDTLS_ERR_SSL_WANT_READ) return;
    connected_ = result == 0;
    failure_ = result;
  }
  std::array<unsigned char, 16384> buffer{};
  while (failure_ == 0) {
    result = mbedtls_ssl_read(&native_->ssl, buffer.data(), buffer.size());
    if (result == MBEDTLS_ERR_SSL_WANT_READ) return;
    if (result < 0) failure_ = result;
    const Bytes bytes = std::as_bytes(std::span(buffer)).first(result < 0 ? 0 : static_cast<std::size_t>(result));
    if (result >= 0) received_.emplace_back(bytes.begin(), bytes.end());
  }
}

Datagrams RawPeer::take_output() { return std::exchange(output_, {}); }

void RawPeer::send(Bytes plaintext) {
  EXPECT_EQ(mbedtls_ssl_write(&native_->ssl, native(plaintext), plaintext.size()), static_cast<int>(plaintext.size()));
}

std::string_view RawPeer::suite() const {
  const char* name = mbedtls_ssl_get_ciphersuite(&native_->ssl);
  return name == nullptr ? std::string_view() : std::string_view(name);
}

Duel::Duel(const RawPeer::Options& options)
    : theirs(options), our_role(options.role == Role::kServer ? Role::kClient : Role::kServer) {
  ours.session.emplace(Session::create(ours.options(our_role, theirs.fingerprint())).value());
  ours.session->start(now);
  theirs.start();
}

Datagrams Duel::take_ours() {
  Datagrams output;
  while (const auto transmit = ours.session->poll_transmit(now, scratch)) {
    output.emplace_back(scratch.begin(), scratch.begin() + transmit->size);
    transcript.emplace_back(true, output.back());
  }
  ours.drain_events();
  return output;
}

std::expected<void, Error> Duel::deliver(const Datagram& datagram) { return Pair::deliver(ours, now, datagram); }

void Duel::exchange() {
  for (int round = 0; round < 20; ++round) {
    for (const Datagram& datagram : take_ours()) theirs.deliver(datagram);
    for (const Datagram& datagram : theirs.take_output()) {
      transcript.emplace_back(false, datagram);
      (void)deliver(datagram);
    }
  }
}

Secured::Secured(Role our_role_now)
    : Duel({.role = our_role_now == Role::kClient ? Role::kServer : Role::kClient,
            .suites = {MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}}),
      forge((exchange(), theirs.keys())) {
  EXPECT_TRUE(both_connected());
}

std::expected<void, Error> Secured::deliver_record(std::uint8_t type, Bytes plaintext) {
  return deliver(forge.seal(our_role == Role::kServer, type, sequence++, plaintext));
}

Datagrams Secured::our_words() {
  Datagrams words;
  for (const Datagram& record : take_ours()) words.push_back(forge.open(our_role == Role::kClient, record));
  return words;
}

}  // namespace bamgate::dtls::testing
