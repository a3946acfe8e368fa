// The serving side of the control socket: one coroutine accepts, one reads each client's line, and replies are queued
// and written by callbacks, because whoever holds a ControlReply is no coroutine.
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <asio/buffer.hpp>
#include <asio/local/stream_protocol.hpp>
#include <asio/redirect_error.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/write.hpp>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <set>
#include <utility>

#include "net/clock.h"
#include "net/event.h"
#include "net/unix_control.h"

namespace bamgate::net {
namespace {

using Local = asio::local::stream_protocol;

constexpr auto kAcceptPause = std::chrono::milliseconds(200);

sockaddr_un unix_address(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  return address;
}

/// 0 when somebody accepts connections at `path`, else the errno of connect(2).
int try_connect(const std::string& path) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return errno;
  const sockaddr_un address = unix_address(path);
  const int result = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  const int error = result == 0 ? 0 : errno;
  ::close(fd);
  return error == EAGAIN ? 0 : error;  // EAGAIN: somebody listens, and is busy
}

/// Removes a socket file that nobody serves any more.
Result<void> remove_stale(const std::string& path) {
  struct stat status{};
  if (lstat(path.c_str(), &status) != 0) {
    if (errno == ENOENT) return Result<void>();
    return fail_errno("control socket " + path, errno);
  }
  if (!S_ISSOCK(status.st_mode)) return fail(Error::kInvalid, "control socket " + path + ": another file is there");
  const int error = try_connect(path);
  if (error == 0) return fail(Error::kInUse, "control socket " + path + ": another process answers there");
  if (error != ECONNREFUSED) return fail_errno("control socket " + path, error);
  if (unlink(path.c_str()) != 0) return fail_errno("remove the old control socket " + path, errno);
  return Result<void>();
}

uid_t uid_of_peer(int fd) {
  ucred credentials{};
  socklen_t size = sizeof(credentials);
  const bool known = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0;
  return known ? credentials.uid : static_cast<uid_t>(-1);
}

}  // namespace

/// One client. Its reader (serve) and whoever holds a ControlReply share it.
struct ControlReply::Connection : std::enable_shared_from_this<ControlReply::Connection> {
  Connection(Loop& on, Local::socket from, Duration patience_for_writes)
      : loop(on), socket(std::move(from)), patience(patience_for_writes), deadline(on) {
    peer = uid_of_peer(socket.native_handle());
  }

  void close() {
    open = false;
    deadline.cancel();
    asio::error_code ignored;
    socket.close(ignored);
    if (auto callback = std::exchange(gone, nullptr); callback && !ended) loop.post(std::move(callback));
  }

  bool send_line(std::string_view line) {
    if (!open || ended) return false;
    if (outgoing.size() + line.size() > kMaxControlReply) {
      close();
      return false;
    }
    outgoing.append(line);
    outgoing.push_back('\n');
    pump();
    return true;
  }

  void end() {
    ended = true;
    gone = nullptr;
    if (open && !writing) close();
  }

  void pump() {
    if (!open || writing) return;
    if (outgoing.empty()) {
      if (ended) close();
      return;
    }
    writing = true;
    in_flight.swap(outgoing);
    outgoing.clear();
    deadline.expires_at(now() + patience, [this] { close(); });
    asio::async_write(socket, asio::buffer(in_flight),
                      [self = shared_from_this()](const asio::error_code& error, std::size_t /*size*/) {
                        self->writing = false;
                        self->deadline.cancel();
                        if (error) return self->close();
                        self->pump();
                      });
  }

  Loop& loop;
  Local::socket socket;
  Duration patience;
  Timer deadline;
  uid_t peer = 0;
  bool open = true;
  bool ended = false;
  bool writing = false;
  std::string outgoing;
  std::string in_flight;
  std::function<void()> gone;
};

struct ControlReply::Handle {
  explicit Handle(std::shared_ptr<Connection> to) : connection(std::move(to)) {}
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() { connection->end(); }
  std::shared_ptr<Connection> connection;
};

ControlReply::ControlReply(std::shared_ptr<Connection> connection)
    : handle_(std::make_shared<Handle>(std::move(connection))) {}

bool ControlReply::send_line(std::string_view line) { return handle_->connection->send_line(line); }
bool ControlReply::is_open() const { return handle_->connection->open; }
void ControlReply::on_gone(std::function<void()> callback) { handle_->connection->gone = std::move(callback); }
uid_t ControlReply::peer_uid() const { return handle_->connection->peer; }

struct ControlServer::Impl : std::enable_shared_from_this<ControlServer::Impl> {
  using Connection = ControlReply::Connection;

  Impl(Loop& on, Options with, Handler call)
      : loop(on),
        options(std::move(with)),
        handler(std::make_shared<const Handler>(std::move(call))),
        acceptor(on.context()),
        wake(on) {}

  Result<void> open();
  void close();
  asio::awaitable<void> accept_all();
  asio::awaitable<void> serve(std::shared_ptr<Connection> connection);
  asio::awaitable<bool> read_line(Connection& connection, std::string& line);

