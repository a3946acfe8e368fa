// A stream as a client has it: connects, then hands over the bytes that come, and writes what is given in order,
// without that anybody waits. What the bytes mean is for whoever reads them.
#pragma once

#include <asio/awaitable.hpp>
#include <cstddef>
#include <functional>
#include <memory>
#include <string_view>

#include "core/bytes.h"
#include "core/endpoint.h"
#include "core/time.h"
#include "net/connect.h"
#include "net/error.h"
#include "net/loop.h"
#include "net/url.h"

namespace bamgate::net {

/// An open connection. Destroying it ends the connection at once and silently: no handler is called any more.
class StreamClient {
 public:
  /// Called from the loop, never before the result of connect() has been handed over. Each may destroy the client.
  struct Handlers {
    std::function<void(Bytes)> on_bytes;                      // valid during the call
    std::function<void(std::string_view why)> on_close = {};  // once, the last
  };

  /// Errors: those of net::connect().
  static asio::awaitable<Result<std::unique_ptr<StreamClient>>> connect(Loop& loop, Url url, ConnectOptions options,
                                                                        Instant deadline, Handlers handlers);
  StreamClient(const StreamClient&) = delete;
  StreamClient& operator=(const StreamClient&) = delete;
  ~StreamClient();

  /// Queues a copy. False: the stream has ended. Nothing limits the queue but whoever looks at queued_bytes().
  bool send(Bytes data);
  std::size_t queued_bytes() const;
  Endpoint remote() const;
  /// Our own end of the connection.
  Endpoint local() const;

 private:
  struct State;
  explicit StreamClient(std::shared_ptr<State> state) : state_(std::move(state)) {}
  static asio::awaitable<void> read_all(std::shared_ptr<State> state);
  static asio::awaitable<void> write_all(std::shared_ptr<State> state);

  std::shared_ptr<State> state_;
};

}  // namespace bamgate::net
