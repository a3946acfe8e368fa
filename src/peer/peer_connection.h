// One WebRTC connection to one peer: ICE finds a path, DTLS secures it, SCTP carries data channels over it.
// RFC 8829/9429 (offer and answer), RFC 8831 (data channels). A pure state machine: it holds ice::Agent, dtls::Session
// and sctp::Association by value and drains them inside its own calls.
// Left out: media, renegotiation, ICE restart (a fresh connection is made instead).
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/buffer_pool.h"
#include "core/counters.h"
#include "core/crypto.h"
#include "core/random.h"
#include "core/ring.h"
#include "core/sans_io.h"
#include "dtls/session.h"
#include "ice/agent.h"
#include "peer/description.h"
#include "peer/early_datagrams.h"
#include "peer/error.h"
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

// What became of the connection.
struct LocalCandidate {
  std::string line;        // "candidate:… ufrag X"
  bool described = false;  // our description has it, or will have it; any other is to be trickled to the peer
};
struct GatheringComplete {};
struct StateChanged {
  State state;
};
struct PathSelected {
  Path path;
  ice::Candidate local;
  ice::Candidate remote;
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
  using Event = std::variant<LocalCandidate, GatheringComplete, StateChanged, PathSelected, ChannelOpened,
                             ChannelClosed, Message, Closed>;

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
  /// Takes the peer's answer. Errors: kWrongState, those of parse_description().
  std::expected<void, Error> accept_answer(Instant now, std::string_view sdp);
  /// Takes the peer's offer and returns our answer, with candidates as above. Errors as above.
  std::expected<std::string, Error> accept_offer(Instant now, std::string_view sdp);
  /// One trickled candidate (RFC 8838). Errors: kMalformedCandidate, kUnsupportedCandidate.
  std::expected<void, Error> add_remote_candidate(Instant now, std::string_view line);
  void set_remote_candidates_complete(Instant now);

  /// A bound UDP socket through which the peer may be reached. False: ICE has no use for it (any more).
  bool add_local_address(Instant now, SocketId socket, const Endpoint& base);
  /// What a STUN server said about such a socket.
  void add_reflexive(Instant now, const ice::Reflexive& reflexive);
  /// An allocation at a relay; datagrams through it carry `relay` and `socket` in their path.
  void add_relayed(Instant now, const ice::Relayed& relayed);
  /// That socket, or the address that it was bound to, is gone. If it carried the path, the connection is closed.
  void remove_local_address(Instant now, SocketId socket);
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
  const std::string& local_ufrag() const { return local_credentials_.ufrag; }
  const std::string& remote_ufrag() const { return remote_ufrag_; }
  const Counters& counters() const { return counters_; }
  const ice::Agent& ice() const { return ice_; }
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
  std::expected<void, Error> handle_datagram(Instant now, const Received& received);
  std::expected<void, Error> handle_dtls(Instant now, const Received& received);
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
  ice::Credentials local_credentials_;
  ice::Agent ice_;
  std::optional<dtls::Session> dtls_;
  std::optional<sctp::Association> sctp_;

  State state_ = State::kNew;
  bool dtls_started_ = false;
  dtls::Role dtls_role_ = dtls::Role::kClient;
  Instant dtls_silent_at_ = kNever;  // when kDtlsSilence ends; kNever before DTLS starts and once a record came
  EarlyDatagrams early_;
  std::uint64_t session_id_ = 0;
  std::uint16_t remote_sctp_port_ = 5000;
  std::uint64_t max_message_size_ = kMaxMessageSize;  // bytes; the smaller of both sides' limits
  std::string remote_ufrag_;
  bool described_ = false;                  // our description is out
  std::vector<ice::Candidate> candidates_;  // ours, which wait for the description
  bool gathered_ = false;                   // no more of them come
  Ring<PacketBuffer> farewell_;             // sealed datagrams that tell the peer of the end
  Ring<Event> events_;
  std::optional<Instant> last_authenticated_;
  Counters counters_;
};

static_assert(SansIo<PeerConnection>);

}  // namespace bamgate::peer
