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

void put_address(Writer& writer, const Endpoint& endpoint) {
  writer.u8(0);
  writer.u8(endpoint.address.is_v6() ? 0x02 : 0x01);
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

Builder& Builder::text(Attribute attribute, std::string_view value) { return bytes(attribute, as_bytes(value)); }

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
  Writer value(begin(attribute, 4 + endpoint.address.bytes().size()));
  put_address(value, endpoint);
  return *this;
}

Builder& Builder::xor_address(Attribute attribute, const Endpoint& endpoint) {
  const Bytes plain = endpoint.address.bytes();
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

Builder& Builder::error_code(std::uint16_t code, std::string_view reason) {
  Writer value(begin(Attribute::kErrorCode, 4 + reason.size()));
  value.u16(0);
  value.u8(static_cast<std::uint8_t>(code / 100));
  value.u8(static_cast<std::uint8_t>(code % 100));
  value.bytes(as_bytes(reason));
  return *this;
}

Builder& Builder::unknown_attributes(std::span<const std::uint16_t> types) {
  Writer value(begin(Attribute::kUnknownAttributes, 2 * types.size()));
  for (const std::uint16_t type : types) value.u16(type);
  return *this;
}

Builder& Builder::channel_number(std::uint16_t channel) {
  return u32(Attribute::kChannelNumber, std::uint32_t{channel} << 16);
}

Builder& Builder::requested_transport(std::uint8_t protocol) {
  return u32(Attribute::kRequestedTransport, std::uint32_t{protocol} << 24);
}

Builder& Builder::integrity(Crypto& crypto, Bytes key) {
  const std::size_t covered = writer_.size();
  const MutableBytes value = begin(Attribute::kMessageIntegrity, Sha1Digest{}.size());
  if (writer_.ok()) copy_bytes(crypto.hmac_sha1(key, {writer_.written().first(covered)}), value);
  return *this;
}

Builder& Builder::integrity_sha256(Crypto& crypto, Bytes key) {
  const std::size_t covered = writer_.size();
  const MutableBytes value = begin(Attribute::kMessageIntegritySha256, Sha256Digest{}.size());
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
  if (!writer_.ok()) return std::unexpected(Error::kBufferTooSmall);
  return writer_.size();
}

}  // namespace bamgate::stun
