// Turns the bytes of a fuzzer's input into numbers, texts and commands. Past the end everything is zero or empty, so a
// target reads commands until at_end() and needs no length checks.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/bytes.h"
#include "core/reader.h"

namespace bamgate::fuzz {

/// What libFuzzer hands over, as bytes.
inline Bytes input_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const std::byte*>(data), size};
}

class Decoder {
 public:
  explicit Decoder(Bytes input) : reader_(input) {}

  bool at_end() const { return reader_.at_end(); }
  std::uint8_t u8() { return reader_.u8(); }
  std::uint16_t u16() { return reader_.u16(); }
  std::uint32_t u32() { return reader_.u32(); }
  bool flag() { return (u8() & 1) != 0; }
  /// 0 to `bound` - 1; one byte of input for bounds up to 256, else two.
  std::size_t below(std::size_t bound) { return (bound <= 256 ? u8() : u16()) % bound; }
  /// A length of one byte (255: two more follow), then as many bytes, or what is left of them; a view into the input.
  Bytes bytes() {
    std::size_t size = u8();
    if (size == 255) size = u16();
    return reader_.bytes(std::min(size, reader_.remaining()));
  }
  std::string_view text() { return as_text(bytes()); }
  /// A copy that a layer may change in place; exactly as large, so that the sanitizer sees a read behind its end.
  std::vector<std::byte> copy() {
    const Bytes view = bytes();
    return {view.begin(), view.end()};
  }
  Bytes rest() { return reader_.rest(); }

 private:
  Reader reader_;
};

}  // namespace bamgate::fuzz
