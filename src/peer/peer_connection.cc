#include "peer/peer_connection.h"

#include <algorithm>
#include <concepts>
#include <utility>

#include "peer/demux.h"
#include "peer/overhead.h"

namespace bamgate::peer {
namespace {

// Events that wait for the caller. Those beyond it are dropped, as they would be in a full socket buffer, but never the
// few that tell of the connection's state.
constexpr std::size_t kMaxEvents = 4096;

// The largest SCTP packet that we send: one inner packet of the default MTU fits one chunk.
constexpr std::uint16_t kSctpPacket = sctp_packet(kDefaultMtu);

Error from_sctp(sctp::Error reason) {
  const bool told = reason == sctp::Error::kShutdown || reason == sctp::Error::kAborted;
  return told ? Error::kClosedByRemote : Error::kSctpFailed;
}

ice::Options ice_options(const PeerConnection::Options& options) {
  ice::Options result;
  result.role = options.offerer ? ice::Role::kControlling : ice::Role::kControlled;
  result.route_filter = options.route_filter;
  result.relay_networks = options.relay_networks;
  result.allow_loopback = options.allow_loopback;
  return result;
}

}  // namespace

const char* to_string(State state) {
  switch (state) {
    case State::kNew:
      return "new";
    case State::kFindingPath:
      return "finding a path";
    case State::kSecuring:
      return "securing";
    case State::kAssociating:
      return "associating";
    case State::kConnected:
      return "connected";
    case State::kClosed:
      return "closed";
  }
  std::unreachable();
}

PeerConnection::PeerConnection(Options options, Random& random, Crypto& crypto, BufferPool& pool,
                               sctp::EngineFactory& engines)
    : options_(std::move(options)),
      random_(random),
      pool_(pool),
      engines_(engines),
      ice_(ice_options(options_), random, crypto),
      // RFC 9429 §5.2.1: a session id of 63 random bits.
      session_id_(random.number<std::uint64_t>() >> 1) {}

PeerConnection::~PeerConnection() = default;

// ---- Offer and answer ----

// What is known by now goes along; what is found later is trickled (RFC 8838 §5).
Description PeerConnection::describe(Setup setup) {
  IceSessions::Described ice = ice_.describe();
  Description description;
  description.session_id = session_id_;
  description.session_version = session_version_++;
  description.mid = mid_;
  description.old_form = old_form_;
  description.ice = std::move(ice.credentials);
  description.fingerprints = options_.certificate->fingerprint();
  description.setup = setup;
  description.max_message_size = kMaxMessageSize;
  description.candidates = std::move(ice.candidates);
  description.end_of_candidates = ice.complete;
  return description;
}

std::expected<std::string, Error> PeerConnection::create_offer(Instant now) {
  if (!options_.offerer || state_ != State::kNew) return std::unexpected(Error::kWrongState);
  enter(State::kFindingPath);
  pump(now);
  return write_description(describe(Setup::kActpass));
}

std::expected<void, Error> PeerConnection::accept_answer(Instant now, std::string_view sdp) {
  const bool first = options_.offerer && state_ == State::kFindingPath && !dtls_;
  if (!first && !awaits_restart_answer()) return std::unexpected(Error::kWrongState);
  const auto remote = parse_description(sdp);
  if (!remote) return std::unexpected(remote.error());
  if (!first) return accept_restart_answer(now, *remote);
  // RFC 8842 §5.3: an answer chooses; "active" makes the answerer the DTLS client.
  if (remote->setup == Setup::kActpass) return std::unexpected(Error::kMalformedDescription);
  return apply_remote(now, *remote, remote->setup == Setup::kActive ? dtls::Role::kServer : dtls::Role::kClient);
}

std::expected<std::string, Error> PeerConnection::accept_offer(Instant now, std::string_view sdp) {
  if (dtls_ && state_ != State::kClosed) return accept_later_offer(now, sdp);
  if (options_.offerer || state_ != State::kNew) return std::unexpected(Error::kWrongState);
  const auto remote = parse_description(sdp);
  if (!remote) return std::unexpected(remote.error());
  // RFC 8842 §5.3: who may choose should be active. The client's ClientHello saves half a round trip, and a browser's
  // large one never has to be put together here. Where that came to nothing, the other role may (kDtlsSilence).
  const bool may_choose = remote->setup == Setup::kActpass;
  const bool active = may_choose ? !options_.answers_passive : remote->setup == Setup::kPassive;
  enter(State::kFindingPath);
  const auto applied = apply_remote(now, *remote, active ? dtls::Role::kClient : dtls::Role::kServer);
  if (!applied) return std::unexpected(applied.error());
  return write_description(describe(active ? Setup::kActive : Setup::kPassive));
}

std::expected<void, Error> PeerConnection::apply_remote(Instant now, const Description& remote, dtls::Role role) {
  dtls::Session::Options session;
  session.role = role;
  session.certificate = options_.certificate;
  session.remote_fingerprints = remote.fingerprints;
  session.unix_time = options_.unix_time;
  session.random = &random_;
  session.pool = &pool_;
  session.key_log = options_.key_log;
  session.data_mtu = kSctpPacket + kDtlsRecord;
  auto created = dtls::Session::create(session);
  if (!created) {
    fail(now, Error::kDtlsFailed);
    return std::unexpected(Error::kDtlsFailed);
  }
  dtls_.emplace(std::move(*created));
  dtls_role_ = role;
  remote_sctp_port_ = remote.sctp_port;
  // RFC 8841 §6: the peer's limit binds us; 0 is none.
  if (remote.max_message_size != 0) max_message_size_ = std::min(max_message_size_, remote.max_message_size);
  remote_session_id_ = remote.session_id;
  remote_fingerprints_ = remote.fingerprints;
  take_remote(now, remote);
  return {};
}

// RFC 3264 §6, RFC 5888 §9.1: mid and form of a section stay as the first description has them.
void PeerConnection::take_remote(Instant now, const Description& remote) {
  mid_ = remote.mid;
  old_form_ = remote.old_form;
  ice_.set_remote(now, {remote.ice, remote.candidates, remote.end_of_candidates});
  pump(now);
}

// ---- ICE restart ----

std::expected<std::string, Error> PeerConnection::restart(Instant now) {
  if (!dtls_ || state_ == State::kClosed) return std::unexpected(Error::kWrongState);
  if (ice_.awaits_answer()) {
    ice_.prolong(now);
  } else {
    ice_.restart(now);
  }
  pump(now);
  // RFC 8842 §5.5: actpass leaves the DTLS association and its roles as they are.
  return write_description(describe(Setup::kActpass));
}

// RFC 3264 §8: the session id stays. It tells two connections of one device apart, which show the same certificate.
// RFC 8842 §4: without tls-id, another fingerprint or another role asks for another association.
bool PeerConnection::is_same_association(const Description& remote) const {
  if (!is_same_session(remote)) return false;
  const Setup theirs = dtls_role_ == dtls::Role::kClient ? Setup::kPassive : Setup::kActive;
  return remote.setup == Setup::kActpass || remote.setup == theirs;
}

bool PeerConnection::is_same_session(const Description& remote) const {
  return dtls_ && state_ != State::kClosed && remote.session_id == remote_session_id_ &&
         remote.fingerprints == remote_fingerprints_;
}

std::expected<std::string, Error> PeerConnection::accept_later_offer(Instant now, std::string_view sdp) {
  const auto remote = parse_description(sdp);
  if (!remote) return std::unexpected(remote.error());
  if (!is_same_association(*remote)) return std::unexpected(Error::kOtherConnection);
  if (ice_.awaits_answer()) {
    if (options_.offerer) return std::unexpected(Error::kGlare);
    ice_.cancel_restart(now);
  }
  if (ice_.is_rollback(remote->ice)) ice_.cancel_restart(now);
  if (ice_.is_restart(remote->ice)) ice_.restart(now);
  take_remote(now, *remote);
  if (state_ == State::kClosed) return std::unexpected(Error::kIceFailed);
  return write_description(describe(dtls_role_ == dtls::Role::kClient ? Setup::kActive : Setup::kPassive));
}

// What the answer says of roles does not count: pion always answers with "active" (RFC 8842 §5.5 would have it repeat
// the role that it has).
std::expected<void, Error> PeerConnection::accept_restart_answer(Instant now, const Description& remote) {
  const bool restarts = ice_.is_restart(remote.ice);
  if (restarts && is_same_session(remote)) {
    take_remote(now, remote);
    return {};
  }
  ice_.cancel_restart(now);
  pump(now);
  return std::unexpected(restarts ? Error::kOtherConnection : Error::kRestartRefused);
}

std::string PeerConnection::remote_ufrag() const {
  const ice::Credentials* remote = ice_.remote_credentials();
  return remote == nullptr ? std::string() : remote->ufrag;
}

// ---- Candidates ----

std::expected<void, Error> PeerConnection::add_remote_candidate(Instant now, std::string_view line) {
  const auto added = ice_.add_remote_candidate(now, line);
  pump(now);
  return added;
}

void PeerConnection::set_remote_candidates_complete(Instant now) {
  ice_.set_remote_candidates_complete(now);
  pump(now);
}

bool PeerConnection::add_local_address(Instant now, SocketId socket, const Endpoint& base) {
  const bool added = ice_.add_local_address(now, socket, base);
  pump(now);
  return added;
}

void PeerConnection::add_reflexive(Instant now, const ice::Reflexive& reflexive) {
  ice_.add_reflexive(now, reflexive);
  pump(now);
}

void PeerConnection::add_relayed(Instant now, const ice::Relayed& relayed) {
  ice_.add_relayed(now, relayed);
  pump(now);
}

void PeerConnection::remove_local_address(Instant now, SocketId socket) {
  ice_.remove_local_address(now, socket);
  pump(now);
}

void PeerConnection::set_local_candidates_complete(Instant now) {
  ice_.set_local_candidates_complete(now);
  pump(now);
}

// ---- Data ----

std::expected<sctp::ChannelId, Error> PeerConnection::open_channel(Instant now, const sctp::ChannelOptions& options) {
  if (state_ != State::kConnected) return std::unexpected(Error::kNotConnected);
  const auto channel = sctp_->open_channel(now, options);
  if (!channel) return std::unexpected(Error::kNotConnected);
  return *channel;
}

void PeerConnection::close_channel(Instant now, sctp::ChannelId channel) {
  if (state_ != State::kConnected) return;
  sctp_->close_channel(now, channel);
  pump(now);
}

std::expected<void, Error> PeerConnection::send(Instant now, sctp::ChannelId channel, Bytes message) {
  return send(now, channel, sctp::MessageKind::kBinary, message);
}

std::expected<void, Error> PeerConnection::send(Instant now, sctp::ChannelId channel, sctp::MessageKind kind,
                                                Bytes message) {
  if (state_ != State::kConnected) return std::unexpected(Error::kNotConnected);
  // RFC 7675 §5.1: nothing is sent without consent; what would only pile up in SCTP is refused here.
  if (!ice_.may_send(now)) return std::unexpected(Error::kNotConnected);
  if (message.size() > max_message_size_) return std::unexpected(Error::kMessageTooLarge);
  const auto sent = sctp_->send(now, channel, kind, message);
  if (sent) return {};
  return std::unexpected(sent.error() == sctp::Error::kWouldBlock ? Error::kWouldBlock : Error::kNotConnected);
}

void PeerConnection::close(Instant now) {
  if (state_ == State::kClosed) return;
  if (sctp_) sctp_->abort(now);
  fail(now, Error::kClosedByUs);
}

// ---- The contract ----

std::expected<void, Error> PeerConnection::handle_input(Instant now, const Received& received) {
  // Not even connectivity checks are answered any more: a peer that missed our farewell shall lose consent.
  if (state_ == State::kClosed) return std::unexpected(Error::kNotConnected);
  // The kernel joins what came from one sender; the last datagram of a batch may be of another protocol than the first.
  MutableBytes rest = received.data;
  const std::size_t stride = received.stride == 0 ? rest.size() : received.stride;
  std::expected<void, Error> result = std::unexpected(Error::kUnknownProtocol);
  do {
    const MutableBytes datagram = rest.first(std::min(stride, rest.size()));
    rest = rest.subspan(datagram.size());
    const auto one = handle_datagram(now, {.path = received.path, .data = datagram, .ecn = received.ecn});
    if (one || !result) result = one;
  } while (!rest.empty());
  pump(now);
  return result;
}

std::expected<void, Error> PeerConnection::handle_datagram(Instant now, const Received& received) {
  switch (classify(received.data)) {
    case Protocol::kStun:
      if (ice_.handle_input(now, received)) return {};
      ++counters_.bad_stun;
      return std::unexpected(Error::kBadPacket);
    case Protocol::kDtls:
      // Before a check of ours succeeded, anybody could have sent it; a spoofed alert would end the handshake.
      // After the handshake everything is authenticated, and a peer that has just restarted ICE may be ahead of us.
      if (dtls_ && is_proven(received.path)) return handle_dtls(now, received);
      if (!sctp_ && ice_.has_remote_check(received.path) && early_.add(pool_, received.path, received.data)) {
        ++counters_.kept_early;
        return {};
      }
      ++counters_.unexpected_source;
      return std::unexpected(Error::kUnexpectedSource);
    case Protocol::kTurnChannel:
    case Protocol::kWireGuard:
    case Protocol::kUnknown:
      break;
  }
  ++counters_.unknown_protocol;
  return std::unexpected(Error::kUnknownProtocol);
}

std::expected<void, Error> PeerConnection::handle_dtls(Instant now, const Received& received) {
  // The client may begin as soon as its path works, which may be before we hear of the nomination.
  if (dtls_role_ == dtls::Role::kServer) start_dtls(now);
  if (!dtls_->handle_input(now, received)) {
    ++counters_.bad_dtls;
    return std::unexpected(Error::kBadPacket);
  }
  dtls_silent_at_ = kNever;
  if (dtls_->connected()) {
    last_authenticated_ = now;
    ice_.note_authenticated(now, received.path);
  }
  return {};
}

/// Whether DTLS from there may be read.
bool PeerConnection::is_proven(const Path& path) const {
  return ice_.is_valid_path(path) || (dtls_->connected() && ice_.has_remote_check(path));
}

void PeerConnection::handle_timeout(Instant now) {
  if (state_ == State::kClosed) return;
  if (dtls_silent_at_ <= now) return fail(now, Error::kDtlsSilent);
  if (ice_.next_timeout() <= now) ice_.handle_timeout(now);
  if (dtls_ && dtls_->next_timeout() <= now) dtls_->handle_timeout(now);
  if (sctp_ && sctp_->next_timeout() <= now) sctp_->handle_timeout(now);
  pump(now);
}

std::optional<Transmit> PeerConnection::poll_transmit(Instant now, MutableBytes buffer) {
  if (const auto check = ice_.poll_transmit(now, buffer)) return check;
  const auto path = ice_.selected_path();
  if (!dtls_ || !path || !ice_.may_send(now)) {
    drop_without_path();
    return std::nullopt;
  }
  while (!farewell_.empty()) {
    const PacketBuffer packet = std::move(farewell_.front());
    farewell_.pop_front();
    if (const auto sent = transmit(packet, *path, buffer)) return sent;
  }
  if (auto record = dtls_->poll_transmit(now, buffer)) {
    record->path = *path;
    return record;
  }
  if (echo_) {
    const auto [packet, over] = *std::exchange(echo_, {});
    if (const auto sent = transmit(packet, over, buffer)) return sent;
  }
  while (auto packet = seal_next(now)) {
    const auto sent = transmit(*packet, *path, buffer);
    if (!sent) continue;
    if (const auto also = ice_.also_over(now)) echo_.emplace(std::move(*packet), *also);
    return sent;
  }
  return std::nullopt;
}

/// While a restart looks for a path in place of a dead one, a packet is lost as on a network that is down.
void PeerConnection::drop_without_path() {
  if (!sctp_ || state_ == State::kClosed) return;
  while (sctp_->poll_packet()) ++counters_.without_path;
}

std::optional<PacketBuffer> PeerConnection::seal_next(Instant now) {
  if (!sctp_ || !dtls_->connected()) return std::nullopt;
  while (auto packet = sctp_->poll_packet()) {
    if (dtls_->seal(now, *packet)) return packet;
    ++counters_.unsealed;  // the others behind it still leave
  }
  return std::nullopt;
}

std::optional<Transmit> PeerConnection::transmit(const PacketBuffer& packet, const Path& path, MutableBytes buffer) {
  if (packet.size() > buffer.size()) {
    ++counters_.oversized;  // the others behind it still leave
    return std::nullopt;
  }
  copy_bytes(packet.data(), buffer);
  return Transmit{.path = path, .size = static_cast<std::uint32_t>(packet.size())};
}

std::optional<PeerConnection::Event> PeerConnection::poll_event() {
  if (events_.empty()) return std::nullopt;
  std::optional<Event> event(std::move(events_.front()));
  events_.pop_front();
  if (std::holds_alternative<LocalUfragsChanged>(*event)) ufrags_told_ = false;
  return event;
}

Instant PeerConnection::next_timeout() const {
  if (state_ == State::kClosed) return kNever;
  Instant next = std::min(ice_.next_timeout(), dtls_silent_at_);
  if (dtls_) next = std::min(next, dtls_->next_timeout());
  if (sctp_) next = std::min(next, sctp_->next_timeout());
  return next;
}

// ---- Draining the layers, from the path upwards ----

void PeerConnection::pump(Instant now) {
  if (state_ == State::kClosed) return;
  pump_ice(now);
  pump_dtls(now);
  pump_sctp(now);
}

void PeerConnection::pump_ice(Instant now) {
  while (auto event = ice_.poll_event(now)) {
    if (std::holds_alternative<IceSessions::PathLost>(*event)) return fail(now, Error::kIceFailed);
    if (std::holds_alternative<LocalUfragsChanged>(*event) && std::exchange(ufrags_told_, true)) continue;
    std::visit(
        [&]<typename T>(T& one) {
          if constexpr (!std::same_as<T, IceSessions::PathLost>) push(std::move(one));
        },
        *event);
  }
  take_early(now);
  if (dtls_ && ice_.selected_path()) start_dtls(now);
}

/// What came too early is heard as soon as its path is proven, and before we begin ourselves.
void PeerConnection::take_early(Instant now) {
  if (!dtls_) return;
  const auto proven = [&](const Path& path) { return ice_.is_valid_path(path); };
  while (auto entry = early_.take(proven)) {
    (void)handle_dtls(now, {.path = entry->path, .data = entry->data.data()});
  }
}

/// Not before there is a path: the time that DTLS allows for its handshake runs from here.
void PeerConnection::start_dtls(Instant now) {
  if (dtls_started_) return;
  dtls_started_ = true;
  enter(State::kSecuring);
  dtls_->start(now, ice_.current().rtt());
  dtls_silent_at_ = now + kDtlsSilence;
}

void PeerConnection::pump_dtls(Instant now) {
  if (!dtls_) return;
  while (auto event = dtls_->poll_event()) {
    if (std::holds_alternative<dtls::Connected>(*event)) {
      start_sctp(now);
    } else if (auto* data = std::get_if<dtls::ApplicationData>(&*event)) {
      if (!sctp_ || !sctp_->handle_input(now, Received{.path = {}, .data = data->packet.data()})) ++counters_.bad_sctp;
    } else if (auto* closed = std::get_if<dtls::Closed>(&*event)) {
      return fail(now, closed->reason == dtls::Error::kClosedByPeer ? Error::kClosedByRemote : Error::kDtlsFailed);
    }
  }
}

void PeerConnection::start_sctp(Instant now) {
  counters_.early_unused += early_.clear();
  enter(State::kAssociating);
  sctp::Association::Options options;
  options.dtls_client = dtls_role_ == dtls::Role::kClient;
  options.remote_port = remote_sctp_port_;
  options.path_mtu = kSctpPacket;
  options.max_message_size = kMaxMessageSize;
  options.queue = options_.queue;
  auto created = sctp::Association::create(engines_, options, pool_);
  if (!created) return fail(now, Error::kSctpFailed);
  sctp_.emplace(std::move(*created));
  sctp_->start(now);
  if (options_.offerer) {
    for (const sctp::ChannelOptions& channel : options_.channels) (void)sctp_->open_channel(now, channel);
  }
}

void PeerConnection::pump_sctp(Instant now) {
  if (!sctp_) return;
  while (auto event = sctp_->poll_event()) {
    if (std::holds_alternative<sctp::Connected>(*event)) {
      enter(State::kConnected);
    } else if (auto* opened = std::get_if<sctp::ChannelOpened>(&*event)) {
      push(ChannelOpened{opened->channel, std::move(opened->options)});
    } else if (auto* gone = std::get_if<sctp::ChannelClosed>(&*event)) {
      push(ChannelClosed{gone->channel});
    } else if (auto* message = std::get_if<sctp::Message>(&*event)) {
      push(Message{message->channel, message->kind, std::move(message->data)});
    } else if (auto* closed = std::get_if<sctp::Closed>(&*event)) {
      return fail(now, from_sctp(closed->reason));
    }
  }
}

void PeerConnection::push(Event event) {
  const bool must_arrive = std::holds_alternative<StateChanged>(event) || std::holds_alternative<Closed>(event) ||
                           std::holds_alternative<LocalUfragsChanged>(event);
  if (events_.size() >= kMaxEvents && !must_arrive) {
    ++counters_.dropped_events;
    return;
  }
  events_.push_back(std::move(event));
}

void PeerConnection::enter(State state) {
  if (state_ >= state) return;
  state_ = state;
  push(StateChanged{state});
}

void PeerConnection::fail(Instant now, Error reason) {
  if (state_ == State::kClosed) return;
  // Sealed now (an ABORT, a SHUTDOWN COMPLETE): after its close_notify DTLS seals nothing more.
  while (auto packet = seal_next(now)) farewell_.push_back(std::move(*packet));
  if (dtls_) dtls_->close(now);
  counters_.early_unused += early_.clear();
  enter(State::kClosed);
  push(Closed{reason});
}

}  // namespace bamgate::peer
