// The ICE sessions of one connection. One carries data; a restart (RFC 8445 §9, RFC 8839 §4.4.1.1.1) makes another one
// beside it, with a new ufrag and password, that takes its place as soon as it has selected a path. There are never
// more than these and the former one, however often somebody restarts. A pure machine, drained by its connection.
//
// Credentials come through signaling, which is trusted less than DTLS: whoever forges an offer may answer checks under
// them and so have a path selected, but cannot speak DTLS. So the path of a restart is on trial until an authenticated
// record has come over it. Until then the former session stays as it is, after a moment most records go over both
// paths, and when authenticated ones come over the former path only, the restart is undone. Left out: who may restart
// when, which is the connection's and its owner's business.
#pragma once

#include <chrono>
#include <cstddef>
#include <expected>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/crypto.h"
#include "core/random.h"
#include "ice/agent.h"
#include "peer/error.h"

namespace bamgate::peer {

struct LocalCandidate {
  std::string line;        // "candidate:… ufrag X"
  bool described = false;  // our description has it, or will have it; any other is to be trickled to the peer
};
/// No more candidates come of the newest session.
struct GatheringComplete {};
/// Data goes over this path now: the first one, a better one, or that of a restarted session.
struct PathSelected {
  Path path;
  ice::Candidate local;
  ice::Candidate remote;
};
/// PeerConnection::local_ufrags() are others than before.
struct LocalUfragsChanged {};
/// A restart came to nothing, for want of an answer or of a path; data goes on over the path that there was.
struct RestartFailed {};

class IceSessions {
 public:
  /// No session has a path any more, and none will.
  struct PathLost {};
  using Event =
      std::variant<LocalCandidate, GatheringComplete, PathSelected, LocalUfragsChanged, RestartFailed, PathLost>;

  /// An offer to restart that is not answered within this time has come to nothing.
  static constexpr auto kAnswerTime = std::chrono::seconds(30);
  // RFC 8445 §8.3.1: an agent should wait 3 s more before it frees what ICE does not use any longer.
  static constexpr auto kLinger = std::chrono::seconds(3);
  /// A path that its trial was against has so long to be brought back.
  static constexpr auto kDoubtTime = ice::kConsentLifetime;
  /// The side that nominates switches first. When after this time the peer's records still come over the former path
  /// and none over the new one, it was not the peer who was found there.
  static constexpr auto kTrial = std::chrono::seconds(5);
  /// From the first record on trial on, all go over the new path alone for so long: the peer's come over it after one
  /// round trip. Not after a trial that went against the path.
  static constexpr auto kAloneTime = std::chrono::milliseconds(500);
  /// Then one record of so many does, and the others go over both: of such a record the peer takes the first, and that
  /// may always be the one over the former path.
  static constexpr unsigned kAloneOf = 4;

  /// `options.local` is made here. `random` and `crypto` outlive it.
  IceSessions(ice::Options options, Random& random, Crypto& crypto);

  // ---- Descriptions ----

  /// What our description says of the newest session. Candidates that come later are to be trickled.
  struct Described {
    ice::Credentials credentials;
    std::vector<ice::Candidate> candidates;
    bool complete = false;
  };
  Described describe();
  /// The credentials of the peer in the newest session, if they are not known yet, and candidates of it.
  void set_remote(Instant now, const Described& remote);

  /// A restarted session begins, with the local addresses that are known. It takes the place of another that has no
  /// path yet. RFC 8445 §6.1.1: roles stay as they are.
  void restart(Instant now);
  /// Our offer to restart is out, and no answer has come.
  bool awaits_answer() const { return next_ != nullptr && !next_->agent.remote_credentials(); }
  /// The offer is made once more: its answer has as long again.
  void prolong(Instant now) { answer_end_ = now + kAnswerTime; }
  /// Ends a restart that has no path yet, without an event.
  void cancel_restart(Instant now);
  /// RFC 8839 §4.4.2: a description of the peer with another ufrag or password than its newest session has.
  bool is_restart(const ice::Credentials& remote) const { return remote != *remote_credentials(); }
  /// The credentials are those of the session that carries data, though a restart is under way.
  bool is_rollback(const ice::Credentials& remote) const;

  // ---- Candidates ----

