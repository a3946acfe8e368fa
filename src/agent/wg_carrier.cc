#include "agent/wg_carrier.h"

#include <array>
#include <utility>

namespace bamgate::agent {

WgCarrier::WgCarrier(Shared& shared, bridge::PeerIndex index, wg::Tunnel tunnel)
    : shared_(shared), index_(index), tunnel_(std::move(tunnel)) {
  shared_.bridge.add_peer(index_, tunnel_);
}

WgCarrier::~WgCarrier() {
  shared_.bridge.remove_peer(index_);
  shared_.ended.add(tunnel_);
}

// Whatever WireGuard sent before is lost, and its own retry is 5 s away: one side starts it afresh, now. If its
// initiation or the message that confirms the new keys is lost, or its clock is behind (WireGuard then takes it for a
// replay), the other side's handshake does as well.
void WgCarrier::opened(Instant now, bool first) {
  open_ = true;
  if (first) {
    tunnel_.initiate(now);
  } else {
    handshake_due_ = now + kHandshakePatience;
  }
}

void WgCarrier::closed() {
  open_ = false;
  secured_ = false;
  handshake_due_ = kNever;
}

bool WgCarrier::on_message(Instant now, PacketBuffer message) {
  auto inner = shared_.bridge.from_peer(now, index_, std::move(message));
  if (!inner) return false;
  if (*inner) shared_.effects.emplace_back(WriteTun{std::move(**inner)});
  return true;
}

std::optional<CarrierMessage> WgCarrier::poll_message(Instant now) {
  // An initiation is the longest message that a tunnel sends by itself.
  std::array<std::byte, wg::kInitiationSize> room;
  if (const auto transmit = tunnel_.poll_transmit(now, room)) {
    PacketBuffer message = shared_.pool.take();
    copy_bytes(Bytes(room).first(transmit->size), message.append(transmit->size));
    return CarrierMessage{.message = std::move(message), .expects_answer = false};
  }
  while (const auto event = tunnel_.poll_event()) {
    if (!open_ || !std::holds_alternative<wg::HandshakeCompleted>(*event)) continue;
    secured_ = true;
    handshake_due_ = kNever;
  }
  auto held = shared_.bridge.poll_held(now, index_);
  if (!held) return std::nullopt;
  return CarrierMessage{.message = std::move(held->message)};
}

void WgCarrier::handle_timeout(Instant now) {
  if (tunnel_.next_timeout() <= now) tunnel_.handle_timeout(now);
  if (handshake_due_ > now) return;
  handshake_due_ = kNever;
  tunnel_.initiate(now);
}

void WgCarrier::describe(Instant now, PeerStatus& status) const {
  if (tunnel_.last_handshake()) status.since_handshake = now - *tunnel_.last_handshake();
  status.rx_bytes = tunnel_.rx_bytes();
  status.tx_bytes = tunnel_.tx_bytes();
}

}  // namespace bamgate::agent
