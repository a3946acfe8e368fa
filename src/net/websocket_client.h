// WebSocket client (RFC 6455 §4.1): connects, upgrades, then hands over messages.
#pragma once

#include <asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "net/connect.h"
#include "net/error.h"
#include "net/http_message.h"
#include "net/loop.h"
#include "net/url.h"
#include "net/websocket_session.h"

namespace bamgate::net {

/// One connection to make.
struct WebSocketCall {
  WebSocketCall() = default;  // see HttpCall

  Url url;
  std::string bearer;               // access token for the Authorization field; empty: none
  std::vector<HttpHeader> headers;  // further ones
  ConnectOptions connect;
  Duration timeout = std::chrono::seconds(30);  // until the upgrade is done
  WebSocketLimits limits;
};

/// An open connection. Destroying it ends the connection at once and silently: no handler is called any more.
class WebSocketClient {
 public:
  using Handlers = WebSocketSession::Handlers;

  /// Connects and upgrades. Handlers are called from the loop, never before the result has been handed over.
  /// Errors: those of connect(); kRefused with http_status, http_body and http_type when the server answered otherwise
  /// than 101; kProtocol when its 101 is not a WebSocket's.
  static asio::awaitable<Result<std::unique_ptr<WebSocketClient>>> connect(Loop& loop, WebSocketCall call,
                                                                           Handlers handlers);
  WebSocketClient(std::shared_ptr<WebSocketSession> session, const Endpoint& local)
      : session_(std::move(session)), local_(local) {}
  WebSocketClient(const WebSocketClient&) = delete;
  WebSocketClient& operator=(const WebSocketClient&) = delete;
  ~WebSocketClient();

  /// See WebSocketSession.
  bool send_text(std::string_view text) { return session_->send_text(text); }
  bool send_binary(Bytes data) { return session_->send_binary(data); }
  void ping() { session_->ping(); }
  void close(std::uint16_t code, std::string_view reason) { session_->close(code, reason); }
  std::size_t queued_bytes() const { return session_->queued_bytes(); }
  bool is_closing() const { return session_->is_closing(); }
  /// Our own end of the connection.
  const Endpoint& local() const { return local_; }

 private:
  std::shared_ptr<WebSocketSession> session_;
  Endpoint local_;
};

}  // namespace bamgate::net
