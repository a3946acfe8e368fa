#include "net/http_server.h"

#include <algorithm>
#include <asio/redirect_error.hpp>
#include <asio/use_awaitable.hpp>
#include <chrono>
#include <cstring>
#include <utility>
#include <vector>

#include "net/clock.h"
#include "net/forwarded.h"
#include "net/http_connection.h"
#include "net/sockaddr.h"

namespace bamgate::net {
namespace {

using asio::ip::tcp;

// When accepting fails (no descriptor left), the connection stays in the kernel's queue, and trying at once again would
// spin.
constexpr auto kFirstAcceptPause = std::chrono::milliseconds(50);
constexpr auto kLongestAcceptPause = std::chrono::milliseconds(1000);

}  // namespace

HttpServer::Impl::Impl(Loop& on, HttpServerOptions with, Handlers call)
    : loop(on),
      options(std::move(with)),
      handlers(std::make_shared<const Handlers>(std::move(call))),
      acceptor(on.context()),
      wake_acceptor(on) {}

Result<void> HttpServer::Impl::open() {
  const SocketAddress address(options.listen);
  if (address.length == 0) return fail(Error::kInvalid, "an HTTP server needs an address to listen on");
  tcp::endpoint endpoint;
  endpoint.resize(address.length);
  std::memcpy(endpoint.data(), address.get(), address.length);
  asio::error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) return fail_errno("listen on " + options.listen.to_string(), error.value());
  return Result<void>();
}

asio::awaitable<void> HttpServer::Impl::accept_all() {
  const auto self = shared_from_this();
  Duration pause = kFirstAcceptPause;
  while (acceptor.is_open()) {
    asio::error_code error;
    tcp::socket socket(loop.context());
    co_await acceptor.async_accept(socket, asio::redirect_error(asio::use_awaitable, error));
    if (!acceptor.is_open()) break;
    if (!error) {
      pause = kFirstAcceptPause;
      take(std::move(socket));
      continue;
    }
    ++counters.accept_errors;
    if (make_room()) continue;  // mostly no descriptor was left, and now there is one
    co_await wake_acceptor.wait(now() + pause);
    pause = std::min<Duration>(2 * pause, kLongestAcceptPause);
  }
}

std::optional<IpPrefix> HttpServer::Impl::counted_as(const IpAddress& remote) const {
  if (options.behind_proxy && is_local_network(remote)) return std::nullopt;
  const std::uint8_t length = remote.is_v6() ? 64 : 32;
  return IpPrefix{remote, length}.network();
}

void HttpServer::Impl::take(tcp::socket socket) {
  ++counters.accepted;
  const auto counted = counted_as(remote_end(socket.native_handle()).address);
  const auto already = counted ? of_address.find(*counted) : of_address.end();
  const bool too_many = already != of_address.end() && already->second >= options.max_of_address;
  if (too_many || (connections.size() >= options.max_connections && !make_room())) {
    ++counters.over_limit;
    return;
  }
  std::shared_ptr<Stream> stream;
  TlsStream* tls = nullptr;
  if (options.tls) {
    const auto secured = std::make_shared<TlsStream>(loop, std::move(socket), options.tls, "");
    tls = secured.get();
    stream = secured;
  } else {
    stream = std::make_shared<PlainStream>(loop, std::move(socket));
  }
  const auto connection = std::make_shared<HttpConnection>(shared_from_this(), std::move(stream), tls);
  connections.emplace(connection.get(), connection);
  strangers.emplace(connection->number(), connection.get());
  // As the connection remembers it, and will be counted off again.
  if (const auto one = counted_as(connection->remote().address)) ++of_address[*one];
  loop.spawn(HttpConnection::run(connection));
}

// Whoever means well asks soon after connecting; who has waited longest makes room.
bool HttpServer::Impl::make_room() {
  if (strangers.empty()) return false;
  ++counters.displaced;
  strangers.begin()->second->close();  // its coroutine ends and removes it
  strangers.erase(strangers.begin());
  return true;
}

void HttpServer::Impl::remove(HttpConnection& connection) {
  std::erase_if(waiting, [&](const auto& entry) { return entry.second == &connection; });
  if (const auto counted = counted_as(connection.remote().address)) {
    const auto found = of_address.find(*counted);
    if (found != of_address.end() && --found->second == 0) of_address.erase(found);
  }
  strangers.erase(connection.number());
  connections.erase(&connection);
  if (draining && connections.empty() && drained) loop.post(std::exchange(drained, nullptr));
}

void HttpServer::Impl::stop_accepting() {
  asio::error_code ignored;
  acceptor.close(ignored);
  wake_acceptor.notify();
}

WebSocketSession* HttpServer::Impl::find(ConnectionId id) {
  const auto found = sessions.find(id);
  return found == sessions.end() ? nullptr : found->second.get();
}

