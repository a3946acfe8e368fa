// A connected byte stream, in the clear or in TLS: what HTTP and WebSocket are written against.
// Left out: half-open streams (a reader that sees the end also ends its writing).
#pragma once

#include <asio/awaitable.hpp>
#include <asio/ip/tcp.hpp>
#include <cstddef>
#include <memory>

#include "core/bytes.h"
#include "core/endpoint.h"
#include "core/time.h"
#include "net/error.h"
#include "net/loop.h"

namespace bamgate::net {

/// One coroutine may read while another writes, but no two read and no two write. The stream must outlive its pending
/// operations: keep it in a shared_ptr that those coroutines hold.
class Stream {
 public:
  virtual ~Stream() = default;

  /// Waits for at least one byte; returns how many stand at the front of `buffer`, 0 at the end of the stream.
  /// Errors: kTimeout, kClosed, kTls.
  virtual asio::awaitable<Result<std::size_t>> read_some(MutableBytes buffer) = 0;
  /// Writes all of `data`, which must stay valid until then. Errors: kTimeout, kClosed, kTls.
  virtual asio::awaitable<Result<void>> write(Bytes data) = 0;
  /// Tells the other side that nothing more comes (TLS close_notify, FIN). Needs that no write is pending.
  virtual asio::awaitable<void> shutdown() = 0;
  /// Ends the stream at once; pending operations fail with kClosed. Safe to repeat.
  virtual void close() = 0;
  /// From `deadline` on all operations, pending ones too, fail with kTimeout; kNever (as at first) sets no limit.
  virtual void set_deadline(Instant deadline) = 0;
  virtual Endpoint remote() const = 0;
  /// Our own end; family kNone when the system does not say.
  virtual Endpoint local() const = 0;
  /// True when the other side has closed the connection, or it is broken, although nobody has read up to that yet.
  virtual bool is_gone() const = 0;
};

/// A TCP socket with a deadline for whatever waits on it. Both kinds of Stream are made of one.
class TcpSocket {
 public:
  TcpSocket(Loop& loop, asio::ip::tcp::socket socket);

  /// Waits until the socket is ready for `type`. Errors: kTimeout, kClosed.
  asio::awaitable<Result<void>> wait(asio::ip::tcp::socket::wait_type type);
  /// Gives other coroutines a turn when this one has been lucky too often in a row; call it before each read.
  asio::awaitable<void> be_fair();
  void set_deadline(Instant deadline);
  void close();
  /// send(2) or recv(2) without waiting; -1 with errno, which is ETIMEDOUT after the deadline.
  std::ptrdiff_t try_send(Bytes data);
  std::ptrdiff_t try_receive(MutableBytes buffer);
  void send_fin();
  bool is_open() const { return socket_.is_open(); }
  bool is_gone() const;
  bool timed_out() const { return timed_out_; }
  const Endpoint& remote() const { return remote_; }
  Endpoint local() const;

 private:
  asio::ip::tcp::socket socket_;
  Timer deadline_;
  Endpoint remote_;
  bool timed_out_ = false;
  int reads_in_a_row_ = 0;
};

/// The stream of plain TCP.
class PlainStream final : public Stream {
 public:
  PlainStream(Loop& loop, asio::ip::tcp::socket socket) : socket_(loop, std::move(socket)) {}

  asio::awaitable<Result<std::size_t>> read_some(MutableBytes buffer) override;
  asio::awaitable<Result<void>> write(Bytes data) override;
  asio::awaitable<void> shutdown() override;
  void close() override { socket_.close(); }
  void set_deadline(Instant deadline) override { socket_.set_deadline(deadline); }
  Endpoint remote() const override { return socket_.remote(); }
  Endpoint local() const override { return socket_.local(); }
  bool is_gone() const override { return socket_.is_gone(); }

 private:
  TcpSocket socket_;
};

}  // namespace bamgate::net
