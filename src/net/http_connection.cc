// One connection's life: handshake, requests one after another, perhaps a WebSocket, the end.
#include "net/http_connection.h"

#include <array>
#include <chrono>
#include <utility>

#include "net/clock.h"
#include "net/forwarded.h"
#include "net/http_text.h"
#include "net/websocket_handshake.h"

namespace bamgate::net {
namespace {

// How long and how much is read and thrown away after a connection's last reply, so that TCP does not withdraw it.
constexpr auto kLingerTime = std::chrono::seconds(2);
constexpr std::size_t kLingerBytes = 1024 * 1024;

// Each idle connection has a buffer of this size; most requests are smaller.
constexpr std::size_t kReadSize = 2048;

HttpReply plain_error(int status) {
  return HttpReply::json(status, "{\"error\":\"http_" + std::to_string(status) + "\",\"message\":\"" +
                                     std::string(reason_phrase(status)) + "\"}");
}

}  // namespace

HttpConnection::HttpConnection(std::shared_ptr<HttpServer::Impl> server, std::shared_ptr<Stream> stream, TlsStream* tls)
    : server_(std::move(server)),
      stream_(std::move(stream)),
      tls_(tls),
      number_(++server_->last_accepted),
      replied_(server_->loop) {}

asio::awaitable<void> HttpConnection::run(std::shared_ptr<HttpConnection> self) {
  bool ready = true;
  if (self->tls_ != nullptr) {
    self->stream_->set_deadline(now() + self->server_->options.request_timeout);
    const Result<void> secured = co_await self->tls_->handshake();
    ready = secured.has_value();
    if (!ready) ++self->server_->counters.tls_failures;
  }
  if (ready) co_await self->serve();
  self->stream_->close();
  self->server_->remove(*self);
}

asio::awaitable<void> HttpConnection::serve() {
  bool more = true;
  while (more) more = co_await serve_one();
}

// Returns true when another request may follow.
asio::awaitable<bool> HttpConnection::serve_one() {
  HttpReader reader(HttpReader::Kind::kRequest, {server_->options.max_header, server_->options.max_body});
  const bool whole = co_await read_request(reader);
  if (!whole) co_return false;
  HttpRequest& request = reader.request();
  request.remote = stream_->remote();
  if (server_->options.behind_proxy && is_local_network(request.remote.address)) {
    if (const auto client = forwarded_client(request)) request.remote = {*client, 0};
  }
  // RFC 9112 §3.2: a request without Host is answered with 400.
  const bool has_host = !reader.is_http_1_1() || !request.header("Host").empty();
  if (!has_host) co_return co_await answer_bad_request(HttpReader::State::kMalformed);
  ++requests_;
  ++server_->counters.requests;
  if (reader.state() == HttpReader::State::kUpgrade && wants_websocket(request)) {
    co_return co_await handle_upgrade(reader);
  }
  // RFC 9110 §9.3.2: HEAD is GET without the body. So no handler needs to know it.
  const bool head_only = request.method == "HEAD";
  if (head_only) request.method = "GET";
  HttpReply answer = co_await ask_handler(request);
  wipe(std::as_writable_bytes(std::span(request.body)));  // it may hold credentials
  co_return co_await send(std::move(answer), reader.keep_alive() && request.method != "CONNECT", head_only);
}

// Returns false when there is no request to handle: the connection ended, or the request was answered with an error.
asio::awaitable<bool> HttpConnection::read_request(HttpReader& reader) {
  const HttpServerOptions& options = server_->options;
  std::array<std::byte, kReadSize> buffer;
  bool begun = !input_.empty();
  bool continued = false;
  // Whoever has not asked anything yet gets less time than a client between two requests.
  stream_->set_deadline(now() + (begun || requests_ == 0 ? options.request_timeout : options.idle_timeout));
  while (true) {
    const std::size_t taken = reader.feed(as_bytes(input_));
    input_.erase(0, taken);
    if (reader.state() == HttpReader::State::kComplete || reader.state() == HttpReader::State::kUpgrade) co_return true;
    if (reader.state() != HttpReader::State::kIncomplete) co_return co_await answer_bad_request(reader.state());
    // RFC 9110 §10.1.1.
    if (!continued && reader.has_headers() && equal_ignoring_case(reader.request().header("Expect"), "100-continue")) {
      continued = true;
      const std::string go_on = "HTTP/1.1 100 Continue\r\n\r\n";
      const Result<void> written = co_await stream_->write(as_bytes(go_on));
      if (!written) co_return false;
    }
    idle_ = !begun;
    const bool over = idle_ && server_->draining;
    if (over) co_return false;
    const auto count = co_await stream_->read_some(buffer);
    idle_ = false;
    if (!count && count.error().code == Error::kTimeout && begun) {
      co_await send(plain_error(408), false, false);
      co_return false;
    }
    if (!count || *count == 0) co_return false;
    if (!begun) stream_->set_deadline(now() + options.request_timeout);
    begun = true;
    input_.append(as_text(Bytes(buffer).first(*count)));
  }
}

asio::awaitable<bool> HttpConnection::answer_bad_request(HttpReader::State state) {
  ++server_->counters.bad_requests;
  int status = 400;
  if (state == HttpReader::State::kHeaderTooLarge) status = 431;
  if (state == HttpReader::State::kBodyTooLarge) status = 413;
  co_await send(plain_error(status), false, false);
  co_return false;
}

asio::awaitable<bool> HttpConnection::handle_upgrade(HttpReader& reader) {
  const HttpRequest& request = reader.request();
  std::shared_ptr<WebSocketSession> session;
  std::optional<HttpReply> refusal = refuse_upgrade(request, reader.is_http_1_1());
  if (!refusal) refusal = server_->accept_upgrade(request, session);
  // Whoever was refused may have sent frames already: they are no request, so the connection ends.
  if (refusal) co_return co_await send(std::move(*refusal), false, false);
  server_->strangers.erase(number_);
  stream_->set_deadline(now() + server_->options.request_timeout);
  const std::string text = write_upgrade(request);
  const Result<void> written = co_await stream_->write(as_bytes(text));
  if (!written) session->abort();
  co_await WebSocketSession::run(session, stream_, std::exchange(input_, {}));
  co_return false;
}

asio::awaitable<HttpReply> HttpConnection::ask_handler(const HttpRequest& request) {
  const auto handlers = server_->handlers;
  if (!handlers || !handlers->on_request) co_return plain_error(404);
  const RequestId id{++server_->last_request};
  // In the table before the handler is asked, so that the handler may reply at once by number too.
  server_->waiting.emplace(id, this);
  late_reply_.reset();
  std::optional<HttpReply> answer = handlers->on_request(id, request);
  if (!answer) {
    const Instant deadline = now() + server_->options.reply_timeout;
    while (!late_reply_) {
      const bool woken = co_await replied_.wait(deadline);
      if (!woken) break;
    }
    answer = std::exchange(late_reply_, std::nullopt);
  }
  server_->waiting.erase(id);
  co_return answer ? std::move(*answer) : plain_error(504);
}

void HttpConnection::reply(HttpReply reply) {
  late_reply_ = std::move(reply);
  replied_.notify();
}

// Returns true when another request may follow.
asio::awaitable<bool> HttpConnection::send(HttpReply reply, bool keep_alive, bool head_only) {
  if (!are_valid_headers(reply.headers)) reply = plain_error(500);
  const bool stays = keep_alive && !server_->draining;
  const std::string text = write_reply(reply, stays, head_only);
  stream_->set_deadline(now() + server_->options.request_timeout);
  const Result<void> written = co_await stream_->write(as_bytes(text));
  if (!written) co_return false;
  if (!stays) co_await linger();
  co_return stays;
}

asio::awaitable<void> HttpConnection::linger() {
  stream_->set_deadline(now() + kLingerTime);
  co_await stream_->shutdown();
  std::array<std::byte, 4096> rubbish;
  for (std::size_t total = 0; total < kLingerBytes;) {
    const auto count = co_await stream_->read_some(rubbish);
    if (!count || *count == 0) co_return;
    total += *count;
  }
}

void HttpConnection::close_if_idle() {
  if (idle_) stream_->close();
}

}  // namespace bamgate::net
