// A full ICE agent for one component (RFC 8445), with trickle (RFC 8838), patience (RFC 8863) and consent (RFC 7675).
//
// It makes candidates of the addresses that it is given, pairs them with the remote ones, checks the pairs, nominates
// one and keeps consent on it. It is a pure machine: datagrams and time in; datagrams, events and the next deadline out
// (core/sans_io.h). Left out: the asking of STUN servers (gatherer.h), ICE lite, ICE-TCP, several components or
// streams, renomination and restart in place (a restart is a new Agent beside the old one: peer/ice_sessions.h).
#pragma once

#include <cstdint>
#include <deque>
#include <expected>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/counters.h"
#include "core/crypto.h"
#include "core/endpoint.h"
#include "core/random.h"
#include "core/sans_io.h"
#include "ice/candidate.h"
#include "ice/check_message.h"
#include "ice/checklist.h"
#include "ice/consent.h"
#include "ice/credentials.h"
#include "ice/error.h"
#include "ice/gatherer.h"
#include "ice/nomination.h"
#include "ice/outbox.h"
#include "ice/pair.h"
#include "ice/route_filter.h"
#include "stun/message.h"

namespace bamgate::ice {

/// kNew -> kChecking (remote credentials known) -> kConnected (a path is selected) -> kDisconnected (consent is gone).
/// kChecking -> kFailed when patience ends without a path. kDisconnected, kFailed and kClosed are final: the agent
/// sends nothing more and wants no timer; start afresh with a new Agent and new credentials.
enum class State : std::uint8_t { kNew, kChecking, kConnected, kDisconnected, kFailed, kClosed };

std::string_view to_string(State state);

struct Options {
  Role role = Role::kControlling;
  Credentials local;  // see Credentials::generate()
  /// What leads into the tunnel: no local, remote or peer-reflexive candidate may lie there.
  RouteFilter route_filter;
  /// Addresses that exist only behind relays (the hub's 10.255.0.0/16): relayed candidates there pair with each other
  /// only.
  std::vector<IpPrefix> relay_networks;
  /// RFC 8445 §5.1.1.1 forbids loopback candidates; tests on one machine may want them.
  bool allow_loopback = false;
};

/// What the agent counted since it was made.
struct Counters {
  std::uint64_t checks_sent = 0;              // first transmissions of connectivity checks, without consent
  std::uint64_t retransmissions = 0;          // of connectivity checks
  std::uint64_t checks_received = 0;          // valid ones
  std::uint64_t checks_succeeded = 0;         // valid success responses to our connectivity checks
  std::uint64_t checks_failed = 0;            // checks given up or answered with an error, role conflicts aside
  std::uint64_t role_conflicts = 0;           // 487 sent or received
  std::uint64_t consent_sent = 0;             // consent checks
  std::uint64_t consent_answered = 0;         // valid responses to them
  std::uint64_t ignored_candidates = 0;       // lines with TCP, mDNS names, another component, or malformed
  std::uint64_t dropped_malformed = 0;        // no STUN, STUN that nobody asked for, or a check without PRIORITY
  std::uint64_t dropped_unauthenticated = 0;  // wrong user name or integrity
  std::uint64_t dropped_excluded = 0;         // from an excluded or unusable address, or on an unknown path
  std::uint64_t dropped_limit = 0;            // candidates, pairs, early checks or replies beyond a bound
  std::uint64_t dropped_oversized = 0;        // datagrams of ours that the caller's buffer was too small for

