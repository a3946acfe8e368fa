// One WebRTC connection to one peer: ICE finds a path, DTLS secures it, SCTP carries data channels over it.
// RFC 8829/9429 (offer and answer), RFC 8831 (data channels). A pure state machine: it holds ice::Agent, dtls::Session
// and sctp::Association by value and drains them inside its own calls.
// A later offer may restart ICE, in either direction; DTLS and SCTP live on.
// Left out: media, and renegotiation of anything else.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/buffer_pool.h"
#include "core/counters.h"
#include "core/crypto.h"
#include "core/random.h"
#include "core/ring.h"
#include "core/sans_io.h"
#include "dtls/session.h"
#include "peer/description.h"
#include "peer/early_datagrams.h"
#include "peer/error.h"
#include "peer/ice_sessions.h"
#include "sctp/association.h"

namespace bamgate::peer {

/// Where a connection stands. It moves only forwards; a failed or closed one is replaced, never revived.
enum class State : std::uint8_t {
  kNew,          // nothing exchanged yet
  kFindingPath,  // descriptions are being exchanged, ICE checks run
  kSecuring,     // a path was nominated, DTLS shakes hands
  kAssociating,  // DTLS is up, SCTP sets up its association
  kConnected,    // data channels can be used
  kClosed,       // over; Event Closed says why
};

const char* to_string(State state);

// What became of the connection; more of it in ice_sessions.h.
struct StateChanged {
  State state;
};
struct ChannelOpened {
  sctp::ChannelId channel;
  sctp::ChannelOptions options;
};
struct ChannelClosed {
  sctp::ChannelId channel;
};
struct Message {
  sctp::ChannelId channel;
  sctp::MessageKind kind;
  PacketBuffer data;
};
struct Closed {
  Error reason;
};

class PeerConnection {
 public:
  using Error = peer::Error;
  using Event = std::variant<LocalCandidate, GatheringComplete, StateChanged, PathSelected, LocalUfragsChanged,
                             RestartFailed, ChannelOpened, ChannelClosed, Message, Closed>;

  /// Without a single DTLS record so long after a path was found the handshake is given up: a fresh connection in the
  /// other role gets further than the rest of the 30 s that DTLS has. pion sends its HelloVerifyRequest once and
  /// answers no repeated ClientHello. A client repeats its hello after 1 s and 2 s more (RFC 6347 §4.2.4.1), so this is
  /// three tries.
  static constexpr auto kDtlsSilence = std::chrono::seconds(5);

  struct Options {
    bool offerer = false;          // the offerer is the controlling ICE agent and opens the channels
    bool answers_passive = false;  // an answer that may choose makes us the DTLS server
    std::shared_ptr<const dtls::Certificate> certificate;
    ice::RouteFilter route_filter;               // what leads into the tunnel: never candidates
    UnixTime unix_time;                          // for the date inside TLS messages
    std::vector<IpPrefix> relay_networks = {};   // see ice::Options
    bool allow_loopback = false;                 // candidates on 127.0.0.1: for tests on one machine
    std::vector<sctp::ChannelOptions> channels;  // opened by the offerer as soon as SCTP is up
    sctp::QueueLimits queue;                     // what may wait on each channel for SCTP's window
    KeyLog* key_log = nullptr;                   // outlives the connection; none: DTLS keeps its secret
  };

  struct Counters {
    std::uint64_t unknown_protocol = 0;
    std::uint64_t unexpected_source = 0;  // DTLS on no proven path, that was not kept either
    std::uint64_t kept_early = 0;         // DTLS that came before our check of its path succeeded
    std::uint64_t early_unused = 0;       // of these, dropped: the path was not proven in time
    std::uint64_t bad_stun = 0;
    std::uint64_t bad_dtls = 0;
    std::uint64_t bad_sctp = 0;
    std::uint64_t without_path = 0;    // SCTP packets while a restart looked for a path in place of a dead one: dropped
    std::uint64_t unsealed = 0;        // SCTP packets that DTLS refused, too long for a record: dropped
    std::uint64_t oversized = 0;       // sealed packets that the caller's buffer was too small for: dropped
    std::uint64_t dropped_events = 0;  // nobody polled: more events waited than a caller may leave

    static constexpr auto list() {
      return std::to_array<Counter<Counters>>({
          {"connection_unknown_protocol", "datagrams of no protocol of ours: dropped", &Counters::unknown_protocol},
          {"connection_unexpected_source", "DTLS datagrams on a path that is not proven: dropped",
           &Counters::unexpected_source},
          {"connection_kept_early", "DTLS datagrams that came before their path was proven: kept for it",
           &Counters::kept_early},
          {"connection_early_unused", "of these dropped: the path was not proven in time", &Counters::early_unused},
          {"connection_bad_stun", "STUN datagrams that were dropped", &Counters::bad_stun},
          {"connection_bad_dtls", "DTLS datagrams that were dropped", &Counters::bad_dtls},
          {"connection_bad_sctp", "SCTP packets that were dropped", &Counters::bad_sctp},
          {"connection_without_path", "SCTP packets of ours while there was no path: dropped", &Counters::without_path},
          {"connection_unsealed", "SCTP packets of ours that DTLS did not take: dropped", &Counters::unsealed},
          {"connection_oversized", "sealed packets of ours that were too long: dropped", &Counters::oversized},
          {"connection_dropped_events", "messages and candidates that found a full queue: dropped",
           &Counters::dropped_events},
      });
    }
    Counters& operator+=(const Counters& other) { return add_counters(*this, other); }
  };

