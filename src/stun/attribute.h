// The numbers of STUN, ICE and TURN: methods, classes, attributes, error codes, password algorithms (RFC 8489 §18,
// RFC 8445 §16, RFC 8656 §17 to §19, RFC 6062 §6, RFC 5780 §9). Names follow the registries.
// Leaves out the attributes of extensions that nobody here speaks: mobility (RFC 8016).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace bamgate::stun {

/// RFC 8489 §5: the two class bits of the message type.
enum class Class : std::uint8_t { kRequest = 0, kIndication = 1, kSuccess = 2, kError = 3 };

/// A method of 12 bits. Others than these may stand in a parsed message.
enum class Method : std::uint16_t {
  kBinding = 0x001,
  kAllocate = 0x003,
  kRefresh = 0x004,
  kSend = 0x006,
  kData = 0x007,
  kCreatePermission = 0x008,
  kChannelBind = 0x009,
  kConnect = 0x00a,            // RFC 6062
  kConnectionBind = 0x00b,     // RFC 6062
  kConnectionAttempt = 0x00c,  // RFC 6062
};

/// Types below 0x8000 must be understood by the receiver of a request (RFC 8489 §14).
enum class Attribute : std::uint16_t {
  kMappedAddress = 0x0001,
  kChangeRequest = 0x0003,  // RFC 5780 §7.2
  kUsername = 0x0006,
  kMessageIntegrity = 0x0008,
  kErrorCode = 0x0009,
  kUnknownAttributes = 0x000a,
  kChannelNumber = 0x000c,
  kLifetime = 0x000d,
  kXorPeerAddress = 0x0012,
  kData = 0x0013,
  kRealm = 0x0014,
  kNonce = 0x0015,
  kXorRelayedAddress = 0x0016,
  kRequestedAddressFamily = 0x0017,
  kEvenPort = 0x0018,
  kRequestedTransport = 0x0019,
  kDontFragment = 0x001a,
  kMessageIntegritySha256 = 0x001c,
  kPasswordAlgorithm = 0x001d,
  kUserHash = 0x001e,
  kXorMappedAddress = 0x0020,
  kReservationToken = 0x0022,
  kPriority = 0x0024,
  kUseCandidate = 0x0025,
  kConnectionId = 0x002a,
  kAdditionalAddressFamily = 0x8000,
  kAddressErrorCode = 0x8001,
  kPasswordAlgorithms = 0x8002,
  kAlternateDomain = 0x8003,
  kIcmp = 0x8004,
  kSoftware = 0x8022,
  kAlternateServer = 0x8023,
  kFingerprint = 0x8028,
  kIceControlled = 0x8029,
  kIceControlling = 0x802a,
  kResponseOrigin = 0x802b,  // RFC 5780 §7.3
  kOtherAddress = 0x802c,    // RFC 5780 §7.4
};

/// RFC 8489 §14: the receiver must understand an attribute of this range, or it cannot process the message.
constexpr bool comprehension_required(std::uint16_t type) { return type < 0x8000; }

// Error codes (RFC 8489 §14.8, RFC 8445 §16.2, RFC 8656 §19, RFC 6062 §6.3). reason_phrase() in response.h has texts.
inline constexpr std::uint16_t kErrorTryAlternate = 300;
inline constexpr std::uint16_t kErrorBadRequest = 400;
inline constexpr std::uint16_t kErrorUnauthenticated = 401;
inline constexpr std::uint16_t kErrorForbidden = 403;
inline constexpr std::uint16_t kErrorUnknownAttribute = 420;
inline constexpr std::uint16_t kErrorAllocationMismatch = 437;
inline constexpr std::uint16_t kErrorStaleNonce = 438;
inline constexpr std::uint16_t kErrorAddressFamilyNotSupported = 440;
inline constexpr std::uint16_t kErrorWrongCredentials = 441;
inline constexpr std::uint16_t kErrorUnsupportedTransport = 442;
inline constexpr std::uint16_t kErrorPeerAddressFamilyMismatch = 443;
inline constexpr std::uint16_t kErrorConnectionAlreadyExists = 446;
inline constexpr std::uint16_t kErrorConnectionTimeoutOrFailure = 447;
inline constexpr std::uint16_t kErrorAllocationQuotaReached = 486;
inline constexpr std::uint16_t kErrorRoleConflict = 487;
inline constexpr std::uint16_t kErrorServerError = 500;
inline constexpr std::uint16_t kErrorInsufficientCapacity = 508;

/// RFC 8489 §18.5: how a key is made of a long-term password. Others than these may stand in a parsed list.
enum class PasswordAlgorithm : std::uint16_t { kMd5 = 0x0001, kSha256 = 0x0002 };

// RFC 8489 §5: 20 bytes of header, then attributes; the magic cookie tells STUN from other protocols.
inline constexpr std::size_t kHeaderSize = 20;
inline constexpr std::uint32_t kMagicCookie = 0x2112a442;

/// 96 random bits that bind a response to its request.
using TransactionId = std::array<std::byte, 12>;

}  // namespace bamgate::stun