  /// For the session whose ufrag the line names; the newest when it names none. Errors: kMalformedCandidate,
  /// kUnsupportedCandidate, kUnknownUfrag.
  std::expected<void, Error> add_remote_candidate(Instant now, std::string_view line);
  void set_remote_candidates_complete(Instant now) { newest().agent.set_remote_candidates_complete(now); }
  /// These are kept for restarts as well. False: ICE never has a use for it, or too many are known.
  bool add_local_address(Instant now, SocketId socket, const Endpoint& base);
  void add_reflexive(Instant now, const ice::Reflexive& reflexive);
  void add_relayed(Instant now, const ice::Relayed& relayed);
  void remove_local_address(Instant now, SocketId socket);
  void set_local_candidates_complete(Instant now);
  /// What was kept for restarts is not kept any more, because all of it will be told again.
  void forget_local_addresses() { known_ = {}; }

  // ---- Datagrams and time ----

  /// One STUN datagram, for the session that it names or that asked for it.
  std::expected<void, ice::Error> handle_input(Instant now, const Received& received);
  void handle_timeout(Instant now);
  std::optional<Transmit> poll_transmit(Instant now, MutableBytes buffer);
  std::optional<Event> poll_event(Instant now);
  Instant next_timeout() const;
  /// DTLS has authenticated what came on this path.
  void note_authenticated(Instant now, const Path& path);

  /// The session that carries data, or will be the first to.
  const ice::Agent& current() const { return current_->agent; }
  /// A restart is under way: offered, or its checks run.
  bool is_restarting() const { return next_ != nullptr; }
  std::optional<Path> selected_path() const { return current_->agent.selected_path(); }
  bool may_send(Instant now) const { return current_->agent.may_send(now); }
  /// Where the record that goes over the selected path now has to go as well, while that is on trial.
  std::optional<Path> also_over(Instant now);
  // Of any session: see ice::Agent.
  bool is_valid_path(const Path& path) const;
  bool has_remote_check(const Path& path) const;
  bool awaits(const stun::TransactionId& id) const;
  /// Some session has a pair on this path.
  bool has_pair(const Path& path) const;
  /// Of every session, the newest first; at most three.
  std::vector<std::string> local_ufrags() const;
  /// The newest that is known; nullptr before the peer's first description.
  const ice::Credentials* remote_credentials() const;
  /// Of all sessions that there were.
  ice::Counters counters() const;

 private:
  struct Session {
    Session(ice::Options options, Random& random, Crypto& crypto) : agent(std::move(options), random, crypto) {}
    ice::Agent agent;
    std::vector<ice::Candidate> candidates;  // ours
    bool gathered = false;                   // no more of them come
    bool described = false;                  // our description is out
  };
  /// What a restarted session begins with.
  struct Known {
    std::vector<std::pair<SocketId, Endpoint>> bases;
    std::vector<ice::Reflexive> reflexives;
    std::vector<ice::Relayed> relays;
    bool complete = false;
  };

  std::unique_ptr<Session> make_session(ice::Role role);
  Session& newest() { return next_ ? *next_ : *current_; }
  ice::Agent* find_remote(std::string_view ufrag);
  ice::Agent& addressee(Bytes datagram);
  void pump(Instant now);
  void take_events(Session& session);
  void end_former(Instant now);
  void take_next(Instant now);
  void begin_trial(Instant now);
  void prove(Instant now);
  void undo(Instant now);
  void tell_selected();
  void drop_next();
  void retire(std::unique_ptr<Session>& session);

  template <typename Visit>
  void for_each(Visit visit) const {
    for (const auto* session : {&next_, &current_, &former_}) {
      if (*session) visit((*session)->agent);
    }
  }

  ice::Options options_;
  Random& random_;
  Crypto& crypto_;
  std::unique_ptr<Session> current_;  // always there
  std::unique_ptr<Session> next_;     // of a restart, until it has a path
  std::unique_ptr<Session> former_;   // after a restart: as long as the new path is on trial, and a moment longer
  Instant answer_end_ = kNever;       // while awaits_answer()
  Instant doubt_end_ = kNever;        // set while next_ has a path that its trial was against
  Instant former_end_ = kNever;       // kNever while the new path is on trial
  Instant trial_end_ = kNever;        // while there is a former session
  Instant alone_end_ = kNever;        // of kAloneTime; kNever before the first record
  unsigned on_trial_ = 0;             // records that were sent after that
  bool doubted_ = false;              // the latest trial went against the path
  bool lost_ = false;                 // PathLost is told
  Known known_;
  std::list<Event> events_;  // seldom any; an empty list takes no memory
  ice::Counters ended_;
};

}  // namespace bamgate::peer
