// What travels over a link: the seam between the connection of two devices and the tunnel in it. A link hands over the
// messages of its channel and takes what is to be sent; it knows nothing of what they mean.
#pragma once

#include <optional>

#include "core/packet_buffer.h"
#include "core/time.h"

namespace bamgate::agent {

/// One message for the channel.
struct CarrierMessage {
  PacketBuffer message;
  /// Nothing at all from the peer after it means that the session is dead. False for what nobody answers (a keepalive)
  /// and for what the carrier repeats by itself (a handshake).
  bool expects_answer = true;
};

/// After any call but next_timeout(): drain poll_message(), then read is_secured() and next_timeout().
class Carrier {
 public:
  virtual ~Carrier() = default;

  /// A channel is open; everything that was sent before is lost. `first`: this side speaks first, the other waits.
  virtual void opened(Instant now, bool first) = 0;
  /// The channel is gone: what poll_message() returns from now on reaches nobody.
  virtual void closed() = 0;
  /// The peer runs afresh: what was agreed with it is void.
  virtual void restarted(Instant now) = 0;
  /// One message of the peer. True when it is authentic: a sign of life.
  virtual bool on_message(Instant now, PacketBuffer message) = 0;
  virtual std::optional<CarrierMessage> poll_message(Instant now) = 0;
  /// Data can flow over the channel that is open.
  virtual bool is_secured() const = 0;
  virtual void handle_timeout(Instant now) = 0;
  virtual Instant next_timeout() const = 0;
};

}  // namespace bamgate::agent
