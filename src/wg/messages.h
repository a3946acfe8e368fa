// The whole wire format of WireGuard (paper §5.4): four messages, all numbers little-endian.
//
//   initiation 148   type=1 u8, zero[3], sender u32, ephemeral[32], static[32+16], timestamp[12+16], mac1[16], mac2[16]
//   response    92   type=2 u8, zero[3], sender u32, receiver u32, ephemeral[32], empty[0+16], mac1[16], mac2[16]
//   cookie      64   type=3 u8, zero[3], receiver u32, nonce[24], cookie[16+16]
//   data      32+n   type=4 u8, zero[3], receiver u32, counter u64, packet[n+16], n a multiple of 16
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "core/bytes.h"
#include "wg/keys.h"

namespace bamgate::wg {

/// A number that its owner draws for one handshake and its keypair; the other side puts it into every message.
enum class ReceiverIndex : std::uint32_t {};

enum class MessageType : std::uint8_t { kInitiation = 1, kResponse = 2, kCookieReply = 3, kData = 4 };

inline constexpr std::size_t kTagSize = 16;    // Poly1305
inline constexpr std::size_t kMacSize = 16;    // mac1, mac2, and a cookie
inline constexpr std::size_t kStampSize = 12;  // TAI64N
inline constexpr std::size_t kXNonceSize = 24;
inline constexpr std::size_t kInitiationSize = 148;
inline constexpr std::size_t kResponseSize = 92;
inline constexpr std::size_t kCookieReplySize = 64;
inline constexpr std::size_t kDataHeaderSize = 16;
inline constexpr std::size_t kDataOverhead = kDataHeaderSize + kTagSize;
// Paper §5.4.6: the packet is zero padded to a multiple of 16 bytes before it is sealed.
inline constexpr std::size_t kPaddingMultiple = 16;

using Mac = std::array<std::byte, kMacSize>;

/// The type of a message; nullopt for one that is too short, unknown, or whose reserved bytes are not zero.
std::optional<MessageType> message_type(Bytes message);

/// First message (paper §5.4.2), without its two MACs: these stand in the last 32 bytes, see Macs.
struct InitiationMessage {
  ReceiverIndex sender{};
  PublicKey ephemeral;
  std::array<std::byte, kKeySize + kTagSize> sealed_static{};
  std::array<std::byte, kStampSize + kTagSize> sealed_timestamp{};

  /// nullopt unless it is 148 bytes of this type.
  static std::optional<InitiationMessage> parse(Bytes message);
  /// Writes everything but the MACs, which become zero.
  void write(std::span<std::byte, kInitiationSize> out) const;
};

/// Second message (paper §5.4.3), without its two MACs.
struct ResponseMessage {
  ReceiverIndex sender{};
  ReceiverIndex receiver{};
  PublicKey ephemeral;
  std::array<std::byte, kTagSize> sealed_nothing{};

  /// nullopt unless it is 92 bytes of this type.
  static std::optional<ResponseMessage> parse(Bytes message);
  /// Writes everything but the MACs, which become zero.
  void write(std::span<std::byte, kResponseSize> out) const;
};

/// The answer of a responder under load (paper §5.4.7).
struct CookieReplyMessage {
  ReceiverIndex receiver{};
  std::array<std::byte, kXNonceSize> nonce{};
  std::array<std::byte, kMacSize + kTagSize> sealed_cookie{};

  /// nullopt unless it is 64 bytes of this type.
  static std::optional<CookieReplyMessage> parse(Bytes message);
  void write(std::span<std::byte, kCookieReplySize> out) const;
};

/// What stands before a sealed packet (paper §5.4.6).
struct DataHeader {
  ReceiverIndex receiver{};
  std::uint64_t counter = 0;

  /// nullopt unless it is of this type and holds at least header and tag.
  static std::optional<DataHeader> parse(Bytes message);
  void write(std::span<std::byte, kDataHeaderSize> out) const;
};

}  // namespace bamgate::wg
