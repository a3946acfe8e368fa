// The words of data channels: their number, their options, the kinds of messages (RFC 8831).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace bamgate::sctp {

/// A data channel: the number of its SCTP stream, the same in both directions (RFC 8831 §6.4).
enum class ChannelId : std::uint16_t {};

/// What a channel promises (RFC 8831 §6.4, RFC 8832 §5.1).
struct ChannelOptions {
  std::string label = {};     // UTF-8, at most kMaxChannelText bytes
  std::string protocol = {};  // subprotocol, UTF-8, at most kMaxChannelText bytes
  bool ordered = true;
  std::optional<std::uint16_t> max_retransmits = {};           // nullopt: no limit; not together with max_lifetime
  std::optional<std::chrono::milliseconds> max_lifetime = {};  // nullopt: no limit; from 0 to 2^32-1

  bool operator==(const ChannelOptions&) const = default;
};

/// Bytes that a label or protocol may have here; RFC 8832 allows 65,535, nobody uses more than a few dozen.
inline constexpr std::size_t kMaxChannelText = 1024;

/// How the receiver is to understand a message (RFC 8831 §6.6).
enum class MessageKind : std::uint8_t { kBinary, kText };

/// The payload protocol identifiers of DATA chunks (RFC 8831 §8). 52 and 54 (partial messages) are deprecated.
enum class Ppid : std::uint32_t {
  kDcep = 50,
  kText = 51,
  kBinary = 53,
  kTextEmpty = 56,
  kBinaryEmpty = 57,
};

}  // namespace bamgate::sctp
