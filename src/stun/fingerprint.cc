#include "stun/fingerprint.h"

#include <array>

namespace bamgate::stun {
namespace {

// RFC 8489 §14.7: the CRC-32 of ITU V.42, exclusive-or 0x5354554e.
constexpr std::uint32_t kPolynomial = 0xedb88320;
constexpr std::uint32_t kMask = 0x5354554e;

constexpr std::array<std::uint32_t, 256> make_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value & 1) != 0 ? value >> 1 ^ kPolynomial : value >> 1;
    table[i] = value;
  }
  return table;
}

constexpr std::array<std::uint32_t, 256> kTable = make_table();

}  // namespace

std::uint32_t fingerprint(Bytes message) {
  std::uint32_t crc = 0xffffffff;
  for (const std::byte byte : message) crc = kTable[(crc ^ std::to_integer<std::uint32_t>(byte)) & 0xff] ^ crc >> 8;
  return ~crc ^ kMask;
}

}  // namespace bamgate::stun
