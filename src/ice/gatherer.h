// Asks STUN servers for our server-reflexive addresses, and keeps the NAT bindings alive (RFC 8445 §5.1.1.2, §5.1.1.4).
// A machine of its own, beside the agents: what it finds serves every connection that uses its sockets, so that a
// server is asked once for a device and not once for each peer.
// Leaves out candidates: an agent makes them of what is found (Agent::add_reflexive()).
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <expected>
#include <optional>
#include <utility>
#include <vector>

#include "core/random.h"
#include "core/sans_io.h"
#include "ice/error.h"
#include "ice/outbox.h"
#include "stun/message.h"
#include "stun/transaction.h"

namespace bamgate::ice {

inline constexpr std::size_t kMaxStunServers = 8;

/// What one server says about one socket.
struct Reflexive {
  SocketId socket;
  Endpoint base;
  Endpoint server;
  Endpoint mapped;
};

/// What the answers and silences of all servers say together.
struct StunFindings {
  unsigned asked = 0;           // requests: one for each socket and server of its family
  unsigned answered = 0;        // of them; none, though some were asked: UDP does not get out
  bool mapping_varies = false;  // one socket has several mapped endpoints: address-dependent mapping (RFC 4787 §4.1)
};

class Gatherer {
 public:
  using Event = Reflexive;
  using Error = ice::Error;

  static constexpr std::size_t kMaxQueuedDatagrams = 64;
  /// No server is asked about the same socket more often than that, whoever wants to know.
  static constexpr auto kShortestRepeat = std::chrono::seconds(1);

  /// `random` outlives it.
  explicit Gatherer(Random& random) : random_(random) {}

  /// One request to each server of the family of `base`. A socket and family that is known already is ignored.
  void add_base(Instant now, SocketId socket, const Endpoint& base);
  /// The socket is gone: its requests end without an answer, and what was found for it is forgotten.
  void remove_base(SocketId socket);
  /// Ignored when the server is known, or one too many.
  void add_server(Instant now, const Endpoint& server);
  /// It is asked nothing more, and what it said is forgotten.
  void remove_server(const Endpoint& server);
  /// Whether it has answered for some socket, and has not been asked in vain since.
  bool answers(const Endpoint& server) const;
  /// True once after a server was given up that answers for no socket.
  bool take_silence() { return std::exchange(silence_, false); }
  /// The network here may be another than it was: each server is asked again, also one that was given up.
  void ask_again(Instant now);

  /// Whether `message` is what one of our requests waits for. Nothing but the transaction id proves it (RFC 8489 §6.3).
  bool awaits(const Path& path, const stun::Message& message) const;
  /// A response of a server. Errors: kNotStun, kNoTransaction.
  std::expected<void, Error> handle_input(Instant now, const Received& received);
  std::expected<void, Error> handle_response(Instant now, const Path& path, const stun::Message& message);
  /// Retransmits, gives up, refreshes bindings, and starts the next request: one every Ta (RFC 8445 §14.2).
  void handle_timeout(Instant now);
  std::optional<Transmit> poll_transmit(Instant now, MutableBytes buffer);
  /// What a server said for the first time, or otherwise than before.
  std::optional<Reflexive> poll_event();
  Instant next_timeout() const;

  /// All that is known at present, in the order of sockets and servers.
  std::vector<Reflexive> reflexives() const;
  /// What the servers have told of the network here.
  StunFindings findings() const;
  /// Every request was answered or given up.
  bool complete() const;
  /// The bindings are not needed any more: no request is sent after this.
  void stop();

 private:
  enum class Step : std::uint8_t { kWaiting, kInProgress, kAnswered, kGivenUp };
  struct Base {
    SocketId socket;
    Endpoint endpoint;
  };
  struct Request {
    Base base;
    Endpoint server;
    Step step = Step::kWaiting;
    std::optional<Endpoint> mapped;  // once it was answered; a refresh that fails is no news for complete()
    std::optional<stun::Transaction> transaction;
    Instant started = Instant::min();
    Instant refresh = kNever;

    Path path() const { return {base.socket, server, RelayId::kNone}; }
  };
  void add_request(const Base& base, const Endpoint& server);
  void run(Instant now);
  void follow_up(Instant now, Request& request);
  void start_next(Instant now);
  void send(const Request& request);
  bool has_waiting() const;

  Random& random_;
  std::vector<Base> bases_;
  std::vector<Endpoint> servers_;
  std::vector<Request> requests_;
  Outbox outbox_{kMaxQueuedDatagrams};
  std::deque<Reflexive> found_;
  bool silence_ = false;
  Instant next_start_ = Instant::min();
  bool stopped_ = false;
};

static_assert(SansIo<Gatherer>);

}  // namespace bamgate::ice
