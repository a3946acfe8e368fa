// IP addresses and prefixes as values: parse, print (RFC 5952), classify, compare. No socket header is needed.
// Zone identifiers (RFC 4007) are left out: link-local addresses are never candidates here.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/bytes.h"

namespace bamgate::inline core {

enum class Family : std::uint8_t { kNone, kV4, kV6 };

/// One IPv4 or IPv6 address, or none. Ordered by family, then bytes.
class IpAddress {
 public:
  constexpr IpAddress() = default;
  static constexpr IpAddress v4(std::uint8_t a, std::uint8_t b, std::uint8_t c, std::uint8_t d) {
    IpAddress address;
    address.family_ = Family::kV4;
    address.bytes_[0] = std::byte{a};
    address.bytes_[1] = std::byte{b};
    address.bytes_[2] = std::byte{c};
    address.bytes_[3] = std::byte{d};
    return address;
  }
  /// `host` in host byte order: 0x0a640001 is 10.100.0.1.
  static constexpr IpAddress v4(std::uint32_t host) {
    return v4(static_cast<std::uint8_t>(host >> 24), static_cast<std::uint8_t>(host >> 16),
              static_cast<std::uint8_t>(host >> 8), static_cast<std::uint8_t>(host));
  }
  /// 4 bytes make an IPv4 address, 16 an IPv6 one, in network order; any other size makes none.
  static IpAddress from_bytes(Bytes network_order);
  /// Textual form without port, brackets or zone; nullopt for anything else (also for leading zeros in IPv4).
  static std::optional<IpAddress> parse(std::string_view text);

  constexpr Family family() const { return family_; }
  constexpr bool is_v4() const { return family_ == Family::kV4; }
  constexpr bool is_v6() const { return family_ == Family::kV6; }
  /// Network order; 4, 16 or 0 bytes; valid as long as this object is.
  Bytes bytes() const { return Bytes(bytes_.data(), is_v4() ? 4U : is_v6() ? 16U : 0U); }
  /// The IPv4 address in host byte order; 0 for other families.
  std::uint32_t v4_value() const;

  bool is_unspecified() const;
  bool is_loopback() const;
  /// 169.254.0.0/16 and fe80::/10.
  bool is_link_local() const;
  bool is_multicast() const;
  /// ::ffff:0:0/96, which never belongs into a candidate (RFC 8445 §5.1.1.1).
  bool is_v4_mapped() const;
  std::string to_string() const;

  constexpr auto operator<=>(const IpAddress&) const = default;

 private:
  Family family_ = Family::kNone;
  std::array<std::byte, 16> bytes_{};
};

/// An address with the length of its network part in bits, as in "10.100.0.1/16".
struct IpPrefix {
  IpAddress address;
  std::uint8_t length = 0;

  /// "ADDRESS/LENGTH"; a bare address counts as /32 or /128. Host bits may be set.
  static std::optional<IpPrefix> parse(std::string_view text);
  bool contains(const IpAddress& other) const;
  /// The same prefix with its host bits zero.
  IpPrefix network() const;
  std::string to_string() const;

  constexpr auto operator<=>(const IpPrefix&) const = default;
};

}  // namespace bamgate::inline core
