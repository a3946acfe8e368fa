#include "stun/nonce.h"

#include <array>
#include <chrono>

#include "core/encoding.h"
#include "core/reader.h"
#include "core/writer.h"

namespace bamgate::stun {
namespace {

// RFC 8489 §9.2: these characters, then 24 bits in base64.
constexpr std::string_view kCookiePrefix = "obMatJos2";
constexpr std::size_t kCookieSize = kCookiePrefix.size() + 4;
// RFC 8489 §9.2, §18.1: bit 0 is the most significant bit of the first byte.
constexpr std::byte kPasswordAlgorithmsBit{0x80};
constexpr std::byte kUsernameAnonymityBit{0x40};

constexpr std::size_t kExpirySize = 8;
constexpr std::size_t kTagSize = 16;

// Covers all that makes the nonce what it is: the cookie, so that no feature can be taken away, the time, and the
// client.
std::array<std::byte, kTagSize> tag_of(Crypto& crypto, Bytes key, std::string_view cookie, Bytes expiry,
                                       const Endpoint& client) {
  const Sha256Digest digest =
      crypto.hmac_sha256(key, {as_bytes(cookie), expiry, big_endian(client.port), client.address.bytes()});
  std::array<std::byte, kTagSize> tag{};
  copy_bytes(digest, tag);
  return tag;
}

std::int64_t milliseconds(Instant time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

}  // namespace

std::string nonce_cookie(const SecurityFeatures& features) {
  std::array<std::byte, 3> bits{};
  if (features.password_algorithms) bits[0] |= kPasswordAlgorithmsBit;
  if (features.username_anonymity) bits[0] |= kUsernameAnonymityBit;
  return std::string(kCookiePrefix) + to_base64(bits);
}

std::optional<SecurityFeatures> read_nonce_cookie(std::string_view nonce) {
  if (nonce.size() < kCookieSize || !nonce.starts_with(kCookiePrefix)) return std::nullopt;
  const auto bits = array_from_base64<3>(nonce.substr(kCookiePrefix.size(), 4));
  if (!bits) return std::nullopt;
  const auto has = [&](std::byte bit) { return (bits->front() & bit) != std::byte{0}; };
  return SecurityFeatures{.password_algorithms = has(kPasswordAlgorithmsBit),
                          .username_anonymity = has(kUsernameAnonymityBit)};
}

std::string NonceMint::issue(Crypto& crypto, Instant now, const Endpoint& client,
                             const SecurityFeatures& features) const {
  std::string nonce = nonce_cookie(features);
  std::array<std::byte, kExpirySize + kTagSize> body{};
  Writer writer(body);
  writer.u64(static_cast<std::uint64_t>(milliseconds(now + lifetime_)));
  writer.bytes(tag_of(crypto, key_.bytes(), nonce, Bytes(body).first(kExpirySize), client));
  nonce += to_base64(body);
  return nonce;
}

bool NonceMint::valid(Crypto& crypto, Instant now, const Endpoint& client, std::string_view nonce) const {
  if (nonce.size() < kCookieSize) return false;
  const auto body = array_from_base64<kExpirySize + kTagSize>(nonce.substr(kCookieSize));
  if (!body) return false;
  const Bytes expiry = Bytes(*body).first(kExpirySize);
  const auto tag = tag_of(crypto, key_.bytes(), nonce.substr(0, kCookieSize), expiry, client);
  if (!constant_time_equal(tag, Bytes(*body).subspan(kExpirySize))) return false;
  return milliseconds(now) < static_cast<std::int64_t>(Reader(expiry).u64());
}

}  // namespace bamgate::stun
