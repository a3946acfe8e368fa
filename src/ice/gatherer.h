// Asks STUN servers for our server-reflexive candidates, and keeps the NAT bindings alive (RFC 8445 §5.1.1.2,
// §5.1.1.4). It knows sockets and servers; the agent makes candidates of what it finds and says when a request may
// start (pacing).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/random.h"
#include "ice/outbox.h"
#include "stun/message.h"
#include "stun/transaction.h"

namespace bamgate::ice {

inline constexpr std::size_t kMaxStunServers = 8;

/// What one server says about one socket.
struct Reflexive {
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
  /// One request to each server of the family of `base`. A socket and family that is known already is ignored.
  void add_base(SocketId socket, const Endpoint& base);
  /// The socket is gone: its requests end without an answer.
  void remove_base(SocketId socket);
  /// False when the server is known, or one too many.
  bool add_server(const Endpoint& server);

  bool has_waiting() const;
  /// Sends the first request that has not been sent yet.
  void start_next(Instant now, Random& random, Outbox& outbox);
  /// Retransmits, gives up, and has bindings wait for a refresh that is due.
  void handle_timeout(Instant now, Outbox& outbox);
  /// True when `message` answers one of the requests; `found` is set when it names an address.
  bool handle_response(Instant now, const Path& path, const stun::Message& message, std::optional<Reflexive>& found);

  /// What the servers have told of the network here.
  StunFindings findings() const;
  /// Every request was answered or given up.
  bool complete() const;
  /// The bindings are not needed any more: no request is sent after this.
  void stop();
  Instant next_timeout() const;

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
    Instant refresh = kNever;
  };
  void add_request(const Base& base, const Endpoint& server);
  void start(Request& request, Instant now, Random& random, Outbox& outbox);

  std::vector<Base> bases_;
  std::vector<Endpoint> servers_;
  std::vector<Request> requests_;
  bool stopped_ = false;
};

}  // namespace bamgate::ice
