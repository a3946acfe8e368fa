// Writes numbers and bytes into a buffer of the caller; never past its end.
#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>

#include "core/bytes.h"

namespace bamgate::inline core {

/// `value` as it stands on the wire, where no buffer waits for it: to be hashed, shown or compared.
template <std::unsigned_integral T>
constexpr std::array<std::byte, sizeof(T)> big_endian(T value) {
  std::array<std::byte, sizeof(T)> bytes{};
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    bytes[i] = static_cast<std::byte>(value >> (8 * (sizeof(T) - 1 - i)) & 0xff);
  }
  return bytes;
}

/// A cursor over `output`. A write past the end writes nothing and makes ok() false for good.
class Writer {
 public:
  explicit Writer(MutableBytes output) : output_(output) {}

  bool ok() const { return ok_; }
  std::size_t size() const { return size_; }
  Bytes written() const { return output_.first(size_); }

  void u8(std::uint8_t value) { big(value); }
  void u16(std::uint16_t value) { big(value); }
  void u24(std::uint32_t value) {
    u8(static_cast<std::uint8_t>(value >> 16));
    u16(static_cast<std::uint16_t>(value));
  }
  void u32(std::uint32_t value) { big(value); }
  void u64(std::uint64_t value) { big(value); }
  void u32_le(std::uint32_t value) { little(value); }
  void u64_le(std::uint64_t value) { little(value); }
  void bytes(Bytes value) { copy_bytes(value, take(value.size())); }
  void zeros(std::size_t count) {
    for (std::byte& byte : take(count)) byte = std::byte{0};
  }
  /// The next `count` bytes, to be filled by the caller; empty (and not ok) when the buffer is too small.
  MutableBytes take(std::size_t count) {
    if (!ok_ || count > output_.size() - size_) {
      ok_ = false;
      return {};
    }
    size_ += count;
    return output_.subspan(size_ - count, count);
  }
  /// Overwrites two bytes that were written before, at `offset` bytes from the start.
  void patch_u16(std::size_t offset, std::uint16_t value) {
    if (!ok_ || offset + 2 > size_) return;
    copy_bytes(big_endian(value), output_.subspan(offset));
  }

 private:
  template <std::unsigned_integral T>
  void big(T value) {
    bytes(big_endian(value));
  }
  template <std::unsigned_integral T>
  void little(T value) {
    const MutableBytes to = take(sizeof(T));
    for (std::size_t i = 0; i < to.size(); ++i) to[i] = static_cast<std::byte>(value >> (8 * i) & 0xff);
  }

  MutableBytes output_;
  std::size_t size_ = 0;
  bool ok_ = true;
};

}  // namespace bamgate::inline core
