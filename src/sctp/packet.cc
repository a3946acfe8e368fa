#include "sctp/packet.h"

#include <algorithm>
#include <array>

#include "core/reader.h"
#include "sctp/crc32c.h"

namespace bamgate::sctp {
namespace {

constexpr std::size_t kChecksumOffset = 8;
constexpr std::array<std::byte, 4> kNoChecksum{};

// RFC 9260 §6.8: computed with zeros in the place of the checksum; its least significant byte travels first.
std::array<std::byte, 4> checksum_of(Bytes packet) {
  std::uint32_t crc = crc32c(packet.first(kChecksumOffset));
  crc = crc32c(kNoChecksum, crc);
  crc = crc32c(packet.subspan(kCommonHeader), crc);
  std::array<std::byte, 4> result;
  for (std::size_t i = 0; i < result.size(); ++i) result[i] = static_cast<std::byte>(crc >> (8 * i) & 0xff);
  return result;
}

}  // namespace

CommonHeader read_common_header(Bytes packet) {
  Reader reader(packet);
  CommonHeader header;
  header.source_port = reader.u16();
  header.destination_port = reader.u16();
  header.verification_tag = reader.u32();
  return header;
}

bool has_right_checksum(Bytes packet) {
  return std::ranges::equal(packet.subspan(kChecksumOffset, kNoChecksum.size()), checksum_of(packet));
}

void write_checksum(MutableBytes packet) {
  copy_bytes(checksum_of(packet), packet.subspan(kChecksumOffset, kNoChecksum.size()));
}

bool ChunkWalk::next() {
  begin_ = end_;
  if (packet_.size() < begin_ + kChunkHeader) return false;
  Reader reader(packet_.subspan(begin_));
  reader.skip(2);
  const std::size_t length = reader.u16();
  if (length < kChunkHeader || length > packet_.size() - begin_) return false;
  // The padding of the last chunk may be missing.
  end_ = std::min(packet_.size(), begin_ + (length + 3) / 4 * 4);
  return true;
}

std::optional<DataChunk> ChunkWalk::data() const {
  Reader reader(bytes());
  reader.skip(2);
  const std::size_t length = reader.u16();
  DataChunk chunk;
  chunk.tsn = reader.u32();
  chunk.stream = reader.u16();
  if (type() != ChunkType::kData || !reader.ok() || length < kDataHeader) return std::nullopt;
  chunk.unordered = (flags() & kUnorderedFlag) != std::byte{};
  chunk.begins = (flags() & kBeginsFlag) != std::byte{};
  chunk.ends = (flags() & kEndsFlag) != std::byte{};
  chunk.size = length - kDataHeader;
  return chunk;
}

std::optional<std::uint32_t> ChunkWalk::number_at(std::size_t offset) const {
  Reader reader(bytes());
  reader.skip(offset);
  const std::uint32_t number = reader.u32();
  return reader.ok() ? std::optional(number) : std::nullopt;
}

}  // namespace bamgate::sctp