  /// `random`, `crypto`, `pool` and `engines` must outlive the connection.
  PeerConnection(Options options, Random& random, Crypto& crypto, BufferPool& pool, sctp::EngineFactory& engines);
  PeerConnection(const PeerConnection&) = delete;
  PeerConnection& operator=(const PeerConnection&) = delete;
  ~PeerConnection();

  /// The offer to send, with the local candidates that are known by now; those that come later are to be trickled.
  /// Errors: kWrongState unless we are the offerer and nothing was offered yet.
  std::expected<std::string, Error> create_offer(Instant now);
  /// Takes the peer's answer, to the offer of a restart as well: then errors change nothing but that the restart has
  /// ended without a RestartFailed. Errors: kWrongState, those of parse_description(); kOtherConnection and
  /// kRestartRefused of a restart.
  std::expected<void, Error> accept_answer(Instant now, std::string_view sdp);
  /// Takes the peer's offer and returns our answer, with candidates as above. A later offer of the same DTLS
  /// association may restart ICE (RFC 8839 §4.4.1.1.1) or be the same once more. When both sides have offered a
  /// restart, that of the first offerer counts. Errors as above, and of later offers kOtherConnection and kGlare; these
  /// change nothing.
  std::expected<std::string, Error> accept_offer(Instant now, std::string_view sdp);
  /// Begins an ICE restart and returns the offer to send. Data goes on over the present path until the restarted
  /// session has selected one (PathSelected). While our offer is unanswered, this makes the same once more, with all
  /// candidates. When the present path ends meanwhile, the connection waits for the restart. Errors: kWrongState before
  /// both descriptions are there, and after the end.
  std::expected<std::string, Error> restart(Instant now);
  /// One trickled candidate (RFC 8838). Errors: kMalformedCandidate, kUnsupportedCandidate, kUnknownUfrag.
  std::expected<void, Error> add_remote_candidate(Instant now, std::string_view line);
  void set_remote_candidates_complete(Instant now);

  /// A bound UDP socket through which the peer may be reached. Like the next two it is for the session that looks for a
  /// path, and for later restarts. False: it can never be a candidate, or too many are known.
  bool add_local_address(Instant now, SocketId socket, const Endpoint& base);
  /// What a STUN server said about such a socket.
  void add_reflexive(Instant now, const ice::Reflexive& reflexive);
  /// An allocation at a relay; datagrams through it carry `relay` and `socket` in their path.
  void add_relayed(Instant now, const ice::Relayed& relayed);
  /// That socket, or the address that it was bound to, is gone. If it carried the path, the connection is closed, or
  /// waits for a restart that is under way.
  void remove_local_address(Instant now, SocketId socket);
  /// What restarts would begin with is forgotten, because the three above tell all of it again; sessions stay as they
  /// are.
  void forget_local_addresses() { ice_.forget_local_addresses(); }
  /// No further local address or finding will come.
  void set_local_candidates_complete(Instant now);

  /// Opens one more channel; ChannelOpened follows when the peer has acknowledged it, and then send() takes messages.
  /// Errors: kNotConnected (also when no stream is left).
  std::expected<sctp::ChannelId, Error> open_channel(Instant now, const sctp::ChannelOptions& options);
  /// Closes a channel of either side when what waits on it is sent; ChannelClosed follows on both sides.
  void close_channel(Instant now, sctp::ChannelId channel);
  /// Sends one binary message on `channel`. Errors: kNotConnected, kWouldBlock, kMessageTooLarge (nothing is sent).
  std::expected<void, Error> send(Instant now, sctp::ChannelId channel, Bytes message);
  std::expected<void, Error> send(Instant now, sctp::ChannelId channel, sctp::MessageKind kind, Bytes message);
  /// Ends the connection in an orderly way as far as one flight can; poll_transmit() still has what the peer is told.
  void close(Instant now);

  /// One datagram or a batch of them, of any of our protocols. Errors, all harmless: kUnknownProtocol,
  /// kUnexpectedSource, kBadPacket, kNotConnected (it is closed); of a batch with one good datagram none.
  std::expected<void, Error> handle_input(Instant now, const Received& received);
  void handle_timeout(Instant now);
  /// A buffer of 1,500 bytes is always large enough.
  std::optional<Transmit> poll_transmit(Instant now, MutableBytes buffer);
  std::optional<Event> poll_event();
  Instant next_timeout() const;

