#include "stun/message.h"

#include <algorithm>
#include <array>

#include "stun/fingerprint.h"

namespace bamgate::stun {
namespace {

// RFC 8489 §14.1: the family byte of an address.
constexpr std::uint8_t kFamilyV4 = 0x01;
constexpr std::uint8_t kFamilyV6 = 0x02;
// RFC 8489 §14.3, §14.9, §14.10, §14.14: receivers take texts of up to 763 bytes.
constexpr std::size_t kLongestText = 763;
// Not in the RFC: longer lists than this are cut.
constexpr std::size_t kMaxListed = 8;

Family decode_family(std::uint8_t number) {
  if (number == kFamilyV4) return Family::kV4;
  return number == kFamilyV6 ? Family::kV6 : Family::kNone;
}

std::optional<Endpoint> decode_address(Bytes value) {
  Reader reader(value);
  reader.skip(1);
  const Family family = decode_family(reader.u8());
  const std::uint16_t port = reader.u16();
  const Bytes bytes = reader.rest();
  if (!reader.ok() || family == Family::kNone) return std::nullopt;
  const IpAddress address = IpAddress::from_bytes(bytes);
  if (address.family() != family) return std::nullopt;
  return Endpoint{address, port};
}

// RFC 8489 §14.8: 3 bits of hundreds from 3 to 6, 8 bits from 0 to 99, then the reason.
std::optional<ErrorCode> decode_error(Reader& reader) {
  const unsigned hundreds = reader.u8() & 0x07U;
  const unsigned rest = reader.u8();
  if (!reader.ok() || hundreds < 3 || hundreds > 6 || rest > 99) return std::nullopt;
  const Bytes reason = reader.rest();
  if (reason.size() > kLongestText) return std::nullopt;
  return ErrorCode{static_cast<std::uint16_t>(hundreds * 100 + rest), as_text(reason)};
}

// One entry of PASSWORD-ALGORITHMS; nullopt when it has parameters.
std::optional<PasswordAlgorithm> decode_algorithm(Reader& reader) {
  const std::uint16_t number = reader.u16();
  const std::uint16_t length = reader.u16();
  reader.skip(length);
  if (!reader.at_end()) reader.skip((4U - length % 4U) % 4U);
  if (!reader.ok() || length != 0) return std::nullopt;
  return static_cast<PasswordAlgorithm>(number);
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
  if (!found || found->value.size() > kLongestText) return std::nullopt;
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

template <typename Decode>
std::vector<Endpoint> Message::every_address(Attribute attribute, std::size_t limit, Decode decode) const {
  std::vector<Endpoint> found;
  Attributes all = attributes();
  while (const auto candidate = all.next_covered()) {
    if (found.size() >= limit) break;
    if (!candidate->is(attribute)) continue;
    if (const auto address = decode(candidate->value)) found.push_back(*address);
  }
  return found;
}

std::vector<Endpoint> Message::addresses(Attribute attribute, std::size_t limit) const {
  return every_address(attribute, limit, decode_address);
}

std::vector<Endpoint> Message::xor_addresses(Attribute attribute, std::size_t limit) const {
  return every_address(attribute, limit, [this](Bytes value) { return decode_xor_address(value); });
}

std::optional<Family> Message::family(Attribute attribute) const {
  const auto value = u32(attribute);
  if (!value) return std::nullopt;
  return decode_family(static_cast<std::uint8_t>(*value >> 24));
}

std::optional<Endpoint> Message::mapped_address() const {
  if (const auto address = xor_address(Attribute::kXorMappedAddress)) return address;
  return address(Attribute::kMappedAddress);
}

std::optional<ErrorCode> Message::error_code() const {
  const auto found = find(Attribute::kErrorCode);
  if (!found) return std::nullopt;
  Reader reader(found->value);
  reader.skip(2);
  return decode_error(reader);
}

std::optional<std::vector<std::uint16_t>> Message::unknown_attributes() const {
  const auto found = find(Attribute::kUnknownAttributes);
  if (!found || found->value.size() % 2 != 0) return std::nullopt;
  std::vector<std::uint16_t> types;
  Reader reader(found->value);
  while (!reader.at_end() && types.size() < kMaxListed) types.push_back(reader.u16());
  return types;
}

std::optional<Bytes> Message::user_hash() const {
  const auto value = bytes(Attribute::kUserHash);
  if (!value || value->size() != 32) return std::nullopt;
  return value;
}

std::optional<PasswordAlgorithm> Message::password_algorithm() const {
  const auto found = find(Attribute::kPasswordAlgorithm);
  if (!found) return std::nullopt;
  Reader reader(found->value);
  const auto algorithm = decode_algorithm(reader);
  return reader.at_end() ? algorithm : std::nullopt;
}

std::optional<std::vector<PasswordAlgorithm>> Message::password_algorithms() const {
  const auto found = find(Attribute::kPasswordAlgorithms);
  if (!found) return std::nullopt;
  std::vector<PasswordAlgorithm> algorithms;
  Reader reader(found->value);
  while (!reader.at_end() && algorithms.size() < kMaxListed) {
    if (const auto algorithm = decode_algorithm(reader)) algorithms.push_back(*algorithm);
  }
  if (!reader.ok()) return std::nullopt;
  return algorithms;
}

std::optional<std::string_view> Message::alternate_domain() const {
  const auto domain = text(Attribute::kAlternateDomain);
  return domain && domain->size() <= kLongestDomain ? domain : std::nullopt;
}

std::optional<std::uint16_t> Message::channel_number() const {
  const auto value = u32(Attribute::kChannelNumber);
  if (!value) return std::nullopt;
  return static_cast<std::uint16_t>(*value >> 16);
}

std::optional<std::chrono::seconds> Message::lifetime() const {
  const auto value = u32(Attribute::kLifetime);
  if (!value) return std::nullopt;
  return std::chrono::seconds(*value);
}

std::optional<bool> Message::even_port() const {
  const auto value = bytes(Attribute::kEvenPort);
  if (!value || value->size() != 1) return std::nullopt;
  return (value->front() & std::byte{0x80}) != std::byte{0};
}

std::optional<std::uint8_t> Message::requested_transport() const {
  const auto value = u32(Attribute::kRequestedTransport);
  if (!value) return std::nullopt;
  return static_cast<std::uint8_t>(*value >> 24);
}

std::optional<ReservationToken> Message::reservation_token() const {
  const auto value = bytes(Attribute::kReservationToken);
  ReservationToken token{};
  if (!value || value->size() != token.size()) return std::nullopt;
  copy_bytes(*value, token);
  return token;
}

std::optional<AddressErrorCode> Message::address_error_code() const {
  const auto found = find(Attribute::kAddressErrorCode);
  if (!found) return std::nullopt;
  Reader reader(found->value);
  const Family family = decode_family(reader.u8());
  reader.skip(1);
  const auto error = decode_error(reader);
  if (!error) return std::nullopt;
  return AddressErrorCode{family, *error};
}

std::optional<IcmpError> Message::icmp() const {
  const auto value = u64(Attribute::kIcmp);
  if (!value) return std::nullopt;
  return IcmpError{.type = static_cast<std::uint8_t>(*value >> 41 & 0x7f),
                   .code = static_cast<std::uint16_t>(*value >> 32 & 0x1ff),
                   .data = static_cast<std::uint32_t>(*value)};
}

std::vector<std::uint16_t> Message::unknown_required(std::span<const Attribute> known) const {
  std::vector<std::uint16_t> unknown;
  Attributes all = attributes();
  while (const auto candidate = all.next_covered()) {
    const auto is_this = [&](Attribute attribute) { return candidate->is(attribute); };
    if (!comprehension_required(candidate->type) || std::ranges::any_of(known, is_this)) continue;
    if (std::ranges::find(unknown, candidate->type) != unknown.end()) continue;
    unknown.push_back(candidate->type);
    if (unknown.size() == kMaxListed) break;
  }
  return unknown;
}

}  // namespace bamgate::stun
