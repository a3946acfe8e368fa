#include "net/http.h"

#include <array>
#include <utility>

#include "net/clock.h"
#include "net/http_exchange.h"

namespace bamgate::net {
namespace {

bool is_word(std::string_view text) {
  for (const char c : text) {
    if (c < 'A' || c > 'Z') return false;
  }
  return !text.empty();
}

bool is_target(std::string_view text) {
  for (const char c : text) {
    if (c <= ' ' || c >= 0x7f) return false;
  }
  return text.starts_with('/');
}

/// A request; its credentials are wiped at the end, however that comes.
struct Outgoing {
  Outgoing() = default;  // see HttpCall
  Outgoing(const Outgoing&) = delete;
  Outgoing& operator=(const Outgoing&) = delete;
  ~Outgoing() {
    wipe(std::as_writable_bytes(std::span(request.body)));
    for (HttpHeader& header : request.headers) wipe(std::as_writable_bytes(std::span(header.value)));
  }

  HttpRequest request;
};

NetError bad_reply(const Url& url, HttpReader::State state) {
  const std::string from = "reply of " + url.authority() + ": ";
  if (state == HttpReader::State::kHeaderTooLarge) return {Error::kTooLarge, from + "its header is too large", 0, {}};
  if (state == HttpReader::State::kBodyTooLarge) return {Error::kTooLarge, from + "its body is too large", 0, {}};
  return {Error::kProtocol, from + "it is not HTTP", 0, {}};
}

}  // namespace

Result<void> check_request(const HttpRequest& request) {
  if (is_word(request.method) && is_target(request.target) && are_valid_headers(request.headers)) return Result<void>();
  return fail(Error::kInvalid, "request " + request.method + ": the method, the path or a field is malformed");
}

asio::awaitable<Result<std::string>> exchange(Stream& stream, Url url, std::string request, HttpReader& reader) {
  const Result<void> sent = co_await stream.write(as_bytes(request));
  wipe(std::as_writable_bytes(std::span(request)));  // it may hold credentials
  // A server that refuses a large request may answer before it has read all of it.
  if (!sent && sent.error().code != Error::kClosed) co_return std::unexpected(sent.error());
  std::array<std::byte, 16 * 1024> buffer;
  while (true) {
    const auto count = co_await stream.read_some(buffer);
    if (!count) co_return std::unexpected(count.error());
    if (*count == 0) reader.finish();
    const Bytes arrived = Bytes(buffer).first(*count);
    const std::size_t taken = reader.feed(arrived);
    if (reader.state() == HttpReader::State::kComplete || reader.state() == HttpReader::State::kUpgrade) {
      co_return std::string(as_text(arrived.subspan(taken)));
    }
    if (*count == 0) co_return fail(Error::kClosed, "reply of " + url.authority() + ": cut short");
    if (reader.state() != HttpReader::State::kIncomplete) co_return std::unexpected(bad_reply(url, reader.state()));
  }
}

asio::awaitable<Result<HttpReply>> http_request(Loop& loop, HttpCall call) {
  Outgoing outgoing;
  HttpRequest& request = outgoing.request;
  request.method = std::move(call.method);
  request.target = call.url.target;
  request.headers = std::move(call.headers);
  request.headers.push_back({"Connection", "close"});
  request.body = std::move(call.body);
  if (const Result<void> valid = check_request(request); !valid) co_return std::unexpected(valid.error());
  const Instant deadline = now() + call.timeout;
  const auto stream = co_await connect(loop, call.url, call.connect, deadline);
  if (!stream) co_return std::unexpected(stream.error());
  (*stream)->set_deadline(deadline);
  HttpReader reader(request.method == "HEAD" ? HttpReader::Kind::kReplyToHead : HttpReader::Kind::kReply,
                    {HttpReaderLimits().header, call.max_body});
  std::string text = write_request(request, call.url.authority());
  const auto rest = co_await exchange(**stream, call.url, std::move(text), reader);
  if (!rest) co_return std::unexpected(rest.error());
  if (reader.state() == HttpReader::State::kUpgrade) {
    co_return std::unexpected(bad_reply(call.url, HttpReader::State::kMalformed));
  }
  co_await (*stream)->shutdown();
  (*stream)->close();
  co_return std::move(reader.reply());
}

}  // namespace bamgate::net
