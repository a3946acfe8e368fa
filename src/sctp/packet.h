// The outside of SCTP packets (RFC 9260 §3): common header, checksum, and a walk over the chunks that checks nothing
// but their lengths. What a chunk means is the engine's business.
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

/// RFC 9260 §3.2 and, for the last, RFC 6525 §3.1; those that this layer tells apart.
enum class ChunkType : std::uint8_t {
  kData = 0,
  kInit = 1,
  kInitAck = 2,
  kSack = 3,
  kAbort = 6,
  kShutdown = 7,
  kCookieEcho = 10,
  kShutdownComplete = 14,
  kReconfig = 130,
};

struct CommonHeader {
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
  std::uint32_t verification_tag = 0;
};

/// Needs kCommonHeader bytes.
CommonHeader read_common_header(Bytes packet);
/// True when the packet's CRC32c is right (RFC 9260 §6.8). Needs kCommonHeader bytes.
[[nodiscard]] bool has_right_checksum(Bytes packet);
/// Writes the CRC32c of `packet` into its common header. Needs kCommonHeader bytes.
void write_checksum(MutableBytes packet);

/// Serial number arithmetic (RFC 9260 §1.6): true when `tsn` comes after `reference`.
constexpr bool is_after(std::uint32_t tsn, std::uint32_t reference) {
  return static_cast<std::int32_t>(tsn - reference) > 0;
}

/// RFC 9260 §3.3.1: flags of a DATA chunk.
inline constexpr std::byte kEndsFlag{0x01};
inline constexpr std::byte kBeginsFlag{0x02};
inline constexpr std::byte kUnorderedFlag{0x04};
/// Where every chunk's flags are.
inline constexpr std::size_t kChunkFlags = 1;

/// What stands in the header of a DATA chunk.
struct DataChunk {
  std::uint32_t tsn = 0;
  std::uint16_t stream = 0;
  bool unordered = false;
  bool begins = false;   // the first fragment of its message
  bool ends = false;     // the last
  std::size_t size = 0;  // bytes of content
};

/// Walks the chunks of one packet; ends at the first that does not fit.
class ChunkWalk {
 public:
  explicit ChunkWalk(Bytes packet) : packet_(packet) {}
  /// Goes to the next chunk; false at the end.
  bool next();
  ChunkType type() const { return static_cast<ChunkType>(packet_[begin_]); }
  std::byte flags() const { return packet_[begin_ + kChunkFlags]; }
  /// The chunk with its header and, where it is there, its padding.
  Bytes bytes() const { return packet_.subspan(begin_, end_ - begin_); }
  /// Set when the chunk is DATA.
  std::optional<DataChunk> data() const;
  /// Four bytes in network order, `offset` bytes into the chunk; nullopt when it is shorter.
  std::optional<std::uint32_t> number_at(std::size_t offset) const;

 private:
  Bytes packet_;
  std::size_t begin_ = 0;
  std::size_t end_ = kCommonHeader;
};

}  // namespace bamgate::sctp
