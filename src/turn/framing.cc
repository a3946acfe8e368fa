#include "turn/framing.h"

#include <utility>

#include "core/reader.h"
#include "turn/channel_data.h"

namespace bamgate::turn {
namespace {

// Where the length of either kind ends: enough to tell how long the message is.
constexpr std::size_t kEnough = 4;
constexpr std::size_t kStunHeader = 20;

void put_zeros(MutableBytes out) {
  for (std::byte& byte : out) byte = std::byte{0};
}

}  // namespace

std::expected<std::optional<FrameSize>, Error> next_frame(Bytes bytes) {
  if (bytes.size() < kEnough) return std::nullopt;
  Reader reader(bytes);
  reader.skip(2);
  const std::size_t length = reader.u16();
  if (is_channel_data(bytes)) {
    const std::size_t message = kChannelHeader + length;
    return FrameSize{.message = message, .padded = message + frame_padding(message)};
  }
  // RFC 8489 §5: the first two bits of STUN are zero, and its length is a multiple of 4.
  if ((bytes[0] & std::byte{0xc0}) != std::byte{0} || length % 4 != 0) return std::unexpected(Error::kBadFrame);
  return FrameSize{.message = kStunHeader + length, .padded = kStunHeader + length};
}

std::expected<void, Error> pad_frame(PacketBuffer& packet) {
  const std::size_t padding = frame_padding(packet.size());
  if (packet.tailroom() < padding) return std::unexpected(Error::kNoRoom);
  put_zeros(packet.append(padding));
  return {};
}

void StreamReader::append(Bytes received) {
  if (failed_) return;
  // What was handed out is given up here, and not in next(), whose views must live on.
  buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(begin_));
  begin_ = 0;
  buffer_.insert(buffer_.end(), received.begin(), received.end());
}

std::expected<std::optional<MutableBytes>, Error> StreamReader::next() {
  if (failed_) return std::unexpected(*failed_);
  const MutableBytes rest = MutableBytes(buffer_).subspan(begin_);
  const auto frame = next_frame(rest);
  if (!frame) failed_ = frame.error();
  if (frame && *frame && (*frame)->padded > limit_) failed_ = Error::kFrameTooLarge;
  if (failed_) {
    buffer_ = {};
    begin_ = 0;
    return std::unexpected(*failed_);
  }
  if (!*frame || rest.size() < (*frame)->padded) return std::nullopt;
  begin_ += (*frame)->padded;
  return rest.first((*frame)->message);
}

std::expected<std::optional<MutableBytes>, Error> BatchReader::next() {
  if (rest_.empty()) return std::nullopt;
  const MutableBytes all = std::exchange(rest_, {});
  const auto frame = next_frame(all);
  if (!frame) return std::unexpected(frame.error());
  if (!*frame || all.size() < (*frame)->message) return std::unexpected(Error::kTruncated);
  if (all.size() > (*frame)->padded) rest_ = all.subspan((*frame)->padded);
  return all.first((*frame)->message);
}

bool BatchWriter::add(Bytes message) {
  const std::size_t padding = frame_padding(message.size());
  if (message.size() + padding > out_.size() - size_) return false;
  copy_bytes(message, out_.subspan(size_));
  put_zeros(out_.subspan(size_ + message.size(), padding));
  size_ += message.size() + padding;
  return true;
}

}  // namespace bamgate::turn
