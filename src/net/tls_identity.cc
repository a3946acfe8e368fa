#include "net/tls_identity.h"

#include <mbedtls/asn1write.h>
#include <mbedtls/ecp.h>
#include <mbedtls/oid.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <vector>

#include "net/mbedtls_port.h"

namespace bamgate::net {
namespace {

constexpr std::size_t kMaxCommonName = 64;  // X.520's upper bound
constexpr std::int64_t kDay = 24 * 60 * 60;

int random_from(void* random, unsigned char* out, std::size_t size) {
  static_cast<Random*>(random)->fill(std::as_writable_bytes(std::span(out, size)));
  return 0;
}

/// Owns what mbedTLS needs to make a key and a certificate.
struct Maker {
  Maker() {
    mbedtls_pk_init(&key);
    mbedtls_x509write_crt_init(&certificate);
  }
  Maker(const Maker&) = delete;
  Maker& operator=(const Maker&) = delete;
  ~Maker() {
    mbedtls_x509write_crt_free(&certificate);
    mbedtls_pk_free(&key);
    wipe(std::as_writable_bytes(std::span(buffer)));
  }

  mbedtls_pk_context key;
  mbedtls_x509write_cert certificate;
  std::array<unsigned char, 4096> buffer{};
};

bool is_name(std::string_view name) {
  constexpr std::string_view kAllowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_: ";
  return !name.empty() && name.size() <= kMaxCommonName && name.find_first_not_of(kAllowed) == name.npos;
}

/// RFC 5280 §4.1.2.5, in the form of mbedTLS: YYYYMMDDhhmmss.
std::string date_text(std::int64_t seconds) {
  // The last second that four digits of a year can name.
  const std::time_t time = std::clamp<std::int64_t>(seconds, 0, 253402300799);
  std::tm parts{};
  gmtime_r(&time, &parts);
  std::array<char, 24> text{};
  std::strftime(text.data(), text.size(), "%Y%m%d%H%M%S", &parts);
  return text.data();
}

/// RFC 5280 §4.2.1.6: a subjectAltName with one dNSName.
int set_alternative_name(mbedtls_x509write_cert* certificate, std::string_view name) {
  std::vector<unsigned char> value;
  value.push_back(MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE);
  value.push_back(static_cast<unsigned char>(name.size() + 2));
  value.push_back(MBEDTLS_ASN1_CONTEXT_SPECIFIC | 2);
  value.push_back(static_cast<unsigned char>(name.size()));
  value.insert(value.end(), name.begin(), name.end());
  return mbedtls_x509write_crt_set_extension(certificate, MBEDTLS_OID_SUBJECT_ALT_NAME,
                                             MBEDTLS_OID_SIZE(MBEDTLS_OID_SUBJECT_ALT_NAME), 0, value.data(),
                                             value.size());
}

int make_key(Maker& maker, Random& random) {
  const int result = mbedtls_pk_setup(&maker.key, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY));
  if (result != 0) return result;
  return mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(maker.key), random_from, &random);
}

int fill_certificate(Maker& maker, Random& random, std::string_view common_name, UnixTime now, int days) {
  const std::string subject = "CN=" + std::string(common_name);
  const std::string from = date_text(now.seconds - kDay);
  const std::string to = date_text(now.seconds + days * kDay);
  std::array<unsigned char, 16> serial{};
  random.fill(std::as_writable_bytes(std::span(serial)));
  // RFC 5280 §4.1.2.2: positive, and here without a leading zero octet.
  serial[0] = static_cast<unsigned char>((serial[0] & 0x3f) | 0x40);
  mbedtls_x509write_cert* certificate = &maker.certificate;
  mbedtls_x509write_crt_set_version(certificate, MBEDTLS_X509_CRT_VERSION_3);
  mbedtls_x509write_crt_set_md_alg(certificate, MBEDTLS_MD_SHA256);
  mbedtls_x509write_crt_set_subject_key(certificate, &maker.key);
  mbedtls_x509write_crt_set_issuer_key(certificate, &maker.key);
  for (const int result : {port::set_serial(certificate, serial),
                           mbedtls_x509write_crt_set_validity(certificate, from.c_str(), to.c_str()),
                           mbedtls_x509write_crt_set_subject_name(certificate, subject.c_str()),
                           mbedtls_x509write_crt_set_issuer_name(certificate, subject.c_str()),
                           mbedtls_x509write_crt_set_basic_constraints(certificate, 1, 0),
                           set_alternative_name(certificate, common_name)}) {
    if (result != 0) return result;
  }
  return 0;
}

/// The certificate of the maker's key, which is `key_pem`.
Result<TlsIdentity> certify(Maker& maker, Random& random, std::string key_pem, std::string_view common_name,
                            UnixTime now, int days) {
  TlsIdentity identity{std::move(key_pem), {}};
  int result = fill_certificate(maker, random, common_name, now, days);
  if (result == 0) {
    result =
        mbedtls_x509write_crt_pem(&maker.certificate, maker.buffer.data(), maker.buffer.size(), random_from, &random);
  }
  if (result != 0) return fail(Error::kSystem, "make a certificate: " + port::error_text(result));
  identity.cert_pem = reinterpret_cast<const char*>(maker.buffer.data());
  return identity;
}

}  // namespace

Result<TlsIdentity> make_self_signed(Random& random, std::string_view common_name, UnixTime now, int days) {
  if (!is_name(common_name)) return fail(Error::kInvalid, "make a certificate: the name cannot stand in one");
  if (!port::initialize()) return fail(Error::kSystem, "start mbedTLS");
  Maker maker;
  int result = make_key(maker, random);
  if (result == 0) result = mbedtls_pk_write_key_pem(&maker.key, maker.buffer.data(), maker.buffer.size());
  if (result != 0) return fail(Error::kSystem, "make a certificate: " + port::error_text(result));
  return certify(maker, random, {reinterpret_cast<const char*>(maker.buffer.data())}, common_name, now, days);
}

Result<TlsIdentity> certify_key(Random& random, std::string key_pem, std::string_view common_name, UnixTime now,
                                int days) {
  if (!is_name(common_name)) return fail(Error::kInvalid, "make a certificate: the name cannot stand in one");
  if (!port::initialize()) return fail(Error::kSystem, "start mbedTLS");
  Maker maker;
  const int result =
      port::parse_key(&maker.key, reinterpret_cast<const unsigned char*>(key_pem.c_str()), key_pem.size() + 1);
  if (result != 0) return fail(Error::kInvalid, "read a private key: " + port::error_text(result));
  return certify(maker, random, std::move(key_pem), common_name, now, days);
}

Result<Sha256Digest> spki_sha256(std::string_view cert_pem) {
  const std::string text(cert_pem);  // mbedTLS wants the terminating zero
  mbedtls_x509_crt certificate;
  mbedtls_x509_crt_init(&certificate);
  const int result =
      mbedtls_x509_crt_parse(&certificate, reinterpret_cast<const unsigned char*>(text.c_str()), text.size() + 1);
  Result<Sha256Digest> digest = fail(Error::kInvalid, "read a certificate: " + port::error_text(result));
  if (result == 0) digest = port::sha256(std::span(certificate.pk_raw.p, certificate.pk_raw.len));
  mbedtls_x509_crt_free(&certificate);
  return digest;
}

}  // namespace bamgate::net
