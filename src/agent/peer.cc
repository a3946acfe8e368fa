#include "agent/peer.h"

#include <algorithm>
#include <array>
#include <utility>

#include "ice/candidate.h"

namespace bamgate::agent {
namespace {

// Candidates that came before their description; a flood of them is worth nothing.
constexpr std::size_t kMaxEarlyCandidates = 32;

// An optional field of `metadata`: random for each run of an agent (agent.cc).
constexpr std::string_view kInstance = "instance";

// Room for the last words of a connection: an SCTP abort and a close_notify.
constexpr std::size_t kMaxFarewells = 8;

std::string_view instance_of(const signaling::PeerInfo& info) {
  const auto found = info.metadata.find(std::string(kInstance));
  return found == info.metadata.end() ? std::string_view() : std::string_view(found->second);
}

}  // namespace

Peer::Peer(Shared& shared, bridge::PeerIndex index, signaling::PeerInfo info, wg::Tunnel tunnel)
    : shared_(shared), index_(index), info_(std::move(info)), tunnel_(std::move(tunnel)) {
  shared_.bridge.add_peer(index_, tunnel_);
}

Peer::~Peer() { shared_.bridge.remove_peer(index_); }

// Both sides know both names, so both know who offers, and glare cannot last.
bool Peer::is_offerer() const { return shared_.self < info_.peer_id; }

void Peer::notice(NoticeLevel level, std::string text) {
  shared_.effects.emplace_back(Notice{level, info_.peer_id + ": " + std::move(text)});
}

// ---- Transitions ----

void Peer::enter(PeerState state) { state_ = state; }

void Peer::handle_present(Instant now, signaling::PeerInfo info) {
  const bool restarted = !instance_of(info_).empty() && instance_of(info_) != instance_of(info);
  info_ = std::move(info);
  present_ = true;
  if (restarted) {
    // It knows nothing of us any more: neither our connection nor our WireGuard session leads anywhere.
    if (connection_) notice(NoticeLevel::kInfo, "it has started afresh; connecting again");
    tunnel_.reset(now);
    policy_.reset();
  }
  switch (state_) {
    case PeerState::kOpen:
    case PeerState::kConnected:
      if (!restarted) return;  // the hub was away, we were not
      break;
    case PeerState::kConnecting:  // an offer or answer may have been lost with the old hub connection
    case PeerState::kAway:
    case PeerState::kWaiting:
      break;
  }
  drop_connection(now, false);
  enter(PeerState::kWaiting);
  if (is_offerer()) start_attempt(now);
}

void Peer::handle_left(Instant now) {
  present_ = false;
  switch (state_) {
    case PeerState::kConnecting:
      drop_connection(now, false);
      enter(PeerState::kAway);
      break;
    case PeerState::kWaiting:
      timers_.cancel_all();
      enter(PeerState::kAway);
      break;
    case PeerState::kAway:
    case PeerState::kOpen:
    case PeerState::kConnected:
      break;  // only its hub connection is gone; consent will tell about ours
  }
}

void Peer::start_attempt(Instant now) {
  make_connection(now, true);
  auto offer = connection_->create_offer(now);
  if (!offer) return retry_later(now, peer::to_string(offer.error()));
  shared_.messages.emplace_back(signaling::Offer{.from = shared_.self,
                                                 .to = info_.peer_id,
                                                 .sdp = std::move(*offer),
                                                 .public_key = shared_.public_key,
                                                 .extra = {}});
  pump(now);
}

void Peer::handle_offer(Instant now, const signaling::Offer& offer) {
  if (is_offerer()) return;  // glare: ours counts
  drop_connection(now, false);
  make_connection(now, false);
  auto answer = connection_->accept_offer(now, offer.sdp);
  if (!answer) {
    notice(NoticeLevel::kWarning, std::string("its offer was refused: ") + peer::to_string(answer.error()));
    drop_connection(now, false);
    return enter(PeerState::kWaiting);
  }
  shared_.messages.emplace_back(signaling::Answer{.from = shared_.self,
                                                  .to = info_.peer_id,
                                                  .sdp = std::move(*answer),
                                                  .public_key = shared_.public_key,
                                                  .extra = {}});
  apply_early_candidates(now);
  pump(now);
}

void Peer::handle_answer(Instant now, const signaling::Answer& answer) {
  if (!connection_ || state_ != PeerState::kConnecting || !is_offerer()) return;
  const auto accepted = connection_->accept_answer(now, answer.sdp);
  if (accepted) {
    apply_early_candidates(now);
    return pump(now);
  }
  if (accepted.error() != peer::Error::kWrongState) return retry_later(now, peer::to_string(accepted.error()));
  // An answer names no offer. When a second one is unlike the first, the first was to an offer that we had given up by
  // then, and nobody holds its other end: begin again instead of waiting for the attempt to time out.
  const auto second = peer::parse_description(answer.sdp);
  if (!second || second->ice.ufrag == connection_->remote_ufrag()) return;
  drop_connection(now, false);
  start_attempt(now);
}

void Peer::make_connection(Instant now, bool offerer) {
  peer::PeerConnection::Options options;
  options.offerer = offerer;
  options.certificate = shared_.certificate;
  options.stun_servers = shared_.stun_servers;
  options.excluded = shared_.excluded;
  options.unix_time = shared_.unix_time(now);
  options.allow_loopback = shared_.allow_loopback;
  options.channels = {shared_.channel};
  connection_ = std::make_unique<peer::PeerConnection>(std::move(options), shared_.random, shared_.crypto, shared_.pool,
                                                       shared_.sctp);
  attempt_ = AttemptId{shared_.next_attempt++};
  shared_.effects.emplace_back(OpenSockets{*attempt_});
  timers_.cancel_all();
  timers_.set(Timer::kAttempt, now + kAttemptTime);
  enter(PeerState::kConnecting);
}

void Peer::drop_connection(Instant now, bool tell_peer) {
  if (!connection_) return;
  if (tell_peer) {
    connection_->close(now);
    for (std::size_t i = 0; i < kMaxFarewells; ++i) {
      PacketBuffer datagram = shared_.pool.take();
      const auto transmit = connection_->poll_transmit(now, datagram.append(datagram.tailroom()));
      if (!transmit) break;
      datagram.remove_suffix(datagram.size() - transmit->size);
      shared_.farewells.emplace_back(*transmit, std::move(datagram));
    }
  }
  connection_.reset();
  channel_.reset();
  queue_.clear();
  connected_since_.reset();
  timers_.cancel_all();
  shared_.effects.emplace_back(CloseSockets{*attempt_});
  attempt_.reset();
}

void Peer::retry_later(Instant now, std::string_view why) {
  drop_connection(now, true);
  if (!present_) {
    notice(NoticeLevel::kInfo, "disconnected: " + std::string(why));
    return enter(PeerState::kAway);
  }
  enter(PeerState::kWaiting);
  const auto delay = policy_.next(shared_.random);
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(delay).count();
  notice(NoticeLevel::kWarning, std::string(why) + (is_offerer() ? "; trying again in " + std::to_string(ms) + " ms"
                                                                 : std::string("; waiting for its next offer")));
  if (is_offerer()) timers_.set(Timer::kRetry, now + delay);
}

void Peer::disconnect(Instant now, std::string_view why) {
  if (connection_) notice(NoticeLevel::kInfo, "disconnected: " + std::string(why));
  drop_connection(now, true);
  timers_.cancel_all();
  enter(PeerState::kAway);
}

// ---- Candidates ----

void Peer::handle_candidate(Instant now, const signaling::IceCandidate& candidate) {
  const auto parsed = ice::parse_candidate(candidate.candidate);
  if (!parsed) return;
  const std::string& current = connection_ ? connection_->remote_ufrag() : std::string();
  const bool fits = !current.empty() && (parsed->ufrag.empty() || parsed->ufrag == current);
  if (fits) {
    (void)connection_->add_remote_candidate(now, candidate.candidate);
    return pump(now);
  }
  // Of an older description, or of one that has not come yet: kept by its ufrag until the next description tells.
  if (early_candidates_.size() >= kMaxEarlyCandidates) early_candidates_.erase(early_candidates_.begin());
  early_candidates_.push_back({parsed->ufrag, candidate.candidate});
}

void Peer::apply_early_candidates(Instant now) {
  const auto early = std::exchange(early_candidates_, {});
  for (const EarlyCandidate& candidate : early) {
    if (candidate.ufrag.empty() || candidate.ufrag == connection_->remote_ufrag()) {
      (void)connection_->add_remote_candidate(now, candidate.line);
    }
  }
}

// ---- Sockets ----

void Peer::add_socket(Instant now, AttemptId attempt, SocketId socket, const Endpoint& base) {
  if (!connection_ || attempt_ != attempt) return;
  connection_->add_local_address(now, socket, base);
  pump(now);
}

void Peer::complete_sockets(Instant now, AttemptId attempt) {
  if (!connection_ || attempt_ != attempt) return;
  connection_->set_local_addresses_complete(now);
  pump(now);
}

void Peer::add_stun_server(Instant now, const Endpoint& server) {
  if (connection_) connection_->add_stun_server(now, server);
}

void Peer::handle_datagram(Instant now, const Received& received) {
  if (!connection_) return;
  (void)connection_->handle_input(now, received);  // refused ones are counted there
  pump(now);
}

// ---- Packets ----

void Peer::send(Instant now, PacketBuffer message) {
  if (!connection_ || !channel_) {
    ++dropped_sends_;
    return;
  }
  (void)queue_.push(now, std::move(message));  // a full queue counts what it drops
  send_queued(now);
}

// Handshakes and keepalives pass by the queue; behind a full window they wait like the rest, for nothing sends them
// again before 5 s have passed. They do not count as unanswered data: a keepalive asks for no answer, and a handshake
// without one is WireGuard's own business.
void Peer::send_control(Instant now, Bytes message) {
  if (!connection_ || !channel_) {
    ++dropped_sends_;
    return;
  }
  const auto sent = connection_->send(now, *channel_, message);
  if (sent) return;
  if (sent.error() == peer::Error::kWouldBlock) {
    (void)queue_.push(now, shared_.pool.copy(message));
  } else {
    ++dropped_sends_;
  }
}

// Until SCTP's window is full; what waits goes on when the peer's next acknowledgement comes.
void Peer::send_queued(Instant now) {
  while (connection_ && channel_) {
    auto message = queue_.pop(now);
    if (!message) return;
    const auto sent = connection_->send(now, *channel_, message->data());
    if (sent) {
      note_sent(now);
    } else if (sent.error() == peer::Error::kWouldBlock) {
      return queue_.unpop(std::move(*message));
    } else {
      ++dropped_sends_;
    }
  }
}

// True when DTLS authenticated anything, SCTP's acknowledgements included, since the silence began to count.
bool Peer::heard_since_armed() const {
  const auto heard = connection_ ? connection_->last_authenticated() : std::nullopt;
  return heard && *heard > timers_.deadline(Timer::kSilence) - kSilence;
}

void Peer::note_sent(Instant now) {
  if (!timers_.is_set(Timer::kSilence) || heard_since_armed()) timers_.set(Timer::kSilence, now + kSilence);
  if (!timers_.is_set(Timer::kTunnelSilence)) timers_.set(Timer::kTunnelSilence, now + kTunnelSilence);
}

void Peer::note_heard() {
  timers_.cancel(Timer::kSilence);
  timers_.cancel(Timer::kTunnelSilence);
}

void Peer::handle_message(Instant now, PacketBuffer message) {
  auto inner = shared_.bridge.from_peer(now, index_, std::move(message));
  if (!inner) return;
  note_heard();
  if (*inner) shared_.effects.emplace_back(WriteTun{std::move(**inner)});
}

// ---- Draining ----

void Peer::pump(Instant now) {
  while (pump_connection(now) || pump_tunnel(now)) {
  }
  if (!queue_.empty()) send_queued(now);
}

bool Peer::pump_connection(Instant now) {
  if (!connection_) return false;
  auto event = connection_->poll_event();
  if (!event) return false;
  handle_event(now, std::move(*event));
  return true;
}

void Peer::handle_event(Instant now, peer::PeerConnection::Event event) {
  if (auto* message = std::get_if<peer::Message>(&event)) {
    if (channel_ == message->channel) handle_message(now, std::move(message->data));
  } else if (auto* candidate = std::get_if<peer::LocalCandidate>(&event)) {
    shared_.messages.emplace_back(signaling::IceCandidate{
        .from = shared_.self, .to = info_.peer_id, .candidate = std::move(candidate->line), .extra = {}});
  } else if (auto* selected = std::get_if<peer::PathSelected>(&event)) {
    notice(NoticeLevel::kInfo, "path found: " + selected->local.describe() + " to " + selected->remote.describe());
  } else if (auto* opened = std::get_if<peer::ChannelOpened>(&event)) {
    if (opened->label == shared_.channel.label && !channel_) open_tunnel(now, opened->channel);
  } else if (auto* closed = std::get_if<peer::ChannelClosed>(&event)) {
    if (channel_ == closed->channel) retry_later(now, "the peer closed the data channel");
  } else if (auto* ended = std::get_if<peer::Closed>(&event)) {
    retry_later(now, peer::to_string(ended->reason));
  }
}

// Whatever WireGuard sent before is lost, and its own retry is 5 s away: one side starts it afresh, now. If its
// initiation or the message that confirms the new keys is lost, or its clock is behind (WireGuard then takes it for a
// replay), the other side's handshake does as well.
void Peer::open_tunnel(Instant now, sctp::ChannelId channel) {
  channel_ = channel;
  enter(PeerState::kOpen);
  if (is_offerer()) {
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
    send_control(now, Bytes(room).first(transmit->size));
  }
  while (const auto event = tunnel_.poll_event()) {
    moved = true;
    if (!std::holds_alternative<wg::HandshakeCompleted>(*event) || state_ != PeerState::kOpen) continue;
    enter(PeerState::kConnected);
    connected_since_ = now;
    was_connected_ = true;
    policy_.reset();
    timers_.cancel_all();
    notice(NoticeLevel::kInfo, "connected");
  }
  return moved;
}

void Peer::handle_timeout(Instant now) {
  if (connection_ && connection_->next_timeout() <= now) connection_->handle_timeout(now);
  if (tunnel_.next_timeout() <= now) tunnel_.handle_timeout(now);
  pump(now);
  handle_timers(now);
  pump(now);
}

void Peer::handle_timers(Instant now) {
  const bool heard = heard_since_armed();
  if (timers_.take_expired(Timer::kAttempt, now)) {
    return retry_later(now, state_ == PeerState::kOpen ? "WireGuard got no answer" : "no answer in time");
  }
  if (timers_.take_expired(Timer::kSilence, now) && !heard) {
    return retry_later(now, peer::to_string(peer::Error::kNoAnswer));
  }
  if (timers_.take_expired(Timer::kTunnelSilence, now)) return retry_later(now, "WireGuard gets no answer any more");
  if (timers_.take_expired(Timer::kHandshake, now)) tunnel_.initiate(now);
  if (timers_.take_expired(Timer::kRetry, now)) start_attempt(now);
}

std::optional<Transmit> Peer::poll_transmit(Instant now, MutableBytes buffer) {
  return connection_ ? connection_->poll_transmit(now, buffer) : std::nullopt;
}

Instant Peer::next_timeout() const {
  const Instant next = std::min(timers_.next(), tunnel_.next_timeout());
  return connection_ ? std::min(next, connection_->next_timeout()) : next;
}

const char* Peer::state_name() const {
  switch (state_) {
    case PeerState::kConnected:
      return "connected";
    case PeerState::kConnecting:
    case PeerState::kOpen:
      return was_connected_ ? "reconnecting" : "connecting";
    case PeerState::kWaiting:
      return was_connected_ ? "reconnecting" : policy_.failures() > 0 ? "failed" : "new";
    case PeerState::kAway:
      return policy_.failures() > 0 ? "failed" : "new";
  }
  std::unreachable();
}

PeerStatus Peer::status(Instant now) const {
  PeerStatus status;
  status.id = info_.peer_id;
  status.address = info_.address;
  status.address6 = info_.address6;
  status.public_key = info_.public_key;
  status.state = state_name();
  if (connection_ && connection_->ice().selected()) {
    status.ice_local = connection_->ice().selected()->local.describe();
    status.ice_remote = connection_->ice().selected()->remote.describe();
    status.rtt = connection_->ice().rtt();
  }
  if (tunnel_.last_handshake()) status.since_handshake = now - *tunnel_.last_handshake();
  if (connected_since_) status.connected_for = now - *connected_since_;
  status.rx_bytes = tunnel_.rx_bytes();
  status.tx_bytes = tunnel_.tx_bytes();
  return status;
}

}  // namespace bamgate::agent
