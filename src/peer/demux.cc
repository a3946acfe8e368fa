#include "peer/demux.h"

#include "core/reader.h"

namespace bamgate::peer {
namespace {

// RFC 8489 §5: the fixed value in bytes 4 to 7 of every STUN message.
constexpr std::uint32_t kMagicCookie = 0x2112A442;

}  // namespace

Protocol classify(Bytes datagram) {
  Reader reader(datagram);
  const std::uint32_t head = reader.u32();
  const std::uint32_t cookie = reader.u32();
  const std::uint32_t first = datagram.empty() ? 0xff : head >> 24;
  // RFC 7983 §7: 0 to 3 is STUN, 20 to 63 DTLS, 64 to 79 TURN channels.
  if (first <= 3 && reader.ok() && cookie == kMagicCookie) return Protocol::kStun;
  if (first >= 20 && first <= 63) return Protocol::kDtls;
  if (first >= 64 && first <= 79) return Protocol::kTurnChannel;
  // WireGuard paper §5.4: a message type of 1 to 4, then three zero bytes; STUN was told apart by its cookie.
  if (first >= 1 && first <= 4 && reader.ok() && (head & 0xffffff) == 0) return Protocol::kWireGuard;
  return Protocol::kUnknown;
}

}  // namespace bamgate::peer
