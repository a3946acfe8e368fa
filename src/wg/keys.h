// The long-term keys of a device: Curve25519 key pair (RFC 7748) and the optional pre-shared key (paper §5.2).
// Text form is base64 of 32 bytes, as `wg genkey` and `wg pubkey` write it.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "core/bytes.h"
#include "core/random.h"

namespace bamgate::wg {

inline constexpr std::size_t kKeySize = 32;

/// A Curve25519 public key: the name of a device.
struct PublicKey {
  std::array<std::byte, kKeySize> bytes{};

  /// 44 characters of base64; nullopt for anything else.
  static std::optional<PublicKey> parse(std::string_view base64);
  std::string to_string() const;
  auto operator<=>(const PublicKey&) const = default;
};

/// A Curve25519 private key, always clamped (RFC 7748 §5), wiped when destroyed or moved from.
class PrivateKey {
 public:
  /// A new key out of 32 bytes of `random`.
  static PrivateKey generate(Random& random);
  /// 44 characters of base64; nullopt for anything else. Clamps.
  static std::optional<PrivateKey> parse(std::string_view base64);
  /// Clamps a copy of `bytes`.
  static PrivateKey from_bytes(std::span<const std::byte, kKeySize> bytes);

  PublicKey public_key() const;
  /// The secret in base64. The caller wipes it or gives it to the user.
  std::string to_base64() const;
  /// A view, valid as long as this object is.
  std::span<const std::byte, kKeySize> bytes() const { return secret_.bytes(); }
  /// In constant time.
  bool operator==(const PrivateKey& other) const { return constant_time_equal(bytes(), other.bytes()); }

 private:
  PrivateKey() = default;
  Secret<kKeySize> secret_;
};

/// 32 bytes that both peers know besides their keys; all zero stands for none. Wiped when destroyed or moved from.
class PresharedKey {
 public:
  PresharedKey() = default;
  explicit PresharedKey(std::span<const std::byte, kKeySize> bytes) : secret_(bytes) {}
  static PresharedKey generate(Random& random);
  /// 44 characters of base64; nullopt for anything else.
  static std::optional<PresharedKey> parse(std::string_view base64);

  /// The secret in base64. The caller wipes it or gives it to the user.
  std::string to_base64() const;
  /// A view, valid as long as this object is.
  std::span<const std::byte, kKeySize> bytes() const { return secret_.bytes(); }

 private:
  Secret<kKeySize> secret_;
};

}  // namespace bamgate::wg
