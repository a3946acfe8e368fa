// What each layer adds to a packet, in bytes, and the sums that fix MTUs.
#pragma once

#include <cstddef>

namespace bamgate::peer {

inline constexpr std::size_t kIpv4Header = 20;
inline constexpr std::size_t kIpv6Header = 40;
inline constexpr std::size_t kUdpHeader = 8;
/// RFC 8656 §12.4: channel number and length.
inline constexpr std::size_t kChannelDataHeader = 4;
/// RFC 6347 §4.1 and RFC 5288 §3: with AES-GCM, record header 13, explicit nonce 8, tag 16. The sums count with this.
inline constexpr std::size_t kDtlsRecord = 37;
/// RFC 7905 §2: with ChaCha20-Poly1305 there is no explicit nonce.
inline constexpr std::size_t kDtlsRecordChaCha20 = 29;
/// RFC 9260 §3: common header 12, DATA chunk header 16.
inline constexpr std::size_t kSctpData = 28;
/// WireGuard paper §5.4.6: type and reserved 4, receiver 4, counter 8, tag 16.
inline constexpr std::size_t kWireGuardData = 32;

/// WireGuard paper §5.4.6: the inner packet is padded to a multiple of 16.
constexpr std::size_t padded(std::size_t inner) { return (inner + 15) / 16 * 16; }

/// The TUN's MTU unless the configuration says otherwise: IPv6's minimum (RFC 8200 §5).
inline constexpr std::size_t kDefaultMtu = 1280;

/// Bytes of the one SCTP packet that carries an inner packet of `inner` bytes.
constexpr std::size_t sctp_packet(std::size_t inner) { return padded(inner) + kWireGuardData + kSctpData; }

/// Bytes of the UDP payload that carries an inner packet of `inner` bytes.
constexpr std::size_t datagram(std::size_t inner) { return sctp_packet(inner) + kDtlsRecord; }

static_assert(sctp_packet(kDefaultMtu) == 1340);
static_assert(datagram(kDefaultMtu) + kUdpHeader + kIpv4Header == 1405);
static_assert(datagram(kDefaultMtu) + kUdpHeader + kIpv6Header == 1425);
// A path of 1,429 bytes carries it even with IPv6 and a TURN channel.
static_assert(datagram(kDefaultMtu) + kUdpHeader + kIpv6Header + kChannelDataHeader == 1429);

}  // namespace bamgate::peer
