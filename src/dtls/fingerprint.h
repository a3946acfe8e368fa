// The hash by which a session description names a certificate: `a=fingerprint:sha-256 AB:CD:…` (RFC 8122 §5).
// Only SHA-256; other hash functions are left out (RFC 8827 §6.5 makes SHA-256 the one that everybody has).
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "core/bytes.h"

namespace bamgate::dtls {

/// SHA-256 of a certificate in DER.
struct Fingerprint {
  std::array<std::byte, 32> sha256{};

  /// Computes the fingerprint of a certificate in DER.
  static Fingerprint of(Bytes certificate_der);
  /// Reads 32 pairs of hex digits (either case) with colons between them, without the name of the hash function;
  /// nullopt for anything else.
  static std::optional<Fingerprint> parse(std::string_view text);
  /// The form that parse() reads, in upper case (RFC 8122 §5): 95 characters.
  std::string to_string() const;

  /// Compares in constant time.
  friend bool operator==(const Fingerprint& left, const Fingerprint& right) {
    return constant_time_equal(left.sha256, right.sha256);
  }
};

}  // namespace bamgate::dtls