  State state() const { return state_; }
  /// Those that checks of the peer may name: of each ICE session, the newest first; at most three.
  std::vector<std::string> local_ufrags() const { return ice_.local_ufrags(); }
  /// The newest one of the peer; empty before its first description.
  std::string remote_ufrag() const;
  const Counters& counters() const { return counters_; }
  /// The ICE session that carries data, or will be the first to.
  const ice::Agent& ice() const { return ice_.current(); }
  /// A restart is under way. While our offer of one is unanswered, awaits_restart_answer() too.
  bool is_restarting() const { return ice_.is_restarting(); }
  bool awaits_restart_answer() const { return dtls_ && ice_.awaits_answer(); }
  /// Whether this later description is of our session and of the DTLS association in it, so that it is for this
  /// connection and for no other to the same peer.
  bool is_same_association(const Description& remote) const;
  // Of all ICE sessions: see ice::Agent.
  bool is_valid_path(const Path& path) const { return ice_.is_valid_path(path); }
  bool has_remote_check(const Path& path) const { return ice_.has_remote_check(path); }
  bool awaits(const stun::TransactionId& id) const { return ice_.awaits(id); }
  /// Some ICE session has a pair on this path.
  bool has_pair(const Path& path) const { return ice_.has_pair(path); }
  ice::Counters ice_counters() const { return ice_.counters(); }
  /// Which side of DTLS we are; it means nothing before both descriptions are there.
  dtls::Role dtls_role() const { return dtls_role_; }
  /// What DTLS and SCTP counted; all zero before there is one.
  dtls::Session::Counters dtls_counters() const { return dtls_ ? dtls_->counters() : dtls::Session::Counters{}; }
  sctp::AssociationCounters sctp_counters() const { return sctp_ ? sctp_->counters() : sctp::AssociationCounters{}; }
  sctp::EngineCounters engine_counters() const { return sctp_ ? sctp_->engine_counters() : sctp::EngineCounters{}; }
  /// Messages that send() took and that have not left.
  std::size_t waiting_messages() const { return sctp_ ? sctp_->waiting_messages() : 0; }
  /// When DTLS last authenticated something from the peer.
  std::optional<Instant> last_authenticated() const { return last_authenticated_; }

 private:
  Description describe(Setup setup);
  std::expected<void, Error> apply_remote(Instant now, const Description& remote, dtls::Role role);
  void take_remote(Instant now, const Description& remote);
  bool is_same_session(const Description& remote) const;
  std::expected<std::string, Error> accept_later_offer(Instant now, std::string_view sdp);
  std::expected<void, Error> accept_restart_answer(Instant now, const Description& remote);
  std::expected<void, Error> handle_datagram(Instant now, const Received& received);
  std::expected<void, Error> handle_dtls(Instant now, const Received& received);
  bool is_proven(const Path& path) const;
  void drop_without_path();
  void take_early(Instant now);
  void start_dtls(Instant now);
  void pump(Instant now);
  void pump_ice(Instant now);
  void pump_dtls(Instant now);
  void pump_sctp(Instant now);
  void start_sctp(Instant now);
  void enter(State state);
  void fail(Instant now, Error reason);
  void push(Event event);
  std::optional<PacketBuffer> seal_next(Instant now);
  std::optional<Transmit> transmit(const PacketBuffer& packet, const Path& path, MutableBytes buffer);

  Options options_;
  Random& random_;
  BufferPool& pool_;
  sctp::EngineFactory& engines_;
  IceSessions ice_;
  std::optional<dtls::Session> dtls_;
  std::optional<sctp::Association> sctp_;

  State state_ = State::kNew;
  bool dtls_started_ = false;
  dtls::Role dtls_role_ = dtls::Role::kClient;
  Instant dtls_silent_at_ = kNever;  // when kDtlsSilence ends; kNever before DTLS starts and once a record came
  EarlyDatagrams early_;
  std::uint64_t session_id_ = 0;
  std::uint64_t session_version_ = Description{}.session_version;  // of our next description
  std::string mid_ = Description{}.mid;
  bool old_form_ = false;  // of descriptions
  std::uint64_t remote_session_id_ = 0;
  dtls::Fingerprints remote_fingerprints_;
  std::uint16_t remote_sctp_port_ = 5000;
  std::uint64_t max_message_size_ = kMaxMessageSize;   // bytes; the smaller of both sides' limits
  std::optional<std::pair<PacketBuffer, Path>> echo_;  // the latest record, when it has to go over a second path
  Ring<PacketBuffer> farewell_;                        // sealed datagrams that tell the peer of the end
  Ring<Event> events_;
  bool ufrags_told_ = false;  // LocalUfragsChanged is among them
  std::optional<Instant> last_authenticated_;
  Counters counters_;
};

static_assert(SansIo<PeerConnection>);

}  // namespace bamgate::peer
