#include "sctp/usrsctp_packet.h"

#include <algorithm>

#include "core/reader.h"

namespace bamgate::sctp {
namespace {

constexpr std::uint8_t kDataType = 0;

}  // namespace

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
  Reader reader(packet_.subspan(begin_, end_ - begin_));
  const std::uint8_t type = reader.u8();
  reader.skip(1);
  const std::size_t length = reader.u16();
  const std::uint32_t tsn = reader.u32();
  if (type != kDataType || !reader.ok() || length < kDataHeader) return std::nullopt;
  return DataChunk{tsn, length - kDataHeader};
}

std::optional<std::size_t> find_cut(Bytes packet, std::size_t limit) {
  if (packet.size() <= limit) return std::nullopt;
  std::optional<std::size_t> cut;
  for (ChunkWalk walk(packet); walk.next() && walk.end() <= limit;) cut = walk.end();
  return cut;
}

}  // namespace bamgate::sctp
