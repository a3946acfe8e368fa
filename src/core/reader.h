// Reads numbers and bytes from untrusted input; never past the end.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>

#include "core/bytes.h"

namespace bamgate::inline core {

/// A cursor over `input`. A read past the end returns zero or nothing and makes ok() false for good; so a parser may
/// read a whole header and ask once.
class Reader {
 public:
  explicit Reader(Bytes input) : rest_(input) {}

  bool ok() const { return ok_; }
  std::size_t remaining() const { return rest_.size(); }
  bool at_end() const { return rest_.empty(); }

  std::uint8_t u8() { return big<std::uint8_t>(); }
  std::uint16_t u16() { return big<std::uint16_t>(); }
  std::uint32_t u24() {
    const std::uint32_t high = u8();
    return high << 16 | u16();
  }
  std::uint32_t u32() { return big<std::uint32_t>(); }
  std::uint64_t u64() { return big<std::uint64_t>(); }
  std::uint32_t u32_le() { return little<std::uint32_t>(); }
  std::uint64_t u64_le() { return little<std::uint64_t>(); }

  /// The next `count` bytes, a view into the input; empty (and not ok) when fewer are left.
  Bytes bytes(std::size_t count) {
    if (count > rest_.size()) {
      ok_ = false;
      rest_ = {};
      return {};
    }
    const Bytes taken = rest_.first(count);
    rest_ = rest_.subspan(count);
    return taken;
  }
  void skip(std::size_t count) { bytes(count); }
  Bytes rest() { return bytes(rest_.size()); }

 private:
  template <std::unsigned_integral T>
  T big() {
    std::uint64_t value = 0;
    for (const std::byte byte : bytes(sizeof(T))) value = value << 8 | std::to_integer<std::uint64_t>(byte);
    return static_cast<T>(value);
  }
  template <std::unsigned_integral T>
  T little() {
    std::uint64_t value = 0;
    unsigned shift = 0;
    for (const std::byte byte : bytes(sizeof(T))) {
      value |= std::to_integer<std::uint64_t>(byte) << shift;
      shift += 8;
    }
    return static_cast<T>(value);
  }

  Bytes rest_;
  bool ok_ = true;
};

}  // namespace bamgate::inline core
