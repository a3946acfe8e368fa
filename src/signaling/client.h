// A device's side of the signaling connection as a pure machine: it fetches a token, connects, joins, keeps the
// connection alive, paces what it sends, and connects again after every loss, ever more patiently.
// The WebSocket and the token requests are the owner's; the machine says by effects what it wants.
//
//   kStopped -> kToken -> kConnecting -> kJoining -> kOnline
//                 ^                                    |
//                 +------------- kWaiting <------------+      (from every state, on any failure)
//
// Left out: what is inside tokens, and what the messages mean; both are the agent's.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/counters.h"
#include "core/random.h"
#include "core/time.h"
#include "core/timer_table.h"
#include "signaling/backoff.h"
#include "signaling/hub_answer.h"
#include "signaling/message.h"
#include "signaling/pacer.h"

namespace bamgate::signaling {

/// WebSocket close codes of the hub (protocol.md) that the machine tells apart; every other one is an ordinary loss.
enum class CloseCode : std::uint16_t {
  kNormal = 1000,     // we go
  kAbnormal = 1006,   // the connection broke (RFC 6455 §7.4.1); never on the wire
  kMalformed = 4400,  // the hub could not read us
  kToken = 4401,      // access token invalid or expired
  kForbidden = 4403,  // name, key or address are not those of the token's device
  kReplaced = 4409,   // a newer connection of this device
  kRevoked = 4410,    // device revoked; anybody on the way can close so, hence the hub is asked
  kFlooding = 4429,   // we sent too much
};

/// Why the connection is away, for people and logs.
enum class OfflineReason {
  kUnreachable,  // the hub could not be reached, or gave no token
  kLost,         // the connection ended or broke
  kNetwork,      // the address under the connection is gone, or the machine slept
  kTimeout,      // no answer in time
  kToken,        // the access token was refused; a new one will be asked for
  kMalformed,    // the hub could not read us
  kForbidden,    // the hub says that name, key or address are not ours, or refuses the request itself
  kReplaced,     // another connection of this device took over: the same device runs twice
  kFlooding,     // the hub says that we send too much
  kDoubt,        // closed as of a revoked device: the hub will be asked whether that is so
  kExpired,      // the refresh token's time is over
  kSuperseded,   // the refresh tokens were used elsewhere: the same device runs twice
};
const char* to_string(OfflineReason reason);

/// What has happened to the network of this machine.
enum class NetworkChange {
  kOther,        // addresses or routes came or changed: a connection may still work
  kAddressGone,  // an address went away, perhaps the one that a connection uses
  kSlept,        // the machine slept, and the hub may have given us up
};

// Effects: what the owner is to do.

/// Get an access token and report on_access_token() or on_token_failed(), once. `renew`: the hub refused the last one,
/// so a cached token will not do.
struct NeedAccessToken {
  bool renew = false;
  bool operator==(const NeedAccessToken&) const = default;
};
/// Open the WebSocket with this bearer token; report on_open() or on_connect_failed(), once.
struct Connect {
  std::string access_token;
  bool operator==(const Connect&) const = default;
};
struct SendText {
  std::string text;
  bool operator==(const SendText&) const = default;
};
/// Send a WebSocket ping (RFC 6455 §5.5.2) and report its pong with on_pong().
struct Ping {
  bool operator==(const Ping&) const = default;
};
/// Give up the connection, or the attempt that is under way, with this close code. The owner reports nothing of it
/// afterwards: not even on_closed().
struct Disconnect {
  CloseCode code = CloseCode::kNormal;
  bool operator==(const Disconnect&) const = default;
};

// Events: what became of the connection.

/// The hub accepted our join. The PeerList that says it follows at once.
struct Online {
  bool operator==(const Online&) const = default;
};
/// A list of devices, put together from its parts. `complete`: all others, the answer to our join, so whoever is not in
/// it is not connected to the hub now. Otherwise: devices that have just joined, perhaps once more.
struct PeerList {
  bool complete = false;
  std::vector<PeerInfo> peers;
  std::vector<PeerRevoked> revoked;
  bool operator==(const PeerList&) const = default;
};
/// An Offer, Answer, IceCandidate, PeerLeft or PeerRevoked.
struct Received {
  Message message;
  bool operator==(const Received&) const = default;
};
/// Comes when the connection is lost or the first attempt fails, and again when a later attempt fails for another
/// reason.
struct Offline {
  OfflineReason why = OfflineReason::kLost;
  std::string detail = {};  // what answered, in words; may be empty
  bool operator==(const Offline&) const = default;
  /// What a person reads.
  std::string text() const;
};
/// The hub does not know this device any more: the machine has stopped, and only start() moves it again.
struct Fatal {
  std::string detail = {};  // the hub's words
  bool operator==(const Fatal&) const = default;
};

struct ClientStats {
  std::uint64_t attempts = 0;        // Connect effects
  std::uint64_t joins = 0;           // times that the machine came online
  std::uint64_t losses = 0;          // connections that ended, by whom and why ever, once the hub had accepted our join
  std::uint64_t texts_in = 0;        // all that came
  std::uint64_t texts_out = 0;       // SendText effects
  std::uint64_t pings = 0;           // Ping effects
  std::uint64_t pongs = 0;           // what came in answer
  std::uint64_t not_understood = 0;  // texts that were no message, malformed, or not for a device
  std::uint64_t ignored = 0;         // texts of an unknown type
  std::uint64_t dropped_peers = 0;   // entries of lists that were malformed or beyond what a room can hold
  std::uint64_t dropped_early = 0;   // messages before the first list that were too many, or whose list never ended
  std::uint64_t dropped_sends = 0;   // messages that send() refused
  std::uint64_t dropped_queued = 0;  // messages that still waited when the connection ended