  static constexpr auto list() {
    return std::to_array<Counter<Counters>>({
        {"ice_checks_sent", "connectivity checks sent", &Counters::checks_sent},
        {"ice_retransmissions", "connectivity checks sent again", &Counters::retransmissions},
        {"ice_checks_received", "connectivity checks of peers", &Counters::checks_received},
        {"ice_checks_succeeded", "connectivity checks of ours that were answered", &Counters::checks_succeeded},
        {"ice_checks_failed", "connectivity checks of ours that came to nothing", &Counters::checks_failed},
        {"ice_role_conflicts", "conflicts about who chooses the path", &Counters::role_conflicts},
        {"ice_consent_sent", "questions to peers whether we may go on sending", &Counters::consent_sent},
        {"ice_consent_answered", "of these answered", &Counters::consent_answered},
        {"ice_ignored_candidates", "candidates of peers of a kind that is not used, or malformed",
         &Counters::ignored_candidates},
        {"ice_dropped_malformed", "STUN messages that are malformed or that nobody asked for: dropped",
         &Counters::dropped_malformed},
        {"ice_dropped_unauthenticated", "STUN messages with a wrong user name or integrity: dropped",
         &Counters::dropped_unauthenticated},
        {"ice_dropped_excluded", "STUN messages and candidates of addresses that cannot be used: dropped",
         &Counters::dropped_excluded},
        {"ice_dropped_limit", "candidates, pairs, checks and answers beyond a bound: dropped",
         &Counters::dropped_limit},
        {"ice_dropped_oversized", "STUN messages of ours that were too long: dropped", &Counters::dropped_oversized},
    });
  }
  Counters& operator+=(const Counters& other) { return add_counters(*this, other); }
};

/// A candidate of ours for the peer. Trickle it.
struct LocalCandidate {
  Candidate candidate;
};
/// No further LocalCandidate comes: send end-of-candidates (RFC 8838 §13).
struct GatheringComplete {};
struct StateChanged {
  State state;
};
/// Data goes over `path` from now on. Comes before StateChanged{kConnected}, and again if the peer nominates a better
/// one.
struct PathSelected {
  Path path;
  Candidate local;
  Candidate remote;
};

/// What a relay gave.
struct Relayed {
  RelayId relay = RelayId::kNone;
  SocketId socket = SocketId::kNone;
  Endpoint relayed;        // where peers send to
  Endpoint related;        // our address as the relay sees it
  bool in_stream = false;  // packets reach the relay in a stream, where they wait for each other: preferred less
};

/// One ICE session with one peer. After any call: drain poll_transmit(), then poll_event(), then read next_timeout().
class Agent {
 public:
  using Event = std::variant<LocalCandidate, GatheringComplete, StateChanged, PathSelected>;
  using Error = ice::Error;

  // Bounds against floods.
  static constexpr std::size_t kMaxLocalCandidates = 32;
  static constexpr std::size_t kMaxRemoteCandidates = 32;         // signalled ones
  static constexpr std::size_t kMaxPeerReflexiveCandidates = 16;  // learnt from checks
  static constexpr std::size_t kMaxEarlyChecks = 16;
  static constexpr std::size_t kMaxQueuedDatagrams = 64;

  /// `random` and `crypto` must outlive the agent.
  Agent(Options options, Random& random, Crypto& crypto);

  /// A socket bound to `base` becomes a host candidate. Several bases may share a socket. Excluded and unusable
  /// addresses, and any call after GatheringComplete or PathSelected (RFC 8838 §13), are ignored; so it is with the
  /// next two. False when it was ignored.
  bool add_local_address(Instant now, SocketId socket, const Endpoint& base);
  /// What a STUN server said about a socket that is known: a server-reflexive candidate.
  void add_reflexive(Instant now, const Reflexive& reflexive);
  /// A TURN allocation. Checks through it carry `relay` in their path.
  void add_relayed(Instant now, const Relayed& relayed);
  /// The socket is gone, or the address that it was bound to: its candidates and pairs are forgotten, and nothing is
  /// sent from it any more; the same for relays behind it. If it carried the selected path, the agent is kDisconnected
  /// at once. The peer is not told (RFC 8838 cannot take a candidate back); it finds out when its checks get no answer.
  void remove_local_address(Instant now, SocketId socket);
  /// No more addresses, findings or relays come: GatheringComplete follows.
  void set_local_candidates_complete(Instant now);

