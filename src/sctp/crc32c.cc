#include "sctp/crc32c.h"

#include <array>
#include <cstddef>
#include <cstring>

namespace bamgate::sctp {
namespace {

// RFC 9260 appendix A: the polynomial 0x1EDC6F41, its bits in reverse.
constexpr std::uint32_t kPolynomial = 0x82f63b78;
constexpr std::size_t kStride = 8;

using Table = std::array<std::uint32_t, 256>;

// Table k tells what a byte does to the remainder when k more bytes follow it.
constexpr std::array<Table, kStride> make_tables() {
  std::array<Table, kStride> tables{};
  for (std::uint32_t value = 0; value < 256; ++value) {
    std::uint32_t remainder = value;
    for (int bit = 0; bit < 8; ++bit) remainder = remainder >> 1 ^ ((remainder & 1) != 0 ? kPolynomial : 0);
    tables[0][value] = remainder;
  }
  for (std::size_t k = 1; k < kStride; ++k) {
    for (std::size_t value = 0; value < 256; ++value) {
      const std::uint32_t shorter = tables[k - 1][value];
      tables[k][value] = shorter >> 8 ^ tables[0][shorter & 0xff];
    }
  }
  return tables;
}

constexpr std::array<Table, kStride> kTables = make_tables();

std::uint32_t octet(Bytes bytes, std::size_t at) { return std::to_integer<std::uint32_t>(bytes[at]); }

}  // namespace

std::uint32_t crc32c(Bytes bytes, std::uint32_t before) {
  std::uint32_t remainder = ~before;
  for (; bytes.size() >= kStride; bytes = bytes.subspan(kStride)) {
    const std::uint32_t low =
        remainder ^ (octet(bytes, 0) | octet(bytes, 1) << 8 | octet(bytes, 2) << 16 | octet(bytes, 3) << 24);
    remainder = kTables[7][low & 0xff] ^ kTables[6][low >> 8 & 0xff] ^ kTables[5][low >> 16 & 0xff] ^
                kTables[4][low >> 24] ^ kTables[3][octet(bytes, 4)] ^ kTables[2][octet(bytes, 5)] ^
                kTables[1][octet(bytes, 6)] ^ kTables[0][octet(bytes, 7)];
  }
  for (const std::byte byte : bytes) {
    remainder = remainder >> 8 ^ kTables[0][(remainder ^ std::to_integer<std::uint32_t>(byte)) & 0xff];
  }
  return ~remainder;
}

}  // namespace bamgate::sctp
