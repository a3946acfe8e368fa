// The control socket: a running agent answers one line (a request) with one line or several (a reply, or a stream of
// them), then the connection ends. Lines are JSON, but nothing here looks into them.
#pragma once

#include <sys/types.h>

#include <asio/awaitable.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/time.h"
#include "net/error.h"
#include "net/loop.h"

namespace bamgate::net {

/// Most bytes of a request line, the newline not counted.
inline constexpr std::size_t kMaxControlRequest = 64 * 1024;
/// Most bytes of a reply line.
inline constexpr std::size_t kMaxControlReply = 4 * 1024 * 1024;

/// The way back to one client. Copies share it; when the last one goes, the connection ends after what was sent.
class ControlReply {
 public:
  /// Sends one line (without newline in it). False: the client is gone, or reads so slowly that it was dropped.
  bool send_line(std::string_view line);
  /// True until the client has gone.
  bool is_open() const;
  /// Calls `callback` once, from the loop, when the client has gone before the reply's end: a stream can stop then.
  void on_gone(std::function<void()> callback);
  /// The user that asks (SO_PEERCRED).
  uid_t peer_uid() const;

  struct Connection;
  explicit ControlReply(std::shared_ptr<Connection> connection);

 private:
  struct Handle;
  std::shared_ptr<Handle> handle_;
};

class ControlServer {
 public:
  struct Options {
    std::string path;
    mode_t mode = 0660;
    std::optional<gid_t> group;        // none: the process's own
    std::size_t max_connections = 32;  // one more is closed at once
    Duration request_timeout = std::chrono::seconds(10);
  };
  /// `line` is without its newline. Reply now, or keep `reply` and do it later.
  using Handler = std::function<void(const std::string& line, ControlReply reply)>;

  /// Listens at `path`. A socket file that is there already is replaced only when nobody answers on it; any other file
  /// stays. Errors: kInUse (another one answers), kPermission, kInvalid (path too long, or not a socket), kSystem.
  static Result<std::unique_ptr<ControlServer>> listen(Loop& loop, Options options, Handler handler);

  struct Impl;
  explicit ControlServer(std::shared_ptr<Impl> impl);
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;
  /// Ends all connections and removes the socket file.
  ~ControlServer();

 private:
  std::shared_ptr<Impl> impl_;
};

/// Sends one request and returns the first line of its reply. Errors: kNobodyListens (no file, or nobody behind it),
/// kPermission, kTimeout, kClosed (no line came), kTooLarge, kInvalid.
asio::awaitable<Result<std::string>> control_request(Loop& loop, std::string path, std::string line, Duration timeout);

/// Sends one request and gives each line of its reply to `on_line` until the server ends it, or on_line returns false.
/// There is no time limit between lines. Errors as above, without kTimeout after the request was sent.
asio::awaitable<Result<void>> control_stream(Loop& loop, std::string path, std::string line,
                                             std::function<bool(std::string_view line)> on_line);

}  // namespace bamgate::net
