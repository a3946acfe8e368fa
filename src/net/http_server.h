// HTTP/1.1 server (RFC 9112) with WebSocket upgrades (RFC 6455), in TLS or in the clear.
// Left out: HTTP/2, ranges, compression, "Expect: 100-continue" beyond answering it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string_view>

#include "core/bytes.h"
#include "core/endpoint.h"
#include "net/error.h"
#include "net/http_message.h"
#include "net/loop.h"
#include "net/tls_stream.h"
#include "net/websocket_session.h"

namespace bamgate::net {

/// One WebSocket connection of one server; numbers are never used again. 0 is none.
enum class ConnectionId : std::uint64_t { kNone = 0 };

/// One ordinary request that waits for its reply; numbers are never used again.
enum class RequestId : std::uint64_t { kNone = 0 };

struct HttpServerOptions {
  Endpoint listen;                        // port 0: the kernel chooses, see local_endpoint()
  std::shared_ptr<const TlsContext> tls;  // a server context; null: plain HTTP
  std::size_t max_connections = 4096;     // of all kinds; one more displaces the oldest that is no WebSocket
  std::size_t max_of_address = std::numeric_limits<std::size_t>::max();  // of one IPv4 address or IPv6 /64
  /// Whoever connects from a local network (forwarded.h) is a proxy: it names its clients in X-Forwarded-For, and
  /// max_of_address does not hold for it.
  bool behind_proxy = false;
  std::size_t max_header = 16 * 1024;                   // bytes of request line and fields; more: 431
  std::size_t max_body = 64 * 1024;                     // bytes; more: 413
  Duration request_timeout = std::chrono::seconds(10);  // for the TLS handshake, a request, taking a reply: 408
  Duration idle_timeout = std::chrono::seconds(60);     // between two requests
  Duration reply_timeout = std::chrono::seconds(30);    // for a reply that comes later; then 504
  WebSocketLimits websocket;
};

struct HttpServerCounters {
  std::uint64_t accepted = 0;       // connections
  std::uint64_t accept_errors = 0;  // as when no file descriptor is left; the server then waits a while
  std::uint64_t over_limit = 0;     // closed at once: over max_connections or max_of_address
  std::uint64_t displaced = 0;      // closed without a WebSocket, to make room for a newer one
  std::uint64_t tls_failures = 0;   // handshakes that failed
  std::uint64_t requests = 0;       // well-formed ones
  std::uint64_t bad_requests = 0;   // refused before a handler saw them
  std::uint64_t upgrades = 0;       // WebSocket connections opened
};

/// Destroying it ends all connections at once and silently: no handler is called any more.
class HttpServer {
 public:
  /// Called from the loop; any of them may use the server.
  struct Handlers {
    /// An ordinary request; HEAD comes as GET, and its reply is sent without the body. Either the reply, or nullopt and
    /// a later call of reply(id, ...).
    std::function<std::optional<HttpReply>(RequestId id, const HttpRequest& request)> on_request;
    /// A WebSocket upgrade. A reply refuses it; nullopt accepts it as `id`, for which messages may be sent at once, and
    /// on_close(id) will come exactly once. Unset: upgrades are answered with 404.
    std::function<std::optional<HttpReply>(ConnectionId id, const HttpRequest& request)> on_upgrade;
    std::function<void(ConnectionId id, std::string_view text)> on_text;
    std::function<void(ConnectionId id, Bytes data)> on_binary;
    std::function<void(ConnectionId id)> on_sent = {};  // what when_sent(id) asked for
    /// The connection is gone; `code` as in WebSocketSession::Handlers.
    std::function<void(ConnectionId id, std::uint16_t code)> on_close;
  };

  /// Binds and serves. Errors: kInUse, kPermission, kInvalid, kSystem.
  static Result<std::unique_ptr<HttpServer>> listen(Loop& loop, HttpServerOptions options, Handlers handlers);

  struct Impl;
  explicit HttpServer(std::shared_ptr<Impl> impl);
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;
  ~HttpServer();

  Endpoint local_endpoint() const;
  /// From the next connection on another certificate serves; those that are open keep theirs. Not for plain HTTP.
  void set_tls(std::shared_ptr<const TlsContext> tls);

  /// True as long as whoever sent that request waits for its reply.
  bool is_waiting(RequestId id) const;
  /// Answers a request for which on_request returned nullopt. False: nobody waits for it any more.
  bool reply(RequestId id, HttpReply reply);

  /// See WebSocketSession; all do nothing (false, 0) when `id` is not open any more.
  bool send_text(ConnectionId id, std::string_view text);
  bool send_binary(ConnectionId id, Bytes data);
  bool send_frame(ConnectionId id, const SharedFrame& frame);
  void when_sent(ConnectionId id);
  void close(ConnectionId id, std::uint16_t code, std::string_view reason);
  void delay_reading(ConnectionId id, Duration pause);
  std::size_t queued_bytes(ConnectionId id) const;

  /// Closes all WebSockets with 1001.
  void close_websockets(std::string_view reason);
  /// Takes no more connections, ends those between requests, closes WebSockets with 1001, and calls `done` when
  /// nothing is open any more (at the latest after request_timeout or close_wait, whichever is longer).
  void shutdown(std::function<void()> done);

  const HttpServerCounters& counters() const;
  /// Connections open now, of all kinds.
  std::size_t connections() const;

 private:
  std::shared_ptr<Impl> impl_;
};

}  // namespace bamgate::net
