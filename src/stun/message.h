// Reads STUN messages (RFC 8489 §5, §6.3, §14): a checked view over the bytes of a datagram, without a copy.
// Leaves out the classic STUN of RFC 3489 (no magic cookie). Writing is in builder.h, checking integrity in
// integrity.h.
#pragma once

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

/// What an ERROR-CODE attribute says.
struct ErrorCode {
  std::uint16_t code = 0;   // 300 to 699
  std::string_view reason;  // a view into the message
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
  std::optional<std::string_view> text(Attribute attribute) const;  // not checked for UTF-8
  std::optional<std::uint32_t> u32(Attribute attribute) const;
  std::optional<std::uint64_t> u64(Attribute attribute) const;
  /// MAPPED-ADDRESS (RFC 8489 §14.1).
  std::optional<Endpoint> address(Attribute attribute) const;
  /// XOR-MAPPED-ADDRESS and the like (RFC 8489 §14.2).
  std::optional<Endpoint> xor_address(Attribute attribute) const;
  /// Every address of this type, as CreatePermission may carry several (RFC 8656 §9.1); at most `limit`.
  std::vector<Endpoint> xor_addresses(Attribute attribute, std::size_t limit) const;
  /// XOR-MAPPED-ADDRESS, or MAPPED-ADDRESS where an old server sends no other.
  std::optional<Endpoint> mapped_address() const;
  std::optional<ErrorCode> error_code() const;
  /// CHANNEL-NUMBER (RFC 8656 §18.1): the upper 16 bits of its value.
  std::optional<std::uint16_t> channel_number() const;
  /// REQUESTED-TRANSPORT (RFC 8656 §18.7): the protocol number, 17 for UDP.
  std::optional<std::uint8_t> requested_transport() const;

  /// Types of comprehension-required attributes that are not in `known`; at most 8, each once (RFC 8489 §6.3.1).
  std::vector<std::uint16_t> unknown_required(std::span<const Attribute> known) const;

 private:
  Message() = default;
  std::optional<Endpoint> decode_xor_address(Bytes value) const;

  Bytes bytes_;
  Class class_ = Class::kRequest;
  Method method_ = Method::kBinding;
  TransactionId id_{};
  bool has_fingerprint_ = false;
};

}  // namespace bamgate::stun
