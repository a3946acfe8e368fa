#include "net/stream.h"

#include <poll.h>
#include <sys/socket.h>

#include <asio/post.hpp>
#include <asio/redirect_error.hpp>
#include <asio/use_awaitable.hpp>
#include <cerrno>
#include <cstring>

#include "net/sockaddr.h"

namespace bamgate::net {
namespace {

constexpr int kReadsInARow = 16;

NetError lost(const Endpoint& remote, int error_number) {
  const Error code = error_number == ETIMEDOUT ? Error::kTimeout : Error::kClosed;
  return {code, "connection with " + remote.to_string() + ": " + std::strerror(error_number), 0, {}};
}

}  // namespace

TcpSocket::TcpSocket(Loop& loop, asio::ip::tcp::socket socket) : socket_(std::move(socket)), deadline_(loop) {
  asio::error_code ignored;
  socket_.native_non_blocking(true, ignored);
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  remote_ = remote_end(socket_.native_handle());
}

asio::awaitable<Result<void>> TcpSocket::wait(asio::ip::tcp::socket::wait_type type) {
  asio::error_code error;
  if (!timed_out_) {
    if (type == asio::ip::tcp::socket::wait_read) reads_in_a_row_ = 0;
    co_await socket_.async_wait(type, asio::redirect_error(asio::use_awaitable, error));
  }
  if (timed_out_) co_return fail(Error::kTimeout, "connection with " + remote_.to_string() + ": no answer in time");
  if (error) co_return fail(Error::kClosed, "connection with " + remote_.to_string() + ": closed here");
  co_return Result<void>();
}

Endpoint TcpSocket::local() const {
  if (!socket_.is_open()) return {};
  return local_end(const_cast<asio::ip::tcp::socket&>(socket_).native_handle());
}

bool TcpSocket::is_gone() const {
  if (!socket_.is_open()) return true;
  pollfd state{const_cast<asio::ip::tcp::socket&>(socket_).native_handle(), POLLRDHUP, 0};
  return poll(&state, 1, 0) == 1;
}

asio::awaitable<void> TcpSocket::be_fair() {
  if (++reads_in_a_row_ < kReadsInARow) co_return;
  reads_in_a_row_ = 0;
  co_await asio::post(socket_.get_executor(), asio::use_awaitable);
}

void TcpSocket::set_deadline(Instant deadline) {
  timed_out_ = false;
  deadline_.expires_at(deadline, [this] {
    timed_out_ = true;
    asio::error_code ignored;
    socket_.cancel(ignored);
  });
}

void TcpSocket::close() {
  deadline_.cancel();
  asio::error_code ignored;
  socket_.close(ignored);
}

std::ptrdiff_t TcpSocket::try_send(Bytes data) {
  if (timed_out_) {
    errno = ETIMEDOUT;
    return -1;
  }
  return ::send(socket_.native_handle(), data.data(), data.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
}

std::ptrdiff_t TcpSocket::try_receive(MutableBytes buffer) {
  if (timed_out_) {
    errno = ETIMEDOUT;
    return -1;
  }
  return ::recv(socket_.native_handle(), buffer.data(), buffer.size(), MSG_DONTWAIT);
}

void TcpSocket::send_fin() {
  asio::error_code ignored;
  if (socket_.is_open()) socket_.shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
}

asio::awaitable<Result<std::size_t>> PlainStream::read_some(MutableBytes buffer) {
  co_await socket_.be_fair();
  while (true) {
    const std::ptrdiff_t count = socket_.try_receive(buffer);
    if (count >= 0) co_return static_cast<std::size_t>(count);
    if (errno != EAGAIN && errno != EINTR) co_return std::unexpected(lost(remote(), errno));
    const Result<void> ready = co_await socket_.wait(asio::ip::tcp::socket::wait_read);
    if (!ready) co_return std::unexpected(ready.error());
  }
}

asio::awaitable<Result<void>> PlainStream::write(Bytes data) {
  while (!data.empty()) {
    const std::ptrdiff_t count = socket_.try_send(data);
    if (count >= 0) {
      data = data.subspan(static_cast<std::size_t>(count));
      continue;
    }
    if (errno != EAGAIN && errno != EINTR) co_return std::unexpected(lost(remote(), errno));
    const Result<void> ready = co_await socket_.wait(asio::ip::tcp::socket::wait_write);
    if (!ready) co_return std::unexpected(ready.error());
  }
  co_return Result<void>();
}

asio::awaitable<void> PlainStream::shutdown() {
  socket_.send_fin();
  co_return;
}

}  // namespace bamgate::net
