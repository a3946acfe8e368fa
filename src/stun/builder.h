// Writes a STUN message into a buffer of the caller (RFC 8489 §5, §14). Padding is zero (RFC 8489 §14).
#pragma once

#include <cstdint>
#include <expected>
#include <span>
#include <string_view>

#include "core/crypto.h"
#include "core/endpoint.h"
#include "core/writer.h"
#include "stun/attribute.h"
#include "stun/error.h"

namespace bamgate::stun {

/// Attributes are written in the order of the calls; the header's length is right after each of them. Integrity covers
/// what was written before it, so it comes last but for fingerprint(). A call that does not fit spoils the message:
/// finish() then fails.
class Builder {
 public:
  /// Writes the header. `out` must live until finish().
  Builder(MutableBytes out, Class message_class, Method method, const TransactionId& id);

  Builder& bytes(Attribute attribute, Bytes value);
  Builder& text(Attribute attribute, std::string_view value);
  Builder& u32(Attribute attribute, std::uint32_t value);
  Builder& u64(Attribute attribute, std::uint64_t value);
  /// An attribute without value, as USE-CANDIDATE.
  Builder& flag(Attribute attribute);
  /// MAPPED-ADDRESS (RFC 8489 §14.1).
  Builder& address(Attribute attribute, const Endpoint& endpoint);
  /// XOR-MAPPED-ADDRESS, XOR-PEER-ADDRESS, XOR-RELAYED-ADDRESS (RFC 8489 §14.2).
  Builder& xor_address(Attribute attribute, const Endpoint& endpoint);
  /// ERROR-CODE (RFC 8489 §14.8); `code` from 300 to 699.
  Builder& error_code(std::uint16_t code, std::string_view reason);
  /// UNKNOWN-ATTRIBUTES (RFC 8489 §14.9).
  Builder& unknown_attributes(std::span<const std::uint16_t> types);
  /// CHANNEL-NUMBER (RFC 8656 §18.1).
  Builder& channel_number(std::uint16_t channel);
  /// REQUESTED-TRANSPORT (RFC 8656 §18.7): 17 is UDP.
  Builder& requested_transport(std::uint8_t protocol);

  /// MESSAGE-INTEGRITY (RFC 8489 §14.5).
  Builder& integrity(Crypto& crypto, Bytes key);
  /// MESSAGE-INTEGRITY-SHA256 in full length (RFC 8489 §14.6).
  Builder& integrity_sha256(Crypto& crypto, Bytes key);
  /// FINGERPRINT (RFC 8489 §14.7); the last attribute.
  Builder& fingerprint();

  /// The size of the message in bytes. Error: kBufferTooSmall.
  std::expected<std::size_t, Error> finish() const;

 private:
  // Writes type and length, and returns the room for the value; the padding behind it is written too.
  MutableBytes begin(Attribute attribute, std::size_t size);

  Writer writer_;
};

}  // namespace bamgate::stun
