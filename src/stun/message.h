// Reads STUN messages (RFC 8489 §5, §6.3, §14) with the attributes of ICE (RFC 8445 §16.1) and TURN (RFC 8656 §18,
// RFC 6062 §6.2): a checked view over the bytes of a datagram, without a copy.
// Leaves out the classic STUN of RFC 3489 (no magic cookie) and any check that texts are UTF-8. Writing is in
// builder.h, checking integrity in integrity.h.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "core/endpoint.h"
#include "core/random.h"
#include "core/reader.h"
#include "stun/attribute.h"
#include "stun/error.h"
#include "stun/value.h"

namespace bamgate::stun {

/// A quick look for demultiplexers (RFC 7983 §7): two zero bits, the magic cookie and room for a header. parse()
/// decides.
bool is_stun(Bytes datagram);

/// A fresh transaction id.
TransactionId make_transaction_id(Random& random);

/// One attribute as it stands in the message; `value` is without padding.
struct RawAttribute {
  std::uint16_t type = 0;
  Bytes value;
  std::size_t offset = 0;  // of the attribute's header from the start of the message, in bytes

  bool is(Attribute attribute) const { return type == static_cast<std::uint16_t>(attribute); }
};

/// A parsed message: a view into the datagram, valid as long as that is. Cheap to copy.
class Message {
 public:
  /// Checks header, length, the form of every attribute's frame, and FINGERPRINT where it is present.
  /// Errors: kNotStun, kBadLength, kBadAttribute, kBadFingerprint.
  static std::expected<Message, Error> parse(Bytes datagram);

  Class message_class() const { return class_; }
  Method method() const { return method_; }
  bool is(Class message_class, Method method) const { return class_ == message_class && method_ == method; }
  const TransactionId& id() const { return id_; }
  Bytes bytes() const { return bytes_; }
  bool has_fingerprint() const { return has_fingerprint_; }

  /// Walks the attributes in order; also over those that integrity does not cover.
  class Attributes {
   public:
    explicit Attributes(Bytes message) : reader_(message), size_(message.size()) { reader_.skip(kHeaderSize); }
    /// The next attribute; nullopt at the end.
    std::optional<RawAttribute> next();
    /// The same without those that are to be ignored: RFC 8489 §14.5, §14.6: integrity does not cover what stands
    /// behind it, except MESSAGE-INTEGRITY-SHA256 and FINGERPRINT. Use one of the two on an object, not both.
    std::optional<RawAttribute> next_covered();

   private:
    Reader reader_;
    std::size_t size_;
    bool after_integrity_ = false;
    bool after_sha256_ = false;
  };
  Attributes attributes() const { return Attributes(bytes_); }

  /// The first attribute of this type among those that next_covered() returns.
  std::optional<RawAttribute> find(Attribute attribute) const;
  bool has(Attribute attribute) const { return find(attribute).has_value(); }

  // Values by form; nullopt when the attribute is missing or its value does not have that form.
  std::optional<Bytes> bytes(Attribute attribute) const;
  /// RFC 8489 §14.3, §14.9, §14.10, §14.14: up to 763 bytes; a longer one counts as missing. Not checked for UTF-8.
  std::optional<std::string_view> text(Attribute attribute) const;
  /// PRIORITY (RFC 8445 §7.1.1), CONNECTION-ID (RFC 6062 §6.2.1).
  std::optional<std::uint32_t> u32(Attribute attribute) const;
  /// ICE-CONTROLLED, ICE-CONTROLLING (RFC 8445 §7.1.3): the tie-breaker.
  std::optional<std::uint64_t> u64(Attribute attribute) const;
  /// MAPPED-ADDRESS, ALTERNATE-SERVER (RFC 8489 §14.1, §14.15).
  std::optional<Endpoint> address(Attribute attribute) const;
  /// XOR-MAPPED-ADDRESS, XOR-PEER-ADDRESS, XOR-RELAYED-ADDRESS (RFC 8489 §14.2, RFC 8656 §18.3, §18.5).
  std::optional<Endpoint> xor_address(Attribute attribute) const;
  /// Every address of this type, at most `limit`: a redirection may name one server of each family (RFC 8489 §10).
  std::vector<Endpoint> addresses(Attribute attribute, std::size_t limit) const;
  /// The same for mixed ones: CreatePermission may carry several peers (RFC 8656 §10.1), a dual allocation two relays.
  std::vector<Endpoint> xor_addresses(Attribute attribute, std::size_t limit) const;
  /// REQUESTED- and ADDITIONAL-ADDRESS-FAMILY (RFC 8656 §18.6, §18.11); kNone for a number that is no family.
  std::optional<Family> family(Attribute attribute) const;