  Loop& loop;
  Options options;
  std::shared_ptr<const Handler> handler;
  Local::acceptor acceptor;
  Event wake;
  std::set<std::shared_ptr<Connection>> connections;
  struct stat file{};
};

Result<void> ControlServer::Impl::open() {
  const std::string& path = options.path;
  if (path.empty() || path.size() >= sizeof(sockaddr_un::sun_path)) {
    return fail(Error::kInvalid, "control socket " + path + ": the path is empty or too long");
  }
  if (const Result<void> free = remove_stale(path); !free) return free;
  asio::error_code error;
  acceptor.open(Local(), error);
  if (error) return fail_errno("open the control socket", error.value());
  // Nobody else may connect before mode and group are set.
  const mode_t before = umask(0177);
  acceptor.bind(Local::endpoint(path), error);
  umask(before);
  if (error.value() == ENOSPC || error.value() == EDQUOT) {
    return fail(Error::kSystem, "control socket " + path + ": " + error.message() +
                                    "; the disk is full: make room on it (df and df -i show of what)");
  }
  if (error) return fail_errno("control socket " + path, error.value());
  lstat(path.c_str(), &file);
  const bool owned = !options.group || chown(path.c_str(), static_cast<uid_t>(-1), *options.group) == 0;
  if (!owned || chmod(path.c_str(), options.mode) != 0) {
    const int reason = errno;
    close();
    return fail_errno("set group and mode of the control socket " + path, reason);
  }
  acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (error) return fail_errno("listen on the control socket " + path, error.value());
  return Result<void>();
}

// The file is removed only while it is ours: another process may have replaced it.
void ControlServer::Impl::close() {
  struct stat current{};
  const bool ours = acceptor.is_open() && lstat(options.path.c_str(), &current) == 0 && current.st_dev == file.st_dev &&
                    current.st_ino == file.st_ino;
  if (ours) unlink(options.path.c_str());
  asio::error_code ignored;
  acceptor.close(ignored);
  wake.notify();
  handler.reset();
  for (const auto& connection : connections) {
    connection->gone = nullptr;
    connection->close();
  }
}

asio::awaitable<void> ControlServer::Impl::accept_all() {
  const auto self = shared_from_this();
  while (acceptor.is_open()) {
    asio::error_code error;
    Local::socket socket(loop.context());
    co_await acceptor.async_accept(socket, asio::redirect_error(asio::use_awaitable, error));
    if (!acceptor.is_open()) break;
    if (error) {
      co_await wake.wait(now() + kAcceptPause);
      continue;
    }
    if (connections.size() >= options.max_connections) continue;
    const auto connection = std::make_shared<Connection>(loop, std::move(socket), options.request_timeout);
    connections.insert(connection);
    loop.spawn([](std::shared_ptr<Impl> impl, std::shared_ptr<Connection> client) -> asio::awaitable<void> {
      co_await impl->serve(client);
      impl->connections.erase(client);
    }(self, connection));
  }
}

asio::awaitable<bool> ControlServer::Impl::read_line(Connection& connection, std::string& line) {
  std::array<char, 4096> buffer;
  while (true) {
    asio::error_code error;
    const std::size_t count = co_await connection.socket.async_read_some(
        asio::buffer(buffer), asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return false;
    const std::string_view arrived(buffer.data(), count);
    const std::size_t end = arrived.find('\n');
    line.append(arrived.substr(0, end));
    if (line.size() > kMaxControlRequest) co_return false;
    if (end != arrived.npos) co_return true;
  }
}

asio::awaitable<void> ControlServer::Impl::serve(std::shared_ptr<Connection> connection) {
  connection->deadline.expires_at(now() + options.request_timeout, [client = connection.get()] { client->close(); });
  std::string line;
  const bool whole = co_await read_line(*connection, line);
  connection->deadline.cancel();
  const auto call = handler;
  if (!whole || !call || !connection->open) {
    connection->close();
    co_return;
  }
  (*call)(line, ControlReply(connection));
  // Further bytes mean nothing; the end means that the client is gone, unless it only ended its own writing.
  std::array<char, 256> rubbish;
  asio::error_code error;
  while (!error) {
    co_await connection->socket.async_read_some(asio::buffer(rubbish),
                                                asio::redirect_error(asio::use_awaitable, error));
  }
  pollfd state{connection->socket.native_handle(), 0, 0};
  const bool half_closed = error == asio::error::eof && connection->open && poll(&state, 1, 0) == 0;
  if (half_closed) {
    co_await connection->socket.async_wait(Local::socket::wait_error, asio::redirect_error(asio::use_awaitable, error));
  }
  connection->close();
}

Result<std::unique_ptr<ControlServer>> ControlServer::listen(Loop& loop, Options options, Handler handler) {
  const auto impl = std::make_shared<Impl>(loop, std::move(options), std::move(handler));
  if (const Result<void> opened = impl->open(); !opened) return std::unexpected(opened.error());
  loop.spawn([](std::shared_ptr<Impl> self) -> asio::awaitable<void> { co_await self->accept_all(); }(impl));
  return std::make_unique<ControlServer>(impl);
}

ControlServer::ControlServer(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

ControlServer::~ControlServer() { impl_->close(); }

}  // namespace bamgate::net
