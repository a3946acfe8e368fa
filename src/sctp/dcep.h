// The data channel establishment protocol: how a channel is opened on its own stream (RFC 8832).
//   OPEN  0x03 | channel type | priority (16) | reliability (32) | label length (16) | protocol length (16) | label
//         | protocol
//   ACK   0x02
// What stands behind either is ignored: pion pads its ACK to four bytes.
// Left out: the priority of the peer is not heeded; labels and protocols of more than kMaxChannelText bytes are
// refused.
#pragma once

#include <cstddef>
#include <expected>
#include <variant>

#include "core/bytes.h"
#include "sctp/channel.h"
#include "sctp/error.h"

namespace bamgate::sctp {

/// DATA_CHANNEL_OPEN (RFC 8832 §5.1).
struct DcepOpen {
  ChannelOptions options;
  bool operator==(const DcepOpen&) const = default;
};
/// DATA_CHANNEL_ACK (RFC 8832 §5.2).
struct DcepAck {
  bool operator==(const DcepAck&) const = default;
};
using DcepMessage = std::variant<DcepOpen, DcepAck>;

/// Bytes of the longest message that write_dcep() makes.
inline constexpr std::size_t kMaxDcepSize = 12 + 2 * kMaxChannelText;

/// Reads one message; bytes behind it are ignored. Error: kMalformed. A limit of more than 65,535 retransmissions is
/// read as 65,535.
std::expected<DcepMessage, Error> parse_dcep(Bytes message);

/// True when the options can stand in an OPEN: at most one limit, both in range, short texts in UTF-8.
bool valid(const ChannelOptions& options);

/// Writes `message` to the front of `output` and returns what was written. Needs kMaxDcepSize bytes and valid options.
Bytes write_dcep(const DcepMessage& message, MutableBytes output);

}  // namespace bamgate::sctp
