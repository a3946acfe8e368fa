// A link's packets, timers and status.
#include <utility>

#include "agent/explain.h"
#include "agent/link.h"

namespace bamgate::agent {

// ---- Packets ----

/// For whoever looks on.
void Link::show(bool ours, Bytes message) const {
  if (shared_.observer.messages == nullptr) return;
  const auto theirs = IpPrefix::parse(info_.address);
  if (!theirs) return;
  const IpAddress& from = ours ? shared_.address : theirs->address;
  shared_.observer.messages->add_message(from, ours ? theirs->address : shared_.address, message);
}

void Link::carry(Instant now, CarrierMessage message) {
  show(true, message.message.data());
  if (!attempt_) {
    ++shared_.ended.attempts.channels.dropped_sends;
  } else if (message.expects_answer) {
    attempt_->send(now, std::move(message.message));
  } else {
    // What proves a new connection has to go over it.
    (next_ && next_->channel() ? *next_ : *attempt_).send_control(now, message.message.data());
  }
}

void Link::handle_message(Instant now, Attempt& attempt, PacketBuffer message) {
  show(false, message.data());
  if (!carrier_.on_message(now, std::move(message))) return;
  attempt.note_heard();
  if (&attempt == next_.get()) apply(now, PeerInput::kSecured);
}

void Link::pump(Instant now) {
  while (pump_connection(now, attempt_.get()) || pump_connection(now, next_.get()) || pump_carrier(now)) {
  }
}

bool Link::pump_connection(Instant now, Attempt* attempt) {
  if (attempt == nullptr) return false;
  auto event = attempt->poll_event();
  if (!event) return false;
  handle_event(now, *attempt, std::move(*event));
  return true;
}

void Link::handle_event(Instant now, Attempt& attempt, peer::PeerConnection::Event event) {
  if (auto* message = std::get_if<peer::Message>(&event)) {
    if (attempt.channel() != message->channel) return attempt.note_stray();
    handle_message(now, attempt, std::move(message->data));
  } else if (auto* candidate = std::get_if<peer::LocalCandidate>(&event)) {
    if (candidate->described) return;
    shared_.messages.emplace_back(signaling::IceCandidate{
        .from = shared_.self, .to = info_.peer_id, .candidate = std::move(candidate->line), .extra = {}});
  } else if (auto* selected = std::get_if<peer::PathSelected>(&event)) {
    notice(NoticeLevel::kInfo, "path found: " + selected->local.describe() + " to " + selected->remote.describe());
  } else if (auto* opened = std::get_if<peer::ChannelOpened>(&event)) {
    if (opened->options.label == shared_.channel.label && !attempt.channel()) {
      handle_opened(now, attempt, opened->channel);
    }
  } else if (auto* closed = std::get_if<peer::ChannelClosed>(&event)) {
    if (attempt.channel() != closed->channel) return;
    apply(now, is_old(attempt) ? PeerInput::kBroken : PeerInput::kFailed, "the peer closed the data channel");
  } else if (auto* ended = std::get_if<peer::Closed>(&event)) {
    handle_closed(now, attempt, ended->reason);
  }
}

void Link::handle_opened(Instant now, Attempt& attempt, sctp::ChannelId channel) {
  attempt.set_channel(channel);
  apply(now, PeerInput::kOpened);
  carrier_.opened(now, attempt.offers());
}

bool Link::pump_carrier(Instant now) {
  bool moved = false;
  while (auto message = carrier_.poll_message(now)) {
    moved = true;
    carry(now, std::move(*message));
  }
  if (state_ == PeerState::kOpen && carrier_.is_secured()) handle_secured(now);
  return moved;
}

void Link::handle_secured(Instant now) {
  apply(now, PeerInput::kSecured);
  connected_since_ = now;
  last_error_.clear();
  policy_.reset();
  timers_.cancel_all();
  notice(NoticeLevel::kInfo, "connected");
}

// ---- Time ----

void Link::handle_timeout(Instant now) {
  for (const auto* attempt : {&attempt_, &next_}) {
    if (*attempt && (*attempt)->connection().next_timeout() <= now) (*attempt)->connection().handle_timeout(now);
  }
  if (carrier_.next_timeout() <= now) carrier_.handle_timeout(now);
  pump(now);
  handle_timers(now);
  pump(now);
}

void Link::handle_timers(Instant now) {
  if (timers_.take_expired(Timer::kAttempt, now)) {
    const Attempt& late = *newest();
    return apply(now, PeerInput::kFailed,
                 explain_delay(late.connection(), shared_.node.findings(), late.channel().has_value()));
  }
  if (const auto dead = attempt_ ? attempt_->check_silence(now) : std::nullopt) {
    return apply(now, next_ ? PeerInput::kBroken : PeerInput::kFailed, *dead);
  }
  if (timers_.take_expired(Timer::kRetry, now)) apply(now, PeerInput::kRetry);
}

std::optional<Transmit> Link::poll_transmit(Instant now, MutableBytes buffer) {
  for (const auto* attempt : {&attempt_, &next_}) {
    if (!*attempt) continue;
    if (const auto transmit = (*attempt)->poll_transmit(now, buffer)) return transmit;
  }
  return std::nullopt;
}

Instant Link::next_timeout() const {
  Instant next = std::min(timers_.next(), carrier_.next_timeout());
  for (const auto* attempt : {&attempt_, &next_}) {
    if (*attempt) next = std::min(next, (*attempt)->next_timeout());
  }
  return next;
}

// ---- Status ----

AttemptCounters Link::counters() const {
  AttemptCounters sum;
  for (const auto* attempt : {&attempt_, &next_}) {
    if (*attempt) sum += (*attempt)->counters();
  }
  return sum;
}

PeerStatus Link::status(Instant now) const {
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
    if (const auto use = relay_of(shared_.node.relays(), *ice.selected())) {
      status.relay = use->transport;
      status.relay_server = use->server;
      status.why_relayed = explain_relay(shared_.node.findings(), shared_.force_relay);
    }
  }
  if (connected_since_) status.connected_for = now - *connected_since_;
  if (state_ != PeerState::kAway) status.last_error = last_error_;  // a peer that went away is no failure
  return status;
}

}  // namespace bamgate::agent