  static constexpr auto list() {
    return std::to_array<Counter<ClientStats>>({
        {"hub_attempts", "attempts to connect to the hub", &ClientStats::attempts},
        {"hub_joins", "of these the hub accepted", &ClientStats::joins},
        {"hub_losses", "connections to the hub that ended again", &ClientStats::losses},
        {"hub_texts_received", "messages received from the hub", &ClientStats::texts_in},
        {"hub_texts_sent", "messages sent to the hub", &ClientStats::texts_out},
        {"hub_pings", "questions to the hub whether it is there", &ClientStats::pings},
        {"hub_pongs", "of these answered", &ClientStats::pongs},
        {"hub_texts_not_understood", "messages of the hub that are malformed or not for a device: dropped",
         &ClientStats::not_understood},
        {"hub_texts_unknown", "messages of the hub of a kind that this version does not know: dropped",
         &ClientStats::ignored},
        {"hub_entries_dropped", "devices on lists of the hub that are malformed or too many: dropped",
         &ClientStats::dropped_peers},
        {"hub_texts_early_dropped",
         "messages of the hub ahead of its first list that were too many, or lost with it: dropped",
         &ClientStats::dropped_early},
        {"hub_sends_refused",
         "messages to the hub while there was no connection, or that were too many or too long: dropped",
         &ClientStats::dropped_sends},
        {"hub_sends_lost", "messages to the hub that waited when the connection ended: dropped",
         &ClientStats::dropped_queued},
    });
  }
  ClientStats& operator+=(const ClientStats& other) { return add_counters(*this, other); }
};

class Client {
 public:
  using Effect = std::variant<NeedAccessToken, Connect, SendText, Ping, Disconnect>;
  using Event = std::variant<Online, PeerList, Received, Offline, Fatal>;
  enum class State { kStopped, kToken, kConnecting, kJoining, kOnline, kWaiting };

  /// `self` is what each join says. `random` must outlive the machine.
  Client(PeerInfo self, Random& random);

  // Inputs. After each of them: drain poll_effect(), then poll_event(), then read next_timeout().

