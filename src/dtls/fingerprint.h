// The hash by which a session description names a certificate: `a=fingerprint:sha-256 AB:CD:…` (RFC 8122 §5), and the
// set of them that one description may hold (§5.1). Only SHA-256; other hash functions are passed over, as RFC 8122 §5
// makes SHA-256 the one that everybody has.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

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

/// The fingerprints of one description. A certificate is the promised one when any of them names it: whoever has
/// several certificates lists one fingerprint for each (RFC 8122 §5.1).
class Fingerprints {
 public:
  /// More than that in one description are passed over.
  static constexpr std::size_t kMax = 16;

  Fingerprints() = default;
  /// Not explicit: one fingerprint is the common case.
  Fingerprints(const Fingerprint& only) : all_{only} {}
  /// Contains every fingerprint: the peer may be anybody. Only for looking at DTLS by itself, where a person judges the
  /// fingerprint that is shown; no description leads to it.
  static Fingerprints anybody();

  /// Takes the value of an `a=fingerprint` line: the name of the hash function in either case, a space, the hex digits.
  /// Those of other hash functions are passed over. False: it names SHA-256, but Fingerprint::parse() refuses the rest.
  bool add_attribute(std::string_view value);
  void add(const Fingerprint& fingerprint);
  /// Compares with all of them, in constant time.
  bool contain(const Fingerprint& fingerprint) const;
  bool empty() const { return all_.empty() && !anybody_; }
  /// In the order of the description; valid until something is added.
  std::span<const Fingerprint> all() const { return all_; }

  bool operator==(const Fingerprints&) const = default;

 private:
  std::vector<Fingerprint> all_;
  bool anybody_ = false;
};

}  // namespace bamgate::dtls
