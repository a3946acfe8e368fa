// WireGuard's four messages in words: see describe.h.
#include <algorithm>
#include <string>

#include "core/encoding.h"
#include "core/writer.h"
#include "inspect/describe.h"
#include "wg/messages.h"

namespace bamgate::inspect {
namespace {

std::string index_text(wg::ReceiverIndex index) { return "0x" + to_hex(big_endian(static_cast<std::uint32_t>(index))); }

/// Paper §5.4.4: the last 16 bytes; all zero without a cookie.
std::string mac2_text(Bytes message) {
  const bool zero =
      std::ranges::all_of(message.last(wg::kMacSize), [](std::byte byte) { return byte == std::byte{0}; });
  return zero ? "no cookie (mac2 is zero)" : "with a cookie (mac2 is set)";
}

}  // namespace

Description describe_wireguard(Bytes datagram) {
  const std::string size = std::to_string(datagram.size()) + " bytes";
  if (const auto initiation = wg::InitiationMessage::parse(datagram)) {
    return {"handshake initiation, " + size + ", sender " + index_text(initiation->sender) + ", " + mac2_text(datagram),
            "WireGuard paper §5.4.2"};
  }
  if (const auto response = wg::ResponseMessage::parse(datagram)) {
    return {"handshake response, " + size + ", sender " + index_text(response->sender) + ", receiver " +
                index_text(response->receiver) + ", " + mac2_text(datagram),
            "WireGuard paper §5.4.3"};
  }
  if (const auto reply = wg::CookieReplyMessage::parse(datagram)) {
    return {"cookie reply, " + size + ", receiver " + index_text(reply->receiver), "WireGuard paper §5.4.7"};
  }
  if (const auto header = wg::DataHeader::parse(datagram)) {
    const std::string rest =
        size + ", receiver " + index_text(header->receiver) + ", counter " + std::to_string(header->counter);
    if (datagram.size() == wg::kDataOverhead) return {"keepalive, " + rest, "WireGuard paper §6.5"};
    return {"transport data, " + rest, "WireGuard paper §5.4.6"};
  }
  return {"no WireGuard message, " + size, "WireGuard paper §5.4"};
}

}  // namespace bamgate::inspect
