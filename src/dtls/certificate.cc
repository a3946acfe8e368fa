#include "dtls/certificate.h"

#include <array>
#include <chrono>
#include <cstdio>
#include <string>

#include "core/encoding.h"
#include "dtls/certificate_native.h"

namespace bamgate::dtls {
namespace {

constexpr std::int64_t kDay = 24 * 60 * 60;  // seconds
// Nobody checks the dates; they are what browsers write, so that nobody who looks is surprised.
constexpr std::int64_t kBackdate = kDay;
constexpr std::int64_t kLifetime = 30 * kDay;
constexpr std::size_t kMaxDer = 1024;  // bytes; ours has about 300

/// "YYYYMMDDhhmmss" in UTC.
std::string x509_time(std::int64_t unix_seconds) {
  using namespace std::chrono;
  const sys_seconds moment{seconds{unix_seconds}};
  const auto day = floor<days>(moment);
  const year_month_day date{day};
  const hh_mm_ss time{moment - day};
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%04d%02u%02u%02d%02d%02d", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                static_cast<int>(time.seconds().count()));
  return text.data();
}

/// mbedTLS's writer of certificates, freed on every way out.
struct CertificateWriter {
  mbedtls_x509write_cert context;

  CertificateWriter() { mbedtls_x509write_crt_init(&context); }
  CertificateWriter(const CertificateWriter&) = delete;
  CertificateWriter& operator=(const CertificateWriter&) = delete;
  ~CertificateWriter() { mbedtls_x509write_crt_free(&context); }
};

int generate_key(mbedtls_pk_context& key, Random& random) {
  const int result = mbedtls_pk_setup(&key, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY));
  if (result != 0) return result;
  return mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(key), fill_random, &random);
}

/// Describes the certificate: random name (it must tell nothing about the device) and serial number, dates.
int describe(CertificateWriter& writer, mbedtls_pk_context& key, Random& random, UnixTime now) {
  std::array<std::byte, 8> label{};
  random.fill(label);
  const std::string name = "CN=" + to_hex(label);
  std::array<std::byte, 16> serial{};
  random.fill(serial);
  // RFC 5280 §4.1.2.2: a positive number without leading zeros.
  serial[0] = (serial[0] & std::byte{0x7f}) | std::byte{0x40};
  mbedtls_x509write_crt_set_version(&writer.context, MBEDTLS_X509_CRT_VERSION_3);
  mbedtls_x509write_crt_set_md_alg(&writer.context, MBEDTLS_MD_SHA256);
  mbedtls_x509write_crt_set_subject_key(&writer.context, &key);
  mbedtls_x509write_crt_set_issuer_key(&writer.context, &key);
  int result = compat::set_serial(writer.context, serial);
  if (result == 0) result = mbedtls_x509write_crt_set_subject_name(&writer.context, name.c_str());
  if (result == 0) result = mbedtls_x509write_crt_set_issuer_name(&writer.context, name.c_str());
  if (result == 0) {
    result = mbedtls_x509write_crt_set_validity(&writer.context, x509_time(now.seconds - kBackdate).c_str(),
                                                x509_time(now.seconds + kLifetime).c_str());
  }
  return result;
}

}  // namespace

Certificate::Certificate(std::unique_ptr<Native> native)
    : native_(std::move(native)), fingerprint_(Fingerprint::of(der())) {}

Certificate::~Certificate() = default;

std::expected<std::shared_ptr<const Certificate>, Error> Certificate::generate(Random& random, UnixTime now) {
  auto native_form = std::make_unique<Native>();
  CertificateWriter writer;
  if (generate_key(native_form->key, random) != 0) return std::unexpected(Error::kLibraryFailed);
  if (describe(writer, native_form->key, random, now) != 0) return std::unexpected(Error::kLibraryFailed);
  std::array<unsigned char, kMaxDer> buffer{};
  // The certificate is written at the end of the buffer.
  const int size = mbedtls_x509write_crt_der(&writer.context, buffer.data(), buffer.size(), fill_random, &random);
  if (size <= 0) return std::unexpected(Error::kLibraryFailed);
  const auto length = static_cast<std::size_t>(size);
  if (mbedtls_x509_crt_parse_der(&native_form->certificate, buffer.data() + buffer.size() - length, length) != 0) {
    return std::unexpected(Error::kLibraryFailed);
  }
  return std::make_shared<const Certificate>(std::move(native_form));
}

Bytes Certificate::der() const {
  const mbedtls_x509_buf& raw = native_->certificate.raw;
  return std::as_bytes(std::span(raw.p, raw.len));
}

}  // namespace bamgate::dtls
