#include "dtls/fingerprint.h"

#include <algorithm>

#include "dtls/mbedtls_compat.h"

namespace bamgate::dtls {
namespace {

constexpr std::size_t kTextSize = 32 * 3 - 1;

int hex_value(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'A' && digit <= 'F') return digit - 'A' + 10;
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  return -1;
}

}  // namespace

Fingerprint Fingerprint::of(Bytes certificate_der) {
  Fingerprint result;
  // Fails only for a hash function that the library lacks; then all zeros, which no certificate hashes to.
  if (mbedtls_md(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), native(certificate_der), certificate_der.size(),
                 native(MutableBytes(result.sha256))) != 0) {
    result.sha256.fill(std::byte{0});
  }
  return result;
}

std::optional<Fingerprint> Fingerprint::parse(std::string_view text) {
  if (text.size() != kTextSize) return std::nullopt;
  Fingerprint result;
  for (std::size_t i = 0; i < result.sha256.size(); ++i) {
    const int high = hex_value(text[3 * i]);
    const int low = hex_value(text[3 * i + 1]);
    const bool separated = 3 * i + 2 == kTextSize || text[3 * i + 2] == ':';
    if (high < 0 || low < 0 || !separated) return std::nullopt;
    result.sha256[i] = static_cast<std::byte>(high << 4 | low);
  }
  return result;
}

std::string Fingerprint::to_string() const {
  static constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string text;
  text.reserve(kTextSize);
  for (const std::byte byte : sha256) {
    if (!text.empty()) text += ':';
    text += kDigits[std::to_integer<std::size_t>(byte >> 4)];
    text += kDigits[std::to_integer<std::size_t>(byte & std::byte{0x0f})];
  }
  return text;
}

Fingerprints Fingerprints::anybody() {
  Fingerprints all;
  all.anybody_ = true;
  return all;
}

bool Fingerprints::add_attribute(std::string_view value) {
  // RFC 8122 §5: the names of hash functions are compared without regard to case.
  constexpr std::string_view kName = "sha-256 ";
  const auto same = [](char left, char right) { return (left | 0x20) == (right | 0x20); };
  if (!std::ranges::equal(value.substr(0, kName.size()), kName, same)) return true;
  const auto parsed = Fingerprint::parse(value.substr(kName.size()));
  if (parsed) add(*parsed);
  return parsed.has_value();
}

void Fingerprints::add(const Fingerprint& fingerprint) {
  if (all_.size() < kMax) all_.push_back(fingerprint);
}

bool Fingerprints::contain(const Fingerprint& fingerprint) const {
  bool found = anybody_;
  for (const Fingerprint& promised : all_) found |= promised == fingerprint;
  return found;
}

}  // namespace bamgate::dtls
