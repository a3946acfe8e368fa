#include "stun/builder.h"

#include <algorithm>
#include <array>

#include "stun/fingerprint.h"

namespace bamgate::stun {
namespace {

// RFC 8489 §5: the bits of method and class are interleaved.
constexpr std::uint16_t message_type(Class message_class, Method method) {
  const auto bits = static_cast<unsigned>(method);
  const auto kind = static_cast<unsigned>(message_class);
  return static_cast<std::uint16_t>((bits & 0x00f) | (bits & 0x070) << 1 | (bits & 0xf80) << 2 | (kind & 1) << 4 |
                                    (kind & 2) << 7);
}
static_assert(message_type(Class::kError, Method::kBinding) == 0x0111);
static_assert(message_type(Class::kSuccess, Method::kAllocate) == 0x0103);

constexpr std::size_t kLengthOffset = 2;
// RFC 8489 §5: a length of 16 bits, always a multiple of 4, behind the header.
constexpr std::size_t kLongestMessage = kHeaderSize + 0xfffc;

// RFC 8489 §14.3: fewer than 509 bytes.
constexpr std::size_t kLongestUsername = 508;
// RFC 8489 §14.8, §14.9, §14.10, §14.14: fewer than 128 characters.
constexpr std::ptrdiff_t kMostCharacters = 127;

// Characters of UTF-8: every byte begins one, except those that go on with it.
bool is_short_text(std::string_view text) {
  return std::ranges::count_if(text, [](char c) { return (c & '\xc0') != '\x80'; }) <= kMostCharacters;
}

bool fits(Attribute attribute, std::string_view text) {
  if (attribute == Attribute::kUsername) return text.size() <= kLongestUsername;
  if (attribute == Attribute::kAlternateDomain) return text.size() <= kLongestDomain;
  return is_short_text(text);
}

std::uint8_t family_number(Family family) { return family == Family::kV6 ? 0x02 : 0x01; }

void put_address(Writer& writer, const Endpoint& endpoint) {
  writer.u8(0);
  writer.u8(family_number(endpoint.address.family()));
  writer.u16(endpoint.port);
  writer.bytes(endpoint.address.bytes());
}

}  // namespace

Builder::Builder(MutableBytes out, Class message_class, Method method, const TransactionId& id)
    : writer_(out.first(std::min(out.size(), kLongestMessage))) {
  writer_.u16(message_type(message_class, method));
  writer_.u16(0);
  writer_.u32(kMagicCookie);
  writer_.bytes(id);
}

MutableBytes Builder::begin(Attribute attribute, std::size_t size) {
  writer_.u16(static_cast<std::uint16_t>(attribute));
  writer_.u16(static_cast<std::uint16_t>(size));
  const MutableBytes value = writer_.take(size);
  writer_.zeros((4 - size % 4) % 4);
  if (!writer_.ok()) return {};
  writer_.patch_u16(kLengthOffset, static_cast<std::uint16_t>(writer_.size() - kHeaderSize));
  return value;
}

Builder& Builder::bytes(Attribute attribute, Bytes value) {
  copy_bytes(value, begin(attribute, value.size()));
  return *this;
}

Builder& Builder::text(Attribute attribute, std::string_view value) {
  require(fits(attribute, value));
  return bytes(attribute, as_bytes(value));
}

Builder& Builder::u32(Attribute attribute, std::uint32_t value) {
  Writer(begin(attribute, 4)).u32(value);
  return *this;
}

Builder& Builder::u64(Attribute attribute, std::uint64_t value) {
  Writer(begin(attribute, 8)).u64(value);
  return *this;
}

Builder& Builder::flag(Attribute attribute) {
  begin(attribute, 0);
  return *this;
}

Builder& Builder::address(Attribute attribute, const Endpoint& endpoint) {
  require(endpoint.address.family() != Family::kNone);
  Writer value(begin(attribute, 4 + endpoint.address.bytes().size()));
  put_address(value, endpoint);
  return *this;
}

Builder& Builder::xor_address(Attribute attribute, const Endpoint& endpoint) {
  const Bytes plain = endpoint.address.bytes();
  require(!plain.empty());
  Writer value(begin(attribute, 4 + plain.size()));
  if (!writer_.ok()) return *this;
  // The mask is the cookie and the transaction id as they stand in the header.
  const Bytes mask = writer_.written().subspan(4, 16);
  std::array<std::byte, 16> mixed{};
  for (std::size_t i = 0; i < plain.size(); ++i) mixed[i] = plain[i] ^ mask[i];
  const auto port = static_cast<std::uint16_t>(endpoint.port ^ kMagicCookie >> 16);
  put_address(value, {IpAddress::from_bytes(Bytes(mixed).first(plain.size())), port});
  return *this;
}

Builder& Builder::family(Attribute attribute, Family family) {
  require(family != Family::kNone);
  return u32(attribute, std::uint32_t{family_number(family)} << 24);
}

Builder& Builder::error_code(std::uint16_t code, std::string_view reason) {
  Writer value(begin(Attribute::kErrorCode, 4 + reason.size()));
  value.u16(0);
  put_error(value, {code, reason});
  return *this;
}

void Builder::put_error(Writer& value, const ErrorCode& error) {
  require(error.code >= 300 && error.code < 700 && is_short_text(error.reason));
  value.u8(static_cast<std::uint8_t>(error.code / 100));
  value.u8(static_cast<std::uint8_t>(error.code % 100));
  value.bytes(as_bytes(error.reason));
}

Builder& Builder::unknown_attributes(std::span<const std::uint16_t> types) {
  Writer value(begin(Attribute::kUnknownAttributes, 2 * types.size()));
  for (const std::uint16_t type : types) value.u16(type);
  return *this;
}

Builder& Builder::password_algorithm(PasswordAlgorithm algorithm) {
  // RFC 8489 §18.5.1: neither MD5 nor SHA-256 has parameters.
  return u32(Attribute::kPasswordAlgorithm, std::uint32_t{static_cast<std::uint16_t>(algorithm)} << 16);
}

Builder& Builder::password_algorithms(std::span<const PasswordAlgorithm> algorithms) {
  Writer value(begin(Attribute::kPasswordAlgorithms, 4 * algorithms.size()));
  for (const PasswordAlgorithm algorithm : algorithms) {
    value.u16(static_cast<std::uint16_t>(algorithm));
    value.u16(0);
  }
  return *this;
}

Builder& Builder::channel_number(std::uint16_t channel) {
  return u32(Attribute::kChannelNumber, std::uint32_t{channel} << 16);
}

Builder& Builder::lifetime(std::chrono::seconds lifetime) {
  require(lifetime.count() >= 0 && lifetime.count() <= 0xffff'ffff);
  return u32(Attribute::kLifetime, static_cast<std::uint32_t>(lifetime.count()));
}

Builder& Builder::even_port(bool reserve_next) {
  Writer(begin(Attribute::kEvenPort, 1)).u8(reserve_next ? 0x80 : 0x00);
  return *this;
}

Builder& Builder::requested_transport(std::uint8_t protocol) {
  return u32(Attribute::kRequestedTransport, std::uint32_t{protocol} << 24);
}

Builder& Builder::address_error_code(const AddressErrorCode& error) {
  require(error.family != Family::kNone);
  Writer value(begin(Attribute::kAddressErrorCode, 4 + error.error.reason.size()));
  value.u8(family_number(error.family));
  value.u8(0);
  put_error(value, error.error);
  return *this;
}

Builder& Builder::icmp(const IcmpError& error) {
  require(error.type <= 0x7f && error.code <= 0x1ff);
  return u64(Attribute::kIcmp,
             std::uint64_t{error.type} << 41 | std::uint64_t{error.code} << 32 | std::uint64_t{error.data});
}

Builder& Builder::integrity(Crypto& crypto, Bytes key) {
  const std::size_t covered = writer_.size();
  const MutableBytes value = begin(Attribute::kMessageIntegrity, Sha1Digest{}.size());
  if (writer_.ok()) copy_bytes(crypto.hmac_sha1(key, {writer_.written().first(covered)}), value);
  return *this;
}

Builder& Builder::integrity_sha256(Crypto& crypto, Bytes key, std::size_t size) {
  require(size >= kShortestSha256 && size <= Sha256Digest{}.size() && size % 4 == 0);
  const std::size_t covered = writer_.size();
  const MutableBytes value = begin(Attribute::kMessageIntegritySha256, size);
  if (writer_.ok()) copy_bytes(crypto.hmac_sha256(key, {writer_.written().first(covered)}), value);
  return *this;
}

Builder& Builder::fingerprint() {
  const std::size_t covered = writer_.size();
  Writer value(begin(Attribute::kFingerprint, 4));
  if (writer_.ok()) value.u32(stun::fingerprint(writer_.written().first(covered)));
  return *this;
}

std::expected<std::size_t, Error> Builder::finish() const {
  if (bad_value_) return std::unexpected(Error::kBadValue);
  if (!writer_.ok()) return std::unexpected(Error::kBufferTooSmall);
  return writer_.size();
}

}  // namespace bamgate::stun