  /// XOR-MAPPED-ADDRESS, or MAPPED-ADDRESS where an old server sends no other.
  std::optional<Endpoint> mapped_address() const;
  /// ERROR-CODE (RFC 8489 §14.8).
  std::optional<ErrorCode> error_code() const;
  /// UNKNOWN-ATTRIBUTES (RFC 8489 §14.13); at most the first 8 of them.
  std::optional<std::vector<std::uint16_t>> unknown_attributes() const;
  /// USERHASH (RFC 8489 §14.4): 32 bytes.
  std::optional<Bytes> user_hash() const;
  /// PASSWORD-ALGORITHM (RFC 8489 §14.12); nullopt too when parameters follow, since MD5 and SHA-256 have none.
  std::optional<PasswordAlgorithm> password_algorithm() const;
  /// PASSWORD-ALGORITHMS (RFC 8489 §14.11) in the order of the message, at most 8, without those with parameters.
  std::optional<std::vector<PasswordAlgorithm>> password_algorithms() const;
  /// ALTERNATE-DOMAIN (RFC 8489 §14.16): up to 255 bytes; not checked for being a name.
  std::optional<std::string_view> alternate_domain() const;

  /// CHANNEL-NUMBER (RFC 8656 §18.1): the upper 16 bits of its value.
  std::optional<std::uint16_t> channel_number() const;
  /// LIFETIME (RFC 8656 §18.2).
  std::optional<std::chrono::seconds> lifetime() const;
  /// EVEN-PORT (RFC 8656 §18.7): whether the next higher port is to be reserved too.
  std::optional<bool> even_port() const;
  /// REQUESTED-TRANSPORT (RFC 8656 §18.8): the protocol number, 17 for UDP, 6 for TCP (RFC 6062 §4.1).
  std::optional<std::uint8_t> requested_transport() const;
  /// RESERVATION-TOKEN (RFC 8656 §18.10).
  std::optional<ReservationToken> reservation_token() const;
  /// ADDRESS-ERROR-CODE (RFC 8656 §18.12).
  std::optional<AddressErrorCode> address_error_code() const;
  /// ICMP (RFC 8656 §18.13).
  std::optional<IcmpError> icmp() const;

  /// Types of comprehension-required attributes that are not in `known`; at most 8, each once (RFC 8489 §6.3.1).
  std::vector<std::uint16_t> unknown_required(std::span<const Attribute> known) const;
  /// Whether there is none: else an indication is dropped (RFC 8489 §6.3.2), and a response fails its transaction
  /// (§6.3.3, §6.3.4).
  bool understood(std::span<const Attribute> known) const { return unknown_required(known).empty(); }

 private:
  Message() = default;
  std::optional<Endpoint> decode_xor_address(Bytes value) const;
  template <typename Decode>
  std::vector<Endpoint> every_address(Attribute attribute, std::size_t limit, Decode decode) const;

  Bytes bytes_;
  Class class_ = Class::kRequest;
  Method method_ = Method::kBinding;
  TransactionId id_{};
  bool has_fingerprint_ = false;
};

}  // namespace bamgate::stun
