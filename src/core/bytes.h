// Views of bytes, and what is done to them everywhere: compare in constant time, wipe, view text as bytes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace bamgate::inline core {

using Bytes = std::span<const std::byte>;
using MutableBytes = std::span<std::byte>;

/// Views the characters of `text` as bytes; valid as long as the text is.
inline Bytes as_bytes(std::string_view text) { return std::as_bytes(std::span(text.data(), text.size())); }

/// Views `bytes` as characters; valid as long as the bytes are.
inline std::string_view as_text(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

/// Compares without a branch on the content, so that the time tells nothing about where two secrets differ.
/// The lengths are not secret: different lengths return false at once.
[[nodiscard]] inline bool constant_time_equal(Bytes left, Bytes right) {
  if (left.size() != right.size()) return false;
  std::byte difference{0};
  for (std::size_t i = 0; i < left.size(); ++i) difference |= left[i] ^ right[i];
  return difference == std::byte{0};
}

/// Overwrites `secret` with zeros; the compiler may not leave it out although nobody reads the bytes again.
inline void wipe(MutableBytes secret) {
  if (secret.empty()) return;
  std::memset(secret.data(), 0, secret.size());
  asm volatile("" : : "r"(secret.data()) : "memory");
}

/// Copies as many bytes as both sides hold.
inline void copy_bytes(Bytes from, MutableBytes to) {
  const std::size_t count = from.size() < to.size() ? from.size() : to.size();
  if (count != 0) std::memcpy(to.data(), from.data(), count);
}

/// `N` secret bytes that are wiped when they are destroyed or moved from.
template <std::size_t N>
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::span<const std::byte, N> bytes) { copy_bytes(bytes, bytes_); }
  Secret(const Secret&) = default;
  Secret& operator=(const Secret&) = default;
  Secret(Secret&& other) noexcept : bytes_(other.bytes_) { wipe(other.bytes_); }
  Secret& operator=(Secret&& other) noexcept {
    if (this != &other) {
      bytes_ = other.bytes_;
      wipe(other.bytes_);
    }
    return *this;
  }
  ~Secret() { wipe(bytes_); }

  std::span<const std::byte, N> bytes() const { return bytes_; }
  std::span<std::byte, N> mutable_bytes() { return bytes_; }

 private:
  std::array<std::byte, N> bytes_{};
};

}  // namespace bamgate::inline core
