#include "stun/integrity.h"

#include <algorithm>
#include <array>

#include "core/writer.h"

namespace bamgate::stun {
namespace {

// RFC 8489 §14.5: for the HMAC the header's length counts everything up to the end of the integrity attribute, whatever
// follows it. `end` is that end, in bytes from the start of the message.
std::array<std::byte, 2> adjusted_length(std::size_t end) {
  return big_endian(static_cast<std::uint16_t>(end - kHeaderSize));
}

std::string_view without_zeros(std::string_view text) {
  while (text.ends_with('\0')) text.remove_suffix(1);
  return text;
}

// RFC 8489 §9.2.2: names and realms count without quotes and trailing zeros.
std::string_view bare(std::string_view text) {
  text = without_zeros(text);
  return text.size() >= 2 && text.starts_with('"') && text.ends_with('"') ? text.substr(1, text.size() - 2) : text;
}

}  // namespace

std::expected<void, Error> check_integrity(const Message& message, Crypto& crypto, Bytes key) {
  const auto attribute = message.find(Attribute::kMessageIntegrity);
  if (!attribute) return std::unexpected(Error::kNoIntegrity);
  if (attribute->value.size() != Sha1Digest{}.size()) return std::unexpected(Error::kBadIntegrity);
  const Bytes all = message.bytes();
  const auto length = adjusted_length(attribute->offset + 4 + attribute->value.size());
  const Sha1Digest digest = crypto.hmac_sha1(key, {all.first(2), length, all.subspan(4, attribute->offset - 4)});
  if (!constant_time_equal(digest, attribute->value)) return std::unexpected(Error::kBadIntegrity);
  return {};
}

std::expected<void, Error> check_integrity_sha256(const Message& message, Crypto& crypto, Bytes key,
                                                  std::size_t shortest) {
  const auto attribute = message.find(Attribute::kMessageIntegritySha256);
  if (!attribute) return std::unexpected(Error::kNoIntegrity);
  const std::size_t size = attribute->value.size();
  if (size < std::max(shortest, kShortestSha256) || size > Sha256Digest{}.size() || size % 4 != 0) {
    return std::unexpected(Error::kBadIntegrity);
  }
  const Bytes all = message.bytes();
  const auto length = adjusted_length(attribute->offset + 4 + size);
  const Sha256Digest digest = crypto.hmac_sha256(key, {all.first(2), length, all.subspan(4, attribute->offset - 4)});
  if (!constant_time_equal(Bytes(digest).first(size), attribute->value)) return std::unexpected(Error::kBadIntegrity);
  return {};
}

std::optional<Integrity> integrity_of(const Message& message) {
  const bool sha1 = message.has(Attribute::kMessageIntegrity);
  const bool sha256 = message.has(Attribute::kMessageIntegritySha256);
  if (sha1 && sha256) return Integrity::kBoth;
  if (sha256) return Integrity::kSha256;
  if (sha1) return Integrity::kSha1;
  return std::nullopt;
}

LongTermKey derive_key(Crypto& crypto, PasswordAlgorithm algorithm, std::string_view username, std::string_view realm,
                       std::string_view password) {
  if (algorithm == PasswordAlgorithm::kSha256) {
    Sha256Digest digest = long_term_key_sha256(crypto, username, realm, password);
    LongTermKey key{digest};
    wipe(digest);
    return key;
  }
  Md5Digest digest = long_term_key(crypto, username, realm, password);
  LongTermKey key{digest};
  wipe(digest);
  return key;
}

Md5Digest long_term_key(Crypto& crypto, std::string_view username, std::string_view realm, std::string_view password) {
  const Bytes colon = as_bytes(":");
  return crypto.md5({as_bytes(bare(username)), colon, as_bytes(bare(realm)), colon, as_bytes(without_zeros(password))});
}

Sha256Digest long_term_key_sha256(Crypto& crypto, std::string_view username, std::string_view realm,
                                  std::string_view password) {
  const Bytes colon = as_bytes(":");
  return crypto.sha256(
      {as_bytes(bare(username)), colon, as_bytes(bare(realm)), colon, as_bytes(without_zeros(password))});
}

Sha256Digest user_hash(Crypto& crypto, std::string_view username, std::string_view realm) {
  return crypto.sha256({as_bytes(username), as_bytes(":"), as_bytes(realm)});
}

}  // namespace bamgate::stun
