#include "net/websocket_client.h"

#include <array>
#include <utility>

#include "net/clock.h"
#include "net/http_exchange.h"
#include "net/system_random.h"
#include "net/websocket_handshake.h"

namespace bamgate::net {
namespace {

HttpRequest upgrade_request(WebSocketCall& call, std::string_view key) {
  HttpRequest request;
  request.method = "GET";
  request.target = call.url.target;
  request.headers = std::move(call.headers);
  if (!call.bearer.empty()) request.headers.push_back({"Authorization", "Bearer " + call.bearer});
  add_upgrade_headers(request, key);
  return request;
}

NetError refused(const Url& url, HttpReply& reply) {
  NetError error;
  error.code = Error::kRefused;
  error.detail = "upgrade at " + url.authority() + ": refused with status " + std::to_string(reply.status);
  error.http_status = reply.status;
  error.http_type = std::string(reply.header("Content-Type"));
  error.http_body = std::move(reply.body);
  return error;
}

}  // namespace

asio::awaitable<Result<std::unique_ptr<WebSocketClient>>> WebSocketClient::connect(Loop& loop, WebSocketCall call,
                                                                                   Handlers handlers) {
  std::array<std::byte, 16> nonce{};
  fill_random(nonce);
  const std::string key = make_key(nonce);
  const HttpRequest request = upgrade_request(call, key);
  if (const Result<void> valid = check_request(request); !valid) co_return std::unexpected(valid.error());
  const Instant deadline = now() + call.timeout;
  const auto stream = co_await net::connect(loop, call.url, call.connect, deadline);
  if (!stream) co_return std::unexpected(stream.error());
  (*stream)->set_deadline(deadline);
  HttpReader reader(HttpReader::Kind::kReply, {});
  const std::string text = write_request(request, call.url.authority());
  const auto rest = co_await exchange(**stream, call.url, text, reader);
  if (!rest) co_return std::unexpected(rest.error());
  if (reader.reply().status != 101) co_return std::unexpected(refused(call.url, reader.reply()));
  if (!is_upgrade_reply(reader.reply(), key)) {
    co_return fail(Error::kProtocol, "upgrade at " + call.url.authority() + ": the answer is not a WebSocket's");
  }
  const auto session =
      std::make_shared<WebSocketSession>(loop, WebSocketRole::kClient, call.limits, std::move(handlers));
  // From the loop, so that whoever waits for the client has it before the first message.
  loop.post(
      [&loop, session, taken = *stream, first = *rest] { loop.spawn(WebSocketSession::run(session, taken, first)); });
  co_return std::make_unique<WebSocketClient>(session, (*stream)->local());
}

WebSocketClient::~WebSocketClient() {
  session_->silence();
  session_->abort();
}

}  // namespace bamgate::net
