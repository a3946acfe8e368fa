// What carries the messages of `bamgate lab turn` to its server: a UDP socket, a stream of TCP or TLS, or a WebSocket.
#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <string>

#include "lab/link.h"
#include "net/connect.h"
#include "net/url.h"
#include "turn/client.h"

namespace bamgate::lab {

/// Where a TURN server is, and how it is spoken to.
struct TurnServer {
  turn::Transport transport = turn::Transport::kUdp;
  net::Url url;        // host and port; for a WebSocket also the path
  bool batch = false;  // several messages in one of a WebSocket (docs/turn.md)
};

/// Reads "turn:HOST[:PORT][?transport=udp|tcp]", "turns:…" (RFC 7065), "ws://…" and "wss://…".
std::expected<TurnServer, Failure> parse_turn_server(const std::string& text);

class TurnCarrier {
 public:
  /// Called from the loop. on_close says why, in words; it may come before on_open, and open() may follow.
  struct Handlers {
    std::function<void(const Path&)> on_open;
    std::function<void(MutableBytes message)> on_message;
    std::function<void(const std::string& why)> on_close;
  };

  static std::unique_ptr<TurnCarrier> create(Link& link, const TurnServer& server, const net::Trust& trust,
                                             const std::string& bearer, Handlers handlers);
  virtual ~TurnCarrier() = default;
  TurnCarrier(const TurnCarrier&) = delete;
  TurnCarrier& operator=(const TurnCarrier&) = delete;

  /// Makes a (new) way to the server; what was there before is closed. `to`: where it is, when it is not where the
  /// server's URL says.
  virtual void open(const std::optional<Endpoint>& to) = 0;
  /// Sends one message. What the system does not take is lost.
  virtual void send(Bytes message) = 0;

 protected:
  TurnCarrier() = default;
};

}  // namespace bamgate::lab
