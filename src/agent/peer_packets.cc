// A peer's packets, timers and status.
#include <array>
#include <utility>

#include "agent/explain.h"
#include "agent/peer.h"

namespace bamgate::agent {

// ---- Packets ----

/// For whoever looks on.
void Peer::show(bool ours, Bytes message) const {
  if (shared_.observer.messages == nullptr) return;
  const auto theirs = IpPrefix::parse(info_.address);
  if (!theirs) return;
  const IpAddress& from = ours ? shared_.address : theirs->address;
  shared_.observer.messages->add_message(from, ours ? theirs->address : shared_.address, message);
}

void Peer::send(Instant now, PacketBuffer message) {
  show(true, message.data());
  if (attempt_) return attempt_->send(now, std::move(message));
  ++counters_.dropped_sends;
}

void Peer::handle_message(Instant now, PacketBuffer message) {
  show(false, message.data());
  auto inner = shared_.bridge.from_peer(now, index_, std::move(message));
  if (!inner) return;
  attempt_->note_heard();
  if (*inner) shared_.effects.emplace_back(WriteTun{std::move(**inner)});
}

void Peer::pump(Instant now) {
  while (pump_connection(now) || pump_tunnel(now)) {
  }
}

bool Peer::pump_connection(Instant now) {
  if (!attempt_) return false;
  auto event = attempt_->connection().poll_event();
  if (!event) return false;
  handle_event(now, std::move(*event));
  return true;
}

void Peer::handle_event(Instant now, peer::PeerConnection::Event event) {
  if (auto* message = std::get_if<peer::Message>(&event)) {
    if (attempt_->channel() != message->channel) return attempt_->note_stray();
    handle_message(now, std::move(message->data));
  } else if (auto* candidate = std::get_if<peer::LocalCandidate>(&event)) {
    shared_.messages.emplace_back(signaling::IceCandidate{
        .from = shared_.self, .to = info_.peer_id, .candidate = std::move(candidate->line), .extra = {}});
  } else if (auto* selected = std::get_if<peer::PathSelected>(&event)) {
    notice(NoticeLevel::kInfo, "path found: " + selected->local.describe() + " to " + selected->remote.describe());
  } else if (auto* opened = std::get_if<peer::ChannelOpened>(&event)) {
    if (opened->options.label == shared_.channel.label && !attempt_->channel()) open_tunnel(now, opened->channel);
  } else if (auto* closed = std::get_if<peer::ChannelClosed>(&event)) {
    if (attempt_->channel() == closed->channel) apply(now, PeerInput::kFailed, "the peer closed the data channel");
  } else if (auto* ended = std::get_if<peer::Closed>(&event)) {
    handle_closed(now, ended->reason);
  }
}

// Whatever WireGuard sent before is lost, and its own retry is 5 s away: one side starts it afresh, now. If its
// initiation or the message that confirms the new keys is lost, or its clock is behind (WireGuard then takes it for a
// replay), the other side's handshake does as well.
void Peer::open_tunnel(Instant now, sctp::ChannelId channel) {
  attempt_->set_channel(channel);
  apply(now, PeerInput::kOpened);
  if (attempt_->offers()) {
    tunnel_.initiate(now);
  } else {
    timers_.set(Timer::kHandshake, now + kHandshakePatience);
  }
}

bool Peer::pump_tunnel(Instant now) {
  bool moved = false;
  // An initiation is the longest message that a tunnel sends by itself.
  std::array<std::byte, wg::kInitiationSize> room;
  while (const auto transmit = tunnel_.poll_transmit(now, room)) {
    moved = true;
    show(true, Bytes(room).first(transmit->size));
    if (attempt_) {
      attempt_->send_control(now, Bytes(room).first(transmit->size));
    } else {
      ++counters_.dropped_sends;
    }
  }
  while (const auto event = tunnel_.poll_event()) {
    moved = true;
    if (std::holds_alternative<wg::HandshakeCompleted>(*event)) tunnel_secured(now);
  }
  return moved;
}

void Peer::tunnel_secured(Instant now) {
  if (state_ != PeerState::kOpen) return;  // a rekey
  apply(now, PeerInput::kSecured);
  connected_since_ = now;
  last_error_.clear();
  policy_.reset();
  timers_.cancel_all();
  notice(NoticeLevel::kInfo, "connected");
}

// ---- Time ----

void Peer::handle_timeout(Instant now) {
  if (attempt_ && attempt_->connection().next_timeout() <= now) attempt_->connection().handle_timeout(now);
  if (tunnel_.next_timeout() <= now) tunnel_.handle_timeout(now);
  pump(now);
  handle_timers(now);
  pump(now);
}

void Peer::handle_timers(Instant now) {
  if (timers_.take_expired(Timer::kAttempt, now)) {
    return apply(now, PeerInput::kFailed, explain_delay(attempt_->connection(), attempt_->channel().has_value()));
  }
  if (const auto dead = attempt_ ? attempt_->check_silence(now) : std::nullopt) {
    return apply(now, PeerInput::kFailed, *dead);
  }
  if (timers_.take_expired(Timer::kHandshake, now)) tunnel_.initiate(now);
  if (timers_.take_expired(Timer::kRetry, now)) apply(now, PeerInput::kRetry);
}

std::optional<Transmit> Peer::poll_transmit(Instant now, MutableBytes buffer) {
  return attempt_ ? attempt_->connection().poll_transmit(now, buffer) : std::nullopt;
}

Instant Peer::next_timeout() const {
  const Instant next = std::min(timers_.next(), tunnel_.next_timeout());
  return attempt_ ? std::min(next, attempt_->next_timeout()) : next;
}

// ---- Status ----

ChannelCounters Peer::counters() const {
  ChannelCounters result = counters_;
  if (attempt_) result += attempt_->counters();
  return result;
}

PeerStatus Peer::status(Instant now) const {
  PeerStatus status;
  status.id = info_.peer_id;
  status.address = info_.address;
  status.address6 = info_.address6;
  status.public_key = info_.public_key;
  status.state = status_name(state_);
  if (attempt_ && attempt_->connection().ice().selected()) {
    const ice::Agent& ice = attempt_->connection().ice();
    status.ice_local = ice.selected()->local.describe();
    status.ice_remote = ice.selected()->remote.describe();
    status.rtt = ice.rtt();
  }
  if (tunnel_.last_handshake()) status.since_handshake = now - *tunnel_.last_handshake();
  if (connected_since_) status.connected_for = now - *connected_since_;
  if (state_ != PeerState::kAway) status.last_error = last_error_;  // a peer that went away is no failure
  status.rx_bytes = tunnel_.rx_bytes();
  status.tx_bytes = tunnel_.tx_bytes();
  return status;
}

}  // namespace bamgate::agent
