// The asking side of the control socket: connect, send one line, read lines.
#include <sys/un.h>

#include <array>
#include <asio/buffer.hpp>
#include <asio/local/stream_protocol.hpp>
#include <asio/redirect_error.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/write.hpp>
#include <cerrno>
#include <optional>
#include <utility>

#include "net/clock.h"
#include "net/unix_control.h"

namespace bamgate::net {
namespace {

using Local = asio::local::stream_protocol;

class Client {
 public:
  Client(Loop& loop, std::string path) : path_(std::move(path)), socket_(loop.context()), deadline_(loop) {}

  void set_deadline(Instant deadline) {
    deadline_.expires_at(deadline, [this] {
      timed_out_ = true;
      asio::error_code ignored;
      socket_.close(ignored);
    });
  }

  asio::awaitable<Result<void>> send(std::string line);
  /// The next line; nullopt at the end.
  asio::awaitable<Result<std::optional<std::string>>> next_line();

 private:
  std::unexpected<NetError> failure(const asio::error_code& error) const;

  std::string path_;
  Local::socket socket_;
  Timer deadline_;
  bool timed_out_ = false;
  std::string buffer_;
};

std::unexpected<NetError> Client::failure(const asio::error_code& error) const {
  const std::string what = "control socket " + path_;
  if (timed_out_) return fail(Error::kTimeout, what + ": no answer in time");
  const int number = error.value();
  if (number == ENOENT || number == ECONNREFUSED) return fail(Error::kNobodyListens, what + ": nobody listens");
  return fail_errno(what, number, Error::kClosed);
}

asio::awaitable<Result<void>> Client::send(std::string line) {
  if (path_.empty() || path_.size() >= sizeof(sockaddr_un::sun_path)) {
    co_return fail(Error::kInvalid, "control socket " + path_ + ": the path is empty or too long");
  }
  if (line.size() > kMaxControlRequest || line.find('\n') != line.npos) {
    co_return fail(Error::kInvalid, "control socket " + path_ + ": the request is too long or not one line");
  }
  line.push_back('\n');
  asio::error_code error;
  const Local::endpoint endpoint(path_);
  co_await socket_.async_connect(endpoint, asio::redirect_error(asio::use_awaitable, error));
  if (error) co_return failure(error);
  co_await asio::async_write(socket_, asio::buffer(line), asio::redirect_error(asio::use_awaitable, error));
  if (error) co_return failure(error);
  co_return Result<void>();
}

asio::awaitable<Result<std::optional<std::string>>> Client::next_line() {
  std::array<char, 16 * 1024> arrived;
  std::size_t searched = 0;
  while (true) {
    const std::size_t end = buffer_.find('\n', searched);
    if (end != buffer_.npos) {
      std::optional<std::string> line = buffer_.substr(0, end);
      buffer_.erase(0, end + 1);
      co_return std::move(line);
    }
    searched = buffer_.size();
    if (searched > kMaxControlReply) co_return fail(Error::kTooLarge, "control socket " + path_ + ": a line too long");
    asio::error_code error;
    const std::size_t count =
        co_await socket_.async_read_some(asio::buffer(arrived), asio::redirect_error(asio::use_awaitable, error));
    if (error == asio::error::eof) co_return std::optional<std::string>();
    if (error) co_return failure(error);
    buffer_.append(arrived.data(), count);
  }
}

}  // namespace

asio::awaitable<Result<std::string>> control_request(Loop& loop, std::string path, std::string line, Duration timeout) {
  Client client(loop, path);
  client.set_deadline(now() + timeout);
  const Result<void> sent = co_await client.send(std::move(line));
  if (!sent) co_return std::unexpected(sent.error());
  auto reply = co_await client.next_line();
  if (!reply) co_return std::unexpected(reply.error());
  if (!*reply) co_return fail(Error::kClosed, "control socket " + path + ": it ended without an answer");
  co_return std::move(**reply);
}

asio::awaitable<Result<void>> control_stream(Loop& loop, std::string path, std::string line,
                                             std::function<bool(std::string_view line)> on_line) {
  Client client(loop, path);
  const Result<void> sent = co_await client.send(std::move(line));
  if (!sent) co_return std::unexpected(sent.error());
  while (true) {
    const auto reply = co_await client.next_line();
    if (!reply) co_return std::unexpected(reply.error());
    if (!*reply || !on_line(**reply)) co_return Result<void>();
  }
}

}  // namespace bamgate::net
