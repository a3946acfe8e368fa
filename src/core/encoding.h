// Text forms of bytes: hex and base64 (RFC 4648 §4 and, for URLs, §5). Decoders accept only what the encoders write.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/bytes.h"

namespace bamgate::inline core {

std::string to_hex(Bytes bytes);
/// Lower or upper case, an even number of digits; nullopt for anything else.
std::optional<std::vector<std::byte>> from_hex(std::string_view text);

/// With padding (RFC 4648 §4).
std::string to_base64(Bytes bytes);
/// Padding is needed, and unused bits must be zero; nullopt for anything else.
std::optional<std::vector<std::byte>> from_base64(std::string_view text);

/// URL-safe alphabet without padding (RFC 4648 §5).
std::string to_base64url(Bytes bytes);
std::optional<std::vector<std::byte>> from_base64url(std::string_view text);

/// Exactly `N` bytes in base64, as keys are written; nullopt for anything else.
template <std::size_t N>
std::optional<std::array<std::byte, N>> array_from_base64(std::string_view text) {
  auto bytes = from_base64(text);
  if (!bytes || bytes->size() != N) return std::nullopt;
  std::array<std::byte, N> array{};
  copy_bytes(*bytes, array);
  wipe(*bytes);
  return array;
}

}  // namespace bamgate::inline core
