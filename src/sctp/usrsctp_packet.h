// What we look at in the packets that usrsctp makes: which DATA chunks they carry, and where one that is too long can
// be cut in two. usrsctp forgets the common header when it bundles chunks over AF_CONN: its packets may be 12 bytes
// longer than the path MTU.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "core/bytes.h"

namespace bamgate::sctp {

/// RFC 9260 §3: ports, verification tag, checksum.
inline constexpr std::size_t kCommonHeader = 12;
/// RFC 9260 §3.2: type, flags, length.
inline constexpr std::size_t kChunkHeader = 4;
/// RFC 9260 §3.3.1: what stands before the content of a DATA chunk, its header included.
inline constexpr std::size_t kDataHeader = 16;

/// A DATA chunk's number and its bytes of content.
struct DataChunk {
  std::uint32_t tsn = 0;
  std::size_t size = 0;
};

/// Walks the chunks of one packet; ends at the first that does not fit.
class ChunkWalk {
 public:
  explicit ChunkWalk(Bytes packet) : packet_(packet) {}
  /// Goes to the next chunk; false at the end.
  bool next();
  /// Where the chunk begins, in bytes from the start of the packet.
  std::size_t begin() const { return begin_; }
  /// Where the next one would begin.
  std::size_t end() const { return end_; }
  /// Set when the chunk is DATA.
  std::optional<DataChunk> data() const;

 private:
  Bytes packet_;
  std::size_t begin_ = 0;
  std::size_t end_ = kCommonHeader;
};

/// Where to cut `packet` so that the front part has at most `limit` bytes and both parts hold whole chunks. nullopt
/// when the packet is short enough, or when its first chunk alone is too long.
std::optional<std::size_t> find_cut(Bytes packet, std::size_t limit);

}  // namespace bamgate::sctp
