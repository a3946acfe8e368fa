// One connection of an HttpServer, and what all of them share; private to net.
#pragma once

#include <asio/awaitable.hpp>
#include <asio/ip/tcp.hpp>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "net/event.h"
#include "net/http_reader.h"
#include "net/http_server.h"
#include "net/stream.h"

namespace bamgate::net {

class HttpConnection;

/// The server's state: shared with its connections, which may outlast the HttpServer until their coroutines notice.
struct HttpServer::Impl : std::enable_shared_from_this<HttpServer::Impl> {
  Impl(Loop& on, HttpServerOptions with, Handlers call);

  Result<void> open();
  asio::awaitable<void> accept_all();
  void take(asio::ip::tcp::socket socket);
  /// Closes the connection that is a stranger for the longest time; false when there is none.
  bool make_room();
  void remove(HttpConnection& connection);
  /// What max_of_address counts by; nullopt for a proxy.
  std::optional<IpPrefix> counted_as(const IpAddress& remote) const;
  void stop_accepting();
  WebSocketSession* find(ConnectionId id);
  std::optional<HttpReply> accept_upgrade(const HttpRequest& request, std::shared_ptr<WebSocketSession>& session);
  WebSocketSession::Handlers handlers_for(ConnectionId id);

  Loop& loop;
  HttpServerOptions options;
  std::shared_ptr<const Handlers> handlers;  // shared, so that a handler may destroy the server that calls it
  asio::ip::tcp::acceptor acceptor;
  Event wake_acceptor;
  bool draining = false;
  std::map<HttpConnection*, std::shared_ptr<HttpConnection>> connections;
  std::map<std::uint64_t, HttpConnection*> strangers;  // those without a WebSocket, by age
  std::map<IpPrefix, std::size_t> of_address;          // connections; none is 0
  std::map<ConnectionId, std::shared_ptr<WebSocketSession>> sessions;
  std::map<RequestId, HttpConnection*> waiting;
  std::uint64_t last_accepted = 0;
  std::uint64_t last_connection = 0;
  std::uint64_t last_request = 0;
  std::function<void()> drained;
  HttpServerCounters counters;
};

class HttpConnection {
 public:
  HttpConnection(std::shared_ptr<HttpServer::Impl> server, std::shared_ptr<Stream> stream, TlsStream* tls);

  /// Serves requests until the connection ends or becomes a WebSocket's, then that until it ends.
  static asio::awaitable<void> run(std::shared_ptr<HttpConnection> self);

  /// Answers the request that waits.
  void reply(HttpReply reply);
  /// Ends the connection: at once, or (gently) when no request is under way.
  void close() { stream_->close(); }
  void close_if_idle();
  Endpoint remote() const { return stream_->remote(); }
  bool is_gone() const { return stream_->is_gone(); }
  /// Grows with each connection.
  std::uint64_t number() const { return number_; }

 private:
  asio::awaitable<void> serve();
  asio::awaitable<bool> serve_one();
  asio::awaitable<bool> read_request(HttpReader& reader);
  asio::awaitable<bool> answer_bad_request(HttpReader::State state);
  asio::awaitable<bool> handle_upgrade(HttpReader& reader);
  asio::awaitable<HttpReply> ask_handler(const HttpRequest& request);
  asio::awaitable<bool> send(HttpReply reply, bool keep_alive, bool head_only);
  asio::awaitable<void> linger();

  std::shared_ptr<HttpServer::Impl> server_;
  std::shared_ptr<Stream> stream_;
  TlsStream* tls_;  // the stream, when it is TLS
  std::uint64_t number_;
  std::string input_;  // read, not yet parsed
  std::uint64_t requests_ = 0;
  bool idle_ = false;
  std::optional<HttpReply> late_reply_;
  Event replied_;
};

}  // namespace bamgate::net
