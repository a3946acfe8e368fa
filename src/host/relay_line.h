// A stream that carries the messages of TURN to one relay: a WebSocket to the hub's, TCP or TLS to one of one's own.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "agent/effect.h"
#include "core/bytes.h"
#include "core/endpoint.h"
#include "net/loop.h"
#include "net/websocket_client.h"

namespace bamgate::host {

/// Destroying it ends it in silence; not to be done by one of its own handlers.
class RelayLine {
 public:
  /// Called from the loop. `message` is one of TURN, or several one behind the other, each padded to 4 bytes.
  struct Handlers {
    std::function<void(const Endpoint& remote)> on_open;
    std::function<void(MutableBytes message)> on_message;
    std::function<void(std::string_view why)> on_close;  // the last; also when it could not be opened
  };

  /// Both begin to open it.
  static std::unique_ptr<RelayLine> by_websocket(net::Loop& loop, net::WebSocketCall call, Handlers handlers);
  static std::unique_ptr<RelayLine> by_stream(net::Loop& loop, const agent::StreamRelay& relay, Handlers handlers);
  virtual ~RelayLine() = default;
  RelayLine(const RelayLine&) = delete;
  RelayLine& operator=(const RelayLine&) = delete;

  /// False: lost. What does not leave soon is worth nothing, so little waits here.
  [[nodiscard]] virtual bool send(Bytes messages) = 0;
  /// Says goodbye where that is usual; on_close follows. False: there is nothing to say, and it may be destroyed.
  virtual bool close() = 0;
  /// Our own end; family kNone while it is not open.
  virtual Endpoint local() const = 0;

 protected:
  RelayLine() = default;
};

}  // namespace bamgate::host