  /// The peer's ufrag and password; checks start. Early checks of that ufrag are taken up, others forgotten.
  /// A second call changes nothing. Errors: kBadCredentials, kClosed.
  std::expected<void, Error> set_remote_credentials(Instant now, Credentials remote);
  /// May come before the credentials. The same endpoint twice is no error.
  /// Errors: kUnusableAddress, kExcludedAddress, kTooMany, kClosed.
  std::expected<void, Error> add_remote_candidate(Instant now, const Candidate& candidate);
  /// The same for a line as the hub brings it. What is no candidate for us (TCP, mDNS and other names, another
  /// component, malformed) is ignored and counted: ignored_candidates. Errors: those of parse_candidate(), and the
  /// above.
  std::expected<void, Error> add_remote_candidate_line(Instant now, std::string_view line);
  /// The peer's end-of-candidates.
  void set_remote_candidates_complete(Instant now);

  /// One STUN datagram (or a batch of them) from `received.path`. The error says why it was dropped; all are harmless.
  std::expected<void, Error> handle_input(Instant now, const Received& received);
  void handle_timeout(Instant now);
  /// A buffer of 1,200 bytes is always large enough; a datagram that does not fit is dropped.
  std::optional<Transmit> poll_transmit(Instant now, MutableBytes buffer);
  std::optional<Event> poll_event();
  Instant next_timeout() const;

  /// Ends the session: nothing is sent any more, not even answers.
  void close(Instant now);

  /// Authenticated data (DTLS) came on this path. It shows that the path works towards us, so a lost check alone is no
  /// fault then; consent itself is still decided by responses only (RFC 7675 §5.1).
  void note_authenticated(Instant now, const Path& path);

  State state() const { return state_; }
  /// True when nothing more will happen: kDisconnected, kFailed and kClosed.
  bool is_final() const;
  Role role() const { return role_; }
  const Credentials& local_credentials() const { return options_.local; }
  const std::optional<Credentials>& remote_credentials() const { return remote_credentials_; }
  /// Where data goes; nullopt before a path is selected and in the final states.
  std::optional<Path> selected_path() const;
  /// The candidates of the selected path, for status; kept after the end of the session.
  const std::optional<PathSelected>& selected() const { return selected_; }
  /// Whether data may be sent on the selected path: consent is alive (RFC 7675 §5.1).
  bool may_send(Instant now) const;
  bool may_send() const { return state_ == State::kConnected; }
  /// True for a path on which a check of ours succeeded: data may arrive there before this side knows of the
  /// nomination.
  bool is_valid_path(const Path& path) const;
  /// True for a path of which it has a pair, in whatever state.
  bool has_pair(const Path& path) const { return checklist_.find(path) != nullptr; }
  /// Whether an address may be a candidate, local or remote.
  bool is_usable(const Endpoint& endpoint) const { return check_address(endpoint).has_value(); }
  /// True while an answer to the check with this id would be ours.
  bool awaits(const stun::TransactionId& id) const;
  /// True for a path on which an authenticated check of the peer came: whoever sends from there knows our password, or
  /// its address.
  bool has_remote_check(const Path& path) const;
  /// Smoothed round trip of checks on the selected path; nullopt before the first answer.
  std::optional<Duration> rtt() const { return consent_.rtt(); }
  /// When the peer last proved to be there, by a valid response or authenticated data on the selected path.
  std::optional<Instant> last_heard() const { return last_heard_; }
  /// Consent checks since the last sign of life; two or more mean trouble.
  unsigned unanswered_consent_checks() const { return consent_.unanswered(); }
  const Counters& counters() const { return counters_; }
  std::size_t pair_count() const { return checklist_.size(); }
  /// Candidates of the peer, signalled or learnt from its checks.
  std::size_t remote_candidate_count() const { return remotes_.size(); }

 private:
  /// Where checks leave from: a host address or a relayed one.
  struct Base {
    SocketId socket;
    RelayId relay;
    Candidate candidate;
    std::uint32_t check_priority;
    bool in_stream = false;
  };
  struct Remote {
    Candidate candidate;
    bool signalled;
  };
  /// A valid check that came before the remote credentials; it is answered at once and taken up later.
  struct EarlyCheck {
    Path path;
    IncomingCheck check;
  };