WebSocketSession::Handlers HttpServer::Impl::handlers_for(ConnectionId id) {
  const std::weak_ptr<Impl> weak = shared_from_this();
  WebSocketSession::Handlers result;
  const auto call = handlers;
  if (call->on_text) result.on_text = [call, id](std::string_view text) { call->on_text(id, text); };
  if (call->on_binary) result.on_binary = [call, id](Bytes data) { call->on_binary(id, data); };
  if (call->on_sent) result.on_sent = [call, id] { call->on_sent(id); };
  result.on_close = [weak, call, id](std::uint16_t code, std::string_view) {
    if (const auto self = weak.lock()) self->sessions.erase(id);
    if (call->on_close) call->on_close(id, code);
  };
  return result;
}

// The session stands in the table before the handler is asked, so that the handler may send to it.
std::optional<HttpReply> HttpServer::Impl::accept_upgrade(const HttpRequest& request,
                                                          std::shared_ptr<WebSocketSession>& session) {
  const auto call = handlers;
  if (!call || draining) return HttpReply::json(503, R"({"error":"shutting_down","message":"try again later"})");
  if (!call->on_upgrade) return HttpReply::json(404, R"({"error":"not_found","message":"no WebSocket here"})");
  const ConnectionId id{++last_connection};
  session = std::make_shared<WebSocketSession>(loop, WebSocketRole::kServer, options.websocket, handlers_for(id));
  sessions.emplace(id, session);
  std::optional<HttpReply> refusal = call->on_upgrade(id, request);
  if (refusal) {
    session->silence();
    sessions.erase(id);
    session.reset();
  } else {
    ++counters.upgrades;
  }
  return refusal;
}

Result<std::unique_ptr<HttpServer>> HttpServer::listen(Loop& loop, HttpServerOptions options, Handlers handlers) {
  const auto impl = std::make_shared<Impl>(loop, std::move(options), std::move(handlers));
  if (const Result<void> opened = impl->open(); !opened) return std::unexpected(opened.error());
  loop.spawn([](std::shared_ptr<Impl> self) -> asio::awaitable<void> { co_await self->accept_all(); }(impl));
  return std::make_unique<HttpServer>(impl);
}

HttpServer::HttpServer(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

HttpServer::~HttpServer() {
  impl_->stop_accepting();
  impl_->handlers.reset();
  impl_->drained = nullptr;
  for (const auto& [id, session] : std::exchange(impl_->sessions, {})) {
    session->silence();
    session->abort();
  }
  // Each coroutine keeps its own connection alive; keeping them here too would tie a knot if the loop never runs again.
  for (const auto& [key, connection] : std::exchange(impl_->connections, {})) connection->close();
}

Endpoint HttpServer::local_endpoint() const { return local_end(impl_->acceptor.native_handle()); }

void HttpServer::set_tls(std::shared_ptr<const TlsContext> tls) { impl_->options.tls = std::move(tls); }

bool HttpServer::is_waiting(RequestId id) const {
  const auto found = impl_->waiting.find(id);
  return found != impl_->waiting.end() && !found->second->is_gone();
}

bool HttpServer::reply(RequestId id, HttpReply reply) {
  const auto found = impl_->waiting.find(id);
  if (found == impl_->waiting.end()) return false;
  HttpConnection* connection = found->second;
  impl_->waiting.erase(found);
  connection->reply(std::move(reply));
  return true;
}

bool HttpServer::send_text(ConnectionId id, std::string_view text) {
  WebSocketSession* session = impl_->find(id);
  return session != nullptr && session->send_text(text);
}

bool HttpServer::send_binary(ConnectionId id, Bytes data) {
  WebSocketSession* session = impl_->find(id);
  return session != nullptr && session->send_binary(data);
}

bool HttpServer::send_frame(ConnectionId id, const SharedFrame& frame) {
  WebSocketSession* session = impl_->find(id);
  return session != nullptr && session->send_frame(frame);
}

void HttpServer::when_sent(ConnectionId id) {
  if (WebSocketSession* session = impl_->find(id)) session->when_sent();
}

void HttpServer::close(ConnectionId id, std::uint16_t code, std::string_view reason) {
  if (WebSocketSession* session = impl_->find(id)) session->close(code, reason);
}

void HttpServer::delay_reading(ConnectionId id, Duration pause) {
  if (WebSocketSession* session = impl_->find(id)) session->delay_reading(pause);
}

std::size_t HttpServer::queued_bytes(ConnectionId id) const {
  const WebSocketSession* session = impl_->find(id);
  return session == nullptr ? 0 : session->queued_bytes();
}

void HttpServer::close_websockets(std::string_view reason) {
  const auto sessions = impl_->sessions;  // whoever is closed may leave the table at once
  for (const auto& [id, session] : sessions) session->close(kCloseGoingAway, reason);
}

void HttpServer::shutdown(std::function<void()> done) {
  impl_->draining = true;
  impl_->stop_accepting();
  if (impl_->connections.empty()) {
    impl_->loop.post(std::move(done));
    return;
  }
  impl_->drained = std::move(done);
  close_websockets("the server shuts down");
  for (const auto& [key, connection] : impl_->connections) connection->close_if_idle();
}

const HttpServerCounters& HttpServer::counters() const { return impl_->counters; }

std::size_t HttpServer::connections() const { return impl_->connections.size(); }

}  // namespace bamgate::net
