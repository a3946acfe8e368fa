#include "agent/attempt.h"

#include <algorithm>
#include <utility>

namespace bamgate::agent {
namespace {

// Room for the last words of a connection: an SCTP abort and a close_notify.
constexpr std::size_t kMaxFarewells = 8;

// What waits for SCTP's window: room for a burst of one large TCP window, and nothing older than half a second.
constexpr sctp::QueueLimits kQueue{
    .max_bytes = std::size_t{2} << 20, .max_messages = 1024, .max_age = std::chrono::milliseconds(500), .codel = true};

peer::PeerConnection::Options connection_options(Instant now, const Shared& shared, Attempt::Role role) {
  peer::PeerConnection::Options options;
  options.offerer = role == Attempt::Role::kOffers;
  options.answers_passive = role == Attempt::Role::kAnswersPassive;
  options.certificate = shared.certificate;
  options.route_filter = shared.route_filter;
  options.relay_networks = {turn::kRelayNetwork};
  options.unix_time = shared.unix_time(now);
  options.allow_loopback = shared.allow_loopback;
  options.key_log = shared.observer.keys;
  options.channels = {shared.channel};
  options.queue = kQueue;
  return options;
}

}  // namespace

Attempt::Attempt(Instant now, Shared& shared, Role role)
    : shared_(shared),
      id_{shared.next_attempt++},
      offers_(role == Role::kOffers),
      connection_(connection_options(now, shared, role), shared.random, shared.crypto, shared.pool, shared.sctp) {
  shared_.node.directory().add(id_, connection_.local_ufrags());
  learn_all(now);
  shared_.node.freshen(now);
  ++shared_.counters.attempts;
}

Attempt::~Attempt() {
  shared_.node.directory().remove(id_);
  counters_.dropped_sends += connection_.waiting_messages();
  shared_.ended.attempts += counters();
}

void Attempt::say_goodbye(Instant now) {
  connection_.close(now);
  for (std::size_t i = 0; i < kMaxFarewells; ++i) {
    PacketBuffer datagram = shared_.pool.take();
    const auto transmit = connection_.poll_transmit(now, datagram.append(datagram.tailroom()));
    if (!transmit) break;
    datagram.remove_suffix(datagram.size() - transmit->size);
    shared_.farewells.emplace_back(*transmit, std::move(datagram));
  }
}

// ---- Candidates and restart ----

void Attempt::learn_all(Instant now) {
  for (const SocketOpened& socket : shared_.node.sockets()) learn(now, socket);
  for (const ice::Reflexive& reflexive : shared_.node.reflexives()) learn(now, reflexive);
  for (const RelayFound& relay : shared_.node.relays().found()) learn(now, relay);
}

// A restarted session begins with what there is now, the most promising first; the one before keeps what it has.
void Attempt::learn_anew(Instant now) {
  connection_.forget_local_addresses();
  std::erase_if(sockets_, [&](SocketId socket) { return shared_.node.has(socket); });
  learn_all(now);
}

std::expected<std::string, peer::Error> Attempt::restart(Instant now) {
  if (!is_restarting()) learn_anew(now);
  auto offer = connection_.restart(now);
  update_directory();
  shared_.node.freshen(now);
  return offer;
}

std::expected<std::string, peer::Error> Attempt::accept_later_offer(Instant now, std::string_view sdp) {
  if (!is_restarting()) learn_anew(now);
  auto answer = connection_.accept_offer(now, sdp);
  update_directory();
  shared_.node.freshen(now);
  return answer;
}

std::expected<void, peer::Error> Attempt::accept_restart_answer(Instant now, std::string_view sdp) {
  const auto accepted = connection_.accept_answer(now, sdp);
  update_directory();
  return accepted;
}

void Attempt::update_directory() {
  shared_.node.directory().set_ufrags(id_, connection_.local_ufrags());
  shared_.node.directory().keep_paths(
      id_, [&](const Path& path) { return connection_.has_pair(path) || connection_.has_remote_check(path); });
}

std::optional<peer::PeerConnection::Event> Attempt::poll_event() {
  auto event = connection_.poll_event();
  if (event && std::holds_alternative<peer::LocalUfragsChanged>(*event)) update_directory();
  return event;
}

void Attempt::learn(Instant now, const Node::Event& event) {
  if (const auto* relay = std::get_if<RelayFound>(&event)) {
    if (std::ranges::find(sockets_, relay->socket) != sockets_.end()) return;
    connection_.add_relayed(now, {.relay = relay->relay,
                                  .socket = relay->socket,
                                  .relayed = relay->relayed,
                                  .related = relay->mapped,
                                  .in_stream = relay->transport != turn::Transport::kUdp});
    sockets_.push_back(relay->socket);
  } else if (std::holds_alternative<RelayGone>(event) || shared_.force_relay) {
    return;  // what is gone is found by is_stale()
  } else if (const auto* opened = std::get_if<SocketOpened>(&event)) {
    const bool known = std::ranges::find(sockets_, opened->socket) != sockets_.end();
    if (!known && connection_.add_local_address(now, opened->socket, opened->base)) sockets_.push_back(opened->socket);
  } else {
    connection_.add_reflexive(now, std::get<ice::Reflexive>(event));
  }
}

bool Attempt::is_stale() const {
  if (is_restarting()) return false;
  const auto has = [&](SocketId socket) { return shared_.node.has(socket); };
  const auto path = connection_.ice().selected_path();
  if (!path) return !sockets_.empty() && std::ranges::none_of(sockets_, has);
  return shared_.route_filter.through_tunnel(path->remote.address) || !has(path->local);
}

void Attempt::forget_gone_sockets(Instant now) {
  for (const SocketId socket : sockets_) {
    if (!shared_.node.has(socket)) connection_.remove_local_address(now, socket);
  }
  std::erase_if(sockets_, [&](SocketId socket) { return !shared_.node.has(socket); });
}

// ---- Datagrams ----

// What ICE has authenticated makes the path this connection's own.
void Attempt::handle_stun(Instant now, const Received& received) {
  if (!connection_.handle_input(now, received)) return;  // counted there
  if (connection_.is_valid_path(received.path)) {
    (void)shared_.node.directory().claim(id_, received.path, Claim::kProven);
  } else if (connection_.has_remote_check(received.path)) {
    (void)shared_.node.directory().claim(id_, received.path, Claim::kChecked);
  }
}

bool Attempt::handle_record(Instant now, const Received& received) {
  return connection_.handle_input(now, received).has_value();  // counted there
}

std::optional<Transmit> Attempt::poll_transmit(Instant now, MutableBytes buffer) {
  const auto transmit = connection_.poll_transmit(now, buffer);
  if (transmit) shared_.node.note_sent(id_, transmit->path, Bytes(buffer).first(transmit->size));
  return transmit;
}

AttemptCounters Attempt::counters() const {
  AttemptCounters result = counters_of(connection_);
  result.channels += counters_;
  return result;
}

// ---- Packets ----

void Attempt::send(Instant now, PacketBuffer message) {
  if (channel_ && connection_.send(now, *channel_, message.data())) return note_sent(now);
  ++counters_.dropped_sends;
}

void Attempt::send_control(Instant now, Bytes message) {
  if (!channel_ || !connection_.send(now, *channel_, message)) ++counters_.dropped_sends;
}

// ---- Signs of life ----

// True when DTLS authenticated anything, SCTP's acknowledgements included, since the silence began to count.
bool Attempt::heard_since_armed() const {
  const auto heard = connection_.last_authenticated();
  return heard && *heard > timers_.deadline(Timer::kSilence) - kSilence;
}

void Attempt::note_sent(Instant now) {
  if (!timers_.is_set(Timer::kSilence) || heard_since_armed()) timers_.set(Timer::kSilence, now + kSilence);
  if (!timers_.is_set(Timer::kTunnelSilence)) timers_.set(Timer::kTunnelSilence, now + kTunnelSilence);
}

void Attempt::note_heard() { timers_.cancel_all(); }

std::optional<std::string_view> Attempt::check_silence(Instant now) {
  const bool heard = heard_since_armed();
  if (timers_.take_expired(Timer::kSilence, now) && !heard) return peer::to_string(peer::Error::kNoAnswer);
  if (timers_.take_expired(Timer::kTunnelSilence, now)) return "WireGuard gets no answer any more";
  return std::nullopt;
}

}  // namespace bamgate::agent