  // agent.cc: pacing, timers, states.
  void run(Instant now);
  void enter(State state);
  void end(State state);
  void retransmit(Instant now);
  void start_transaction(Instant now);
  void keep_consent(Instant now);
  void give_up_when_hopeless(Instant now);

  // agent_candidates.cc: local and remote candidates, pairs.
  std::expected<void, Error> check_address(const Endpoint& endpoint) const;
  std::string foundation_for(CandidateType type, const IpAddress& base, const IpAddress& server);
  std::uint16_t next_local_preference(Family family, bool in_stream = false) const;
  void add_base(Base base);
  bool may_announce() const;
  void announce(const Candidate& candidate);
  const Base* find_base(const Path& path) const;
  bool may_pair(const Base& base, const Candidate& remote) const;
  bool in_relay_network(const IpAddress& address) const;
  Pair* add_pair(const Base& base, const Candidate& remote);
  bool worth_checking(const Pair& pair) const;

  // agent_checks.cc: checks out, requests and responses in, nomination.
  std::expected<void, Error> handle_datagram(Instant now, const Path& path, Bytes datagram);
  std::expected<void, Error> handle_request(Instant now, const Path& path, const stun::Message& request);
  std::expected<void, Error> handle_response(Instant now, const Path& path, const stun::Message& response);
  std::expected<void, Error> handle_consent_response(Instant now, const stun::Message& response);
  std::expected<void, Error> handle_check_error(Pair& pair, const stun::Message& response);
  bool resolve_role_conflict(const IncomingCheck& check);
  void yield_role(Role claimed);
  void remember_early(const Path& path, IncomingCheck check);
  void take_up_check(Instant now, const Path& path, const IncomingCheck& check);
  const Candidate* remote_candidate_at(const Endpoint& endpoint, std::uint32_t priority, RelayId relay);
  void start_check(Instant now, Pair& pair);
  void succeed(Instant now, Pair& pair, const SentCheck& check, const Endpoint& mapped);
  void fail(Pair& pair);
  const Candidate& local_candidate_at(const Pair& pair, const Endpoint& mapped);
  void switch_role(Role role);
  NominationInput nomination_input() const;
  void nominate(Instant now);
  void select(Instant now, Pair& pair);
  void send(const Path& path, const std::vector<std::byte>& datagram);

  Options options_;
  Random& random_;
  Crypto& crypto_;
  Role role_;
  State state_ = State::kNew;
  std::uint64_t tie_breaker_;
  std::optional<Credentials> remote_credentials_;

  std::vector<Base> bases_;
  std::vector<Candidate> locals_;  // all that were announced, and peer-reflexive ones
  std::vector<Remote> remotes_;
  std::vector<std::string> foundations_;  // the key of each foundation; its number is the index + 1
  std::list<EarlyCheck> early_;           // seldom any; an empty list takes no memory

  Checklist checklist_;
  Consent consent_;
  Outbox outbox_{kMaxQueuedDatagrams};
  std::deque<Event> events_;

  bool gathering_complete_ = false;
  bool remote_complete_ = false;
  Instant next_transaction_ = Instant::min();  // of any kind
  Instant next_ordinary_ = Instant::min();     // and of those that wait for Ta
  Instant next_nomination_ = kNever;
  Instant checks_started_ = kNever;
  Instant patience_end_ = kNever;
  Instant nomination_grace_end_ = Instant::min();  // controlled: until then a valid pair may hope to be nominated

  std::optional<PathSelected> selected_;
  std::uint64_t selected_priority_ = 0;
  bool nomination_confirmed_ = false;      // both sides know of the selected path
  Role consent_role_ = Role::kControlled;  // what the latest consent check claimed
  std::optional<Instant> last_heard_;
  Counters counters_;
};

static_assert(SansIo<Agent>);

}  // namespace bamgate::ice
