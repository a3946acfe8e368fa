// Writes a STUN message into a buffer of the caller (RFC 8489 §5, §14), with the attributes of ICE (RFC 8445 §16.1) and
// TURN (RFC 8656 §18, RFC 6062 §6.2). Leaves out OpaqueString preparation (RFC 8265): texts are written as they are.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <span>
#include <string_view>

#include "core/crypto.h"
#include "core/endpoint.h"
#include "core/writer.h"
#include "stun/attribute.h"
#include "stun/error.h"
#include "stun/value.h"

namespace bamgate::stun {

/// Attributes are written in the order of the calls; the header's length is right after each of them. Integrity covers
/// what was written before it, so it comes last but for fingerprint(). A call that does not fit, or whose value the
/// attribute cannot carry, spoils the message: finish() then fails.
class Builder {
 public:
  /// Writes the header. `out` must live until finish().
  Builder(MutableBytes out, Class message_class, Method method, const TransactionId& id);

  /// Any attribute as it is: DATA, USERHASH, or what is echoed without a change, as NONCE.
  Builder& bytes(Attribute attribute, Bytes value);
  /// USERNAME up to 508 bytes (RFC 8489 §14.3), ALTERNATE-DOMAIN up to 255 (§14.16), and REALM, NONCE, SOFTWARE up to
  /// 127 characters (§14.9, §14.10, §14.14); `value` is UTF-8.
  Builder& text(Attribute attribute, std::string_view value);
  /// PRIORITY, CONNECTION-ID.
  Builder& u32(Attribute attribute, std::uint32_t value);
  /// ICE-CONTROLLED, ICE-CONTROLLING.
  Builder& u64(Attribute attribute, std::uint64_t value);
  /// An attribute without value: USE-CANDIDATE (RFC 8445 §7.1.2), DONT-FRAGMENT (RFC 8656 §18.9).
  Builder& flag(Attribute attribute);
  /// MAPPED-ADDRESS, ALTERNATE-SERVER (RFC 8489 §14.1, §14.15).
  Builder& address(Attribute attribute, const Endpoint& endpoint);
  /// XOR-MAPPED-ADDRESS, XOR-PEER-ADDRESS, XOR-RELAYED-ADDRESS (RFC 8489 §14.2).
  Builder& xor_address(Attribute attribute, const Endpoint& endpoint);
  /// REQUESTED- and ADDITIONAL-ADDRESS-FAMILY (RFC 8656 §18.6, §18.11); not kNone.
  Builder& family(Attribute attribute, Family family);

  /// ERROR-CODE (RFC 8489 §14.8); `code` from 300 to 699, `reason` up to 127 characters.
  Builder& error_code(std::uint16_t code, std::string_view reason);
  /// UNKNOWN-ATTRIBUTES (RFC 8489 §14.13).
  Builder& unknown_attributes(std::span<const std::uint16_t> types);
  /// PASSWORD-ALGORITHM (RFC 8489 §14.12).
  Builder& password_algorithm(PasswordAlgorithm algorithm);
  /// PASSWORD-ALGORITHMS (RFC 8489 §14.11), the best first.
  Builder& password_algorithms(std::span<const PasswordAlgorithm> algorithms);

  /// CHANNEL-NUMBER (RFC 8656 §18.1).
  Builder& channel_number(std::uint16_t channel);
  /// LIFETIME (RFC 8656 §18.2), from 0 to 2^32 - 1 s.
  Builder& lifetime(std::chrono::seconds lifetime);
  /// EVEN-PORT (RFC 8656 §18.7).
  Builder& even_port(bool reserve_next);
  /// REQUESTED-TRANSPORT (RFC 8656 §18.8): 17 is UDP, 6 TCP.
  Builder& requested_transport(std::uint8_t protocol);
  /// RESERVATION-TOKEN (RFC 8656 §18.10).
  Builder& reservation_token(const ReservationToken& token) { return bytes(Attribute::kReservationToken, token); }
  /// ADDRESS-ERROR-CODE (RFC 8656 §18.12).
  Builder& address_error_code(const AddressErrorCode& error);
  /// ICMP (RFC 8656 §18.13).
  Builder& icmp(const IcmpError& error);

  /// MESSAGE-INTEGRITY (RFC 8489 §14.5).
  Builder& integrity(Crypto& crypto, Bytes key);
  /// MESSAGE-INTEGRITY-SHA256 (RFC 8489 §14.6), of which `size` bytes are kept: 32, or where the usage allows it fewer,
  /// down to 16 in steps of 4.
  Builder& integrity_sha256(Crypto& crypto, Bytes key, std::size_t size = 32);
  /// FINGERPRINT (RFC 8489 §14.7); the last attribute.
  Builder& fingerprint();

  /// The size of the message in bytes. Errors: kBufferTooSmall, kBadValue.
  std::expected<std::size_t, Error> finish() const;

 private:
  // Writes type and length, and returns the room for the value; the padding behind it is written too.
  MutableBytes begin(Attribute attribute, std::size_t size);
  // Writes class, number and reason of an error.
  void put_error(Writer& value, const ErrorCode& error);
  // Spoils the message unless the attribute can carry the value.
  void require(bool possible) { bad_value_ = bad_value_ || !possible; }

  Writer writer_;
  bool bad_value_ = false;
};

}  // namespace bamgate::stun
