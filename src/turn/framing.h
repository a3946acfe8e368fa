// Where one message ends and the next begins when they do not come in datagrams of their own: in a stream of TCP or TLS
// (RFC 8656 §12.5; the length stands in each message), and several in one WebSocket message (`GET /turn?batch=1`, one
// behind the other as over TCP).
// STUN messages are multiples of 4 bytes long. ChannelData is padded to one, and the padding is not in its length.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <vector>

#include "core/bytes.h"
#include "core/packet_buffer.h"
#include "turn/error.h"

namespace bamgate::turn {

/// No message is larger: STUN has 20 bytes and a length of 16 bits, ChannelData 4.
inline constexpr std::size_t kLargestFrame = 20 + 0xfffc;

/// How many zeros follow a message of `size` bytes in a stream or batch: 0 to 3.
constexpr std::size_t frame_padding(std::size_t size) { return (4 - size % 4) % 4; }

/// Where the first message of `bytes` ends.
struct FrameSize {
  std::size_t message = 0;  // bytes of the message itself
  std::size_t padded = 0;   // bytes that it takes: with its padding
};

/// nullopt: four bytes are needed to tell. The first bits say which kind it is; ChannelData of a reserved channel has
/// its place in the stream too, since its length is where that of all others is. Error: kBadFrame.
std::expected<std::optional<FrameSize>, Error> next_frame(Bytes bytes);

/// Appends the padding that the message in `packet` needs in a stream or batch. Error: kNoRoom (less tailroom than
/// that); the packet is as before.
std::expected<void, Error> pad_frame(PacketBuffer& packet);

/// Puts a stream together. After an error the stream is lost, since nobody knows where the next message begins.
class StreamReader {
 public:
  /// `limit`: bytes of the largest message, with padding, that is accepted; so much is held at most beside what one
  /// append() brings.
  explicit StreamReader(std::size_t limit = kLargestFrame) : limit_(limit) {}

  /// Takes what came, of any size. Views that next() gave out are invalid from now on.
  void append(Bytes received);
  /// The next message, without padding; nullopt: more must come. The view may be written to, and is valid until
  /// append(). Errors: kBadFrame, kFrameTooLarge; from then on each call fails.
  std::expected<std::optional<MutableBytes>, Error> next();

  /// Bytes of a message that is not complete yet.
  std::size_t held() const { return buffer_.size() - begin_; }

 private:
  std::size_t limit_;
  std::vector<std::byte> buffer_;
  std::size_t begin_ = 0;
  std::optional<Error> failed_;
};

/// Takes one WebSocket message apart into the messages that it carries, without a copy.
class BatchReader {
 public:
  explicit BatchReader(MutableBytes batch) : rest_(batch) {}
  /// The next message, without padding; nullopt at the end. The last one may come without padding.
  /// Errors: kBadFrame, kTruncated; nothing more comes after one.
  std::expected<std::optional<MutableBytes>, Error> next();

 private:
  MutableBytes rest_;
};

/// Collects messages for one WebSocket message in a buffer of the caller.
class BatchWriter {
 public:
  explicit BatchWriter(MutableBytes out) : out_(out) {}
  /// Appends a copy of the message, padded. False: it does not fit any more, and nothing was written.
  [[nodiscard]] bool add(Bytes message);
  std::size_t size() const { return size_; }
  Bytes written() const { return out_.first(size_); }

 private:
  MutableBytes out_;
  std::size_t size_ = 0;
};

}  // namespace bamgate::turn
