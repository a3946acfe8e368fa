#include "sctp/dcep.h"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "core/reader.h"
#include "core/utf8.h"
#include "core/writer.h"

namespace bamgate::sctp {
namespace {

// RFC 8832 §8.2.1: message types.
constexpr std::uint8_t kOpenType = 0x03;
constexpr std::uint8_t kAckType = 0x02;

// RFC 8832 §5.1: channel types; the high bit means unordered.
constexpr std::uint8_t kReliable = 0x00;
constexpr std::uint8_t kLimitedRetransmits = 0x01;
constexpr std::uint8_t kLimitedLifetime = 0x02;
constexpr std::uint8_t kUnordered = 0x80;

// RFC 8831 §6.4: the priority "normal".
constexpr std::uint16_t kNormalPriority = 256;

constexpr std::uint32_t kMaxReliability = std::numeric_limits<std::uint32_t>::max();

bool is_channel_text(std::string_view text) { return text.size() <= kMaxChannelText && is_utf8(text); }

std::expected<DcepMessage, Error> parse_open(Reader& reader) {
  DcepOpen open;
  const std::uint8_t type = reader.u8();
  reader.skip(sizeof(std::uint16_t));  // priority
  const std::uint32_t reliability = reader.u32();
  const std::size_t label = reader.u16();
  const std::size_t protocol = reader.u16();
  if (!reader.ok() || label > kMaxChannelText || protocol > kMaxChannelText) return std::unexpected(Error::kMalformed);
  open.options.label = as_text(reader.bytes(label));
  open.options.protocol = as_text(reader.bytes(protocol));
  if (!reader.ok()) return std::unexpected(Error::kMalformed);
  // RFC 8832 §5.1: both are UTF-8. They will be shown to people.
  if (!is_utf8(open.options.label) || !is_utf8(open.options.protocol)) return std::unexpected(Error::kMalformed);
  open.options.ordered = (type & kUnordered) == 0;
  switch (type & ~kUnordered & 0xff) {
    case kReliable:
      return open;
    case kLimitedRetransmits:
      open.options.max_retransmits = static_cast<std::uint16_t>(std::min<std::uint32_t>(reliability, 0xffff));
      return open;
    case kLimitedLifetime:
      open.options.max_lifetime = std::chrono::milliseconds(reliability);
      return open;
    default:
      return std::unexpected(Error::kMalformed);
  }
}

void write_open(Writer& writer, const ChannelOptions& options) {
  std::uint8_t type = options.ordered ? 0 : kUnordered;
  std::uint32_t reliability = 0;
  if (options.max_retransmits) {
    type |= kLimitedRetransmits;
    reliability = *options.max_retransmits;
  } else if (options.max_lifetime) {
    type |= kLimitedLifetime;
    reliability = static_cast<std::uint32_t>(options.max_lifetime->count());
  }
  writer.u8(kOpenType);
  writer.u8(type);
  writer.u16(kNormalPriority);
  writer.u32(reliability);
  writer.u16(static_cast<std::uint16_t>(options.label.size()));
  writer.u16(static_cast<std::uint16_t>(options.protocol.size()));
  writer.bytes(as_bytes(options.label));
  writer.bytes(as_bytes(options.protocol));
}

}  // namespace

std::expected<DcepMessage, Error> parse_dcep(Bytes message) {
  Reader reader(message);
  const std::uint8_t type = reader.u8();
  if (!reader.ok()) return std::unexpected(Error::kMalformed);
  if (type == kOpenType) return parse_open(reader);
  if (type == kAckType) return DcepAck{};
  return std::unexpected(Error::kMalformed);
}

bool valid(const ChannelOptions& options) {
  if (options.max_retransmits && options.max_lifetime) return false;
  if (options.max_lifetime && (options.max_lifetime->count() < 0 || options.max_lifetime->count() > kMaxReliability)) {
    return false;
  }
  return is_channel_text(options.label) && is_channel_text(options.protocol);
}

Bytes write_dcep(const DcepMessage& message, MutableBytes output) {
  Writer writer(output);
  if (const auto* open = std::get_if<DcepOpen>(&message)) {
    write_open(writer, open->options);
  } else {
    writer.u8(kAckType);
  }
  return writer.written();
}

}  // namespace bamgate::sctp