  /// Begins to connect; nothing when it does so already.
  void start(Instant now);
  /// Ends the connection; the machine then waits for start(). Gives no event.
  void stop(Instant now);
  /// Also of a token that was asked for otherwise: it ends a wait for one that was refused.
  void on_access_token(Instant now, std::string token);
  /// Also of a token that was asked for ahead of time: then only kGone means anything here.
  void on_token_failed(Instant now, const HubFault& fault);
  void on_open(Instant now);
  void on_text(Instant now, std::string_view text);
  /// A pong came: the only input that proves life without a text.
  void on_pong(Instant now);
  /// The connection ended; `code` is its close code, 1006 when there was none.
  void on_closed(Instant now, std::uint16_t code);
  /// The connection could not be opened.
  void on_connect_failed(Instant now, const HubFault& fault);
  /// Addresses or routes have changed, or the machine slept: a connection is probed, or made anew when it is likely to
  /// be dead, and a wait for the network is cut short (not one that the hub asked for). No more than once a second.
  void network_changed(Instant now, NetworkChange change);
  /// Queues a message, paced. False, and the message is dropped: while not online, when kMaxQueued messages or
  /// kMaxQueuedBytes wait, or when it is longer than the hub takes (64 KiB).
  /// What is queued when the connection ends is dropped too: after each Online the agent decides afresh from the list.
  bool send(Instant now, const Message& message);
  void handle_timeout(Instant now);

  // Outputs.
  std::optional<Effect> poll_effect();
  std::optional<Event> poll_event();
  Instant next_timeout() const;

  /// What the next join says; the present connection is not touched.
  void set_self(PeerInfo self) { self_ = std::move(self); }
  const PeerInfo& self() const { return self_; }
  State state() const { return state_; }
  bool online() const { return state_ == State::kOnline; }
  /// Why there is no connection, as it was told last; nullptr while there is one and before the first failure.
  const Offline* offline() const { return reported_ ? &*reported_ : nullptr; }
  /// When the next attempt begins; kNever while one is under way, and while none is to follow.
  Instant next_attempt() const { return timers_.deadline(Timer::kRetry); }
  const ClientStats& stats() const { return stats_; }

  static constexpr std::size_t kMaxQueued = 4096;
  static constexpr std::size_t kMaxQueuedBytes = 8 << 20;

 private:
  enum class Timer : std::size_t { kAttempt, kRetry, kPing, kDead, kStable, kCount };

  struct Queued {
    std::string text;
    Duration cost;
  };

  void begin_attempt(Instant now);
  void retry_later(Instant now, Offline why, Duration at_least);
  void give_up(Instant now, OfflineReason why);
  void handle_fault(Instant now, const HubFault& fault);
  void handle_replaced(Instant now);
  void end_for_good(const HubFault& fault);
  bool awaits_person() const;
  void forget_connection();
  void heard(Instant now);
  void ping(Instant now, Duration patience);
  void retry_soon(Instant now);
  void handle_peers(Instant now, Peers list);
  void deliver_list(Instant now);
  void deliver(Message message);
  void flush(Instant now);
  void send_text(std::string text);
  bool connected() const { return state_ == State::kJoining || state_ == State::kOnline; }

  PeerInfo self_;
  Random& random_;
  State state_ = State::kStopped;
  Backoff backoff_;
  Pacer pacer_;
  TimerTable<Timer> timers_;
  Instant earliest_attempt_ = Instant::min();  // network_changed() does not hurry the next one beyond this
  bool may_hurry_ = false;           // the present wait is for the network, so network_changed() may cut it short
  bool renew_token_ = false;         // the hub refused the last one
  std::optional<Offline> reported_;  // since the machine was online
  SlowBackoff token_patience_;       // no token will be given before a person acts
  SlowBackoff replaced_patience_;    // another machine takes our connections over
  Instant online_since_{};
  PeerList list_;                 // the parts that came of a list that is not complete yet
  std::vector<Message> held_;     // came before the first list was complete
  std::set<std::string> others_;  // devices at the hub when it was heard last: they all come back with us
  std::deque<Queued> queue_;
  std::size_t queued_bytes_ = 0;
  std::deque<Effect> effects_;
  std::deque<Event> events_;
  ClientStats stats_;
};

}  // namespace bamgate::signaling
