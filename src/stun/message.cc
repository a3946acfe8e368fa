#include "stun/message.h"

#include <algorithm>
#include <array>

#include "stun/fingerprint.h"

namespace bamgate::stun {
namespace {

// RFC 8489 §14.1: the family byte of an address.
constexpr std::uint8_t kFamilyV4 = 0x01;
constexpr std::uint8_t kFamilyV6 = 0x02;
constexpr std::size_t kMaxUnknownAttributes = 8;

std::optional<Endpoint> decode_address(Bytes value) {
  Reader reader(value);
  reader.skip(1);
  const std::uint8_t family = reader.u8();
  const std::uint16_t port = reader.u16();
  const Bytes address = reader.rest();
  const bool fits = (family == kFamilyV4 && address.size() == 4) || (family == kFamilyV6 && address.size() == 16);
  if (!reader.ok() || !fits) return std::nullopt;
  return Endpoint{IpAddress::from_bytes(address), port};
}

// RFC 8489 §5: the class bits stand between the bits of the method, as M11..M7 C1 M6..M4 C0 M3..M0.
constexpr std::uint16_t method_bits(std::uint16_t type) {
  return static_cast<std::uint16_t>((type & 0x000f) | (type & 0x00e0) >> 1 | (type & 0x3e00) >> 2);
}
constexpr std::uint8_t class_bits(std::uint16_t type) {
  return static_cast<std::uint8_t>((type & 0x0010) >> 4 | (type & 0x0100) >> 7);
}

}  // namespace

bool is_stun(Bytes datagram) {
  if (datagram.size() < kHeaderSize || (datagram[0] & std::byte{0xc0}) != std::byte{0}) return false;
  Reader reader(datagram.subspan(4));
  return reader.u32() == kMagicCookie;
}

TransactionId make_transaction_id(Random& random) {
  TransactionId id{};
  random.fill(id);
  return id;
}

std::optional<RawAttribute> Message::Attributes::next() {
  if (reader_.at_end()) return std::nullopt;
  RawAttribute attribute;
  attribute.offset = size_ - reader_.remaining();
  attribute.type = reader_.u16();
  const std::uint16_t length = reader_.u16();
  attribute.value = reader_.bytes(length);
  reader_.skip((4U - length % 4U) % 4U);
  if (!reader_.ok()) return std::nullopt;
  return attribute;
}

std::expected<Message, Error> Message::parse(Bytes datagram) {
  if (!is_stun(datagram)) return std::unexpected(Error::kNotStun);
  Reader reader(datagram);
  const std::uint16_t type = reader.u16();
  const std::uint16_t length = reader.u16();
  // RFC 8489 §5: the length counts what follows the header and is a multiple of 4.
  if (length % 4 != 0 || kHeaderSize + length != datagram.size()) return std::unexpected(Error::kBadLength);

  Message message;
  message.bytes_ = datagram;
  message.class_ = static_cast<Class>(class_bits(type));
  message.method_ = static_cast<Method>(method_bits(type));
  copy_bytes(datagram.subspan(8, 12), message.id_);

  std::size_t end = kHeaderSize;
  Attributes attributes = message.attributes();
  while (const auto attribute = attributes.next()) {
    // RFC 8489 §14.7: FINGERPRINT is the last attribute.
    if (message.has_fingerprint_) return std::unexpected(Error::kBadFingerprint);
    if (attribute->is(Attribute::kFingerprint)) {
      Reader value(attribute->value);
      const std::uint32_t expected = fingerprint(datagram.first(attribute->offset));
      if (value.u32() != expected || !value.ok() || !value.at_end()) return std::unexpected(Error::kBadFingerprint);
      message.has_fingerprint_ = true;
    }
    end = attribute->offset + 4 + (attribute->value.size() + 3) / 4 * 4;
  }
  if (end != datagram.size()) return std::unexpected(Error::kBadAttribute);
  return message;
}

std::optional<RawAttribute> Message::Attributes::next_covered() {
  while (const auto attribute = next()) {
    const bool is_sha256 = attribute->is(Attribute::kMessageIntegritySha256);
    const bool is_fingerprint = attribute->is(Attribute::kFingerprint);
    const bool ignored = (after_integrity_ && !is_sha256 && !is_fingerprint) || (after_sha256_ && !is_fingerprint);
    after_integrity_ = after_integrity_ || attribute->is(Attribute::kMessageIntegrity);
    after_sha256_ = after_sha256_ || is_sha256;
    if (!ignored) return attribute;
  }
  return std::nullopt;
}

std::optional<RawAttribute> Message::find(Attribute attribute) const {
  Attributes all = attributes();
  while (const auto candidate = all.next_covered()) {
    if (candidate->is(attribute)) return candidate;
  }
  return std::nullopt;
}

std::optional<Bytes> Message::bytes(Attribute attribute) const {
  const auto found = find(attribute);
  if (!found) return std::nullopt;
  return found->value;
}

std::optional<std::string_view> Message::text(Attribute attribute) const {
  const auto found = find(attribute);
  if (!found) return std::nullopt;
  return as_text(found->value);
}

std::optional<std::uint32_t> Message::u32(Attribute attribute) const {
  const auto found = find(attribute);
  if (!found || found->value.size() != 4) return std::nullopt;
  return Reader(found->value).u32();
}

std::optional<std::uint64_t> Message::u64(Attribute attribute) const {
  const auto found = find(attribute);
  if (!found || found->value.size() != 8) return std::nullopt;
  return Reader(found->value).u64();
}

std::optional<Endpoint> Message::address(Attribute attribute) const {
  const auto found = find(attribute);
  if (!found) return std::nullopt;
  return decode_address(found->value);
}

std::optional<Endpoint> Message::decode_xor_address(Bytes value) const {
  const auto plain = decode_address(value);
  if (!plain) return std::nullopt;
  // RFC 8489 §14.2: the port is mixed with the upper half of the cookie, the address with cookie and transaction id,
  // which stand one after the other in the header.
  const Bytes mask = bytes_.subspan(4, 16);
  std::array<std::byte, 16> mixed{};
  const Bytes address = plain->address.bytes();
  for (std::size_t i = 0; i < address.size(); ++i) mixed[i] = address[i] ^ mask[i];
  const auto port = static_cast<std::uint16_t>(plain->port ^ kMagicCookie >> 16);
  return Endpoint{IpAddress::from_bytes(Bytes(mixed).first(address.size())), port};
}

std::optional<Endpoint> Message::xor_address(Attribute attribute) const {
  const auto found = find(attribute);
  if (!found) return std::nullopt;
  return decode_xor_address(found->value);
}

std::vector<Endpoint> Message::xor_addresses(Attribute attribute, std::size_t limit) const {
  std::vector<Endpoint> addresses;
  Attributes all = attributes();
  while (const auto candidate = all.next_covered()) {
    if (addresses.size() >= limit) break;
    if (!candidate->is(attribute)) continue;
    if (const auto address = decode_xor_address(candidate->value)) addresses.push_back(*address);
  }
  return addresses;
}

std::optional<Endpoint> Message::mapped_address() const {
  if (const auto address = xor_address(Attribute::kXorMappedAddress)) return address;
  return address(Attribute::kMappedAddress);
}

std::optional<ErrorCode> Message::error_code() const {
  const auto found = find(Attribute::kErrorCode);
  if (!found) return std::nullopt;
  // RFC 8489 §14.8: 21 reserved bits, 3 bits of hundreds, 8 bits from 0 to 99, then the reason.
  Reader reader(found->value);
  reader.skip(2);
  const unsigned hundreds = reader.u8() & 0x07U;
  const unsigned rest = reader.u8();
  if (!reader.ok() || hundreds < 3 || hundreds > 6 || rest > 99) return std::nullopt;
  return ErrorCode{static_cast<std::uint16_t>(hundreds * 100 + rest), as_text(reader.rest())};
}

std::optional<std::uint16_t> Message::channel_number() const {
  const auto value = u32(Attribute::kChannelNumber);
  if (!value) return std::nullopt;
  return static_cast<std::uint16_t>(*value >> 16);
}

std::optional<std::uint8_t> Message::requested_transport() const {
  const auto value = u32(Attribute::kRequestedTransport);
  if (!value) return std::nullopt;
  return static_cast<std::uint8_t>(*value >> 24);
}

std::vector<std::uint16_t> Message::unknown_required(std::span<const Attribute> known) const {
  std::vector<std::uint16_t> unknown;
  Attributes all = attributes();
  while (const auto candidate = all.next_covered()) {
    const auto is_this = [&](Attribute attribute) { return candidate->is(attribute); };
    if (!comprehension_required(candidate->type) || std::ranges::any_of(known, is_this)) continue;
    if (std::ranges::find(unknown, candidate->type) != unknown.end()) continue;
    unknown.push_back(candidate->type);
    if (unknown.size() == kMaxUnknownAttributes) break;
  }
  return unknown;
}

}  // namespace bamgate::stun
