// Following "300 Try Alternate" to another server (RFC 8489 §10), without going round in circles.
// Leaves out certificates: where TLS is used, Message::alternate_domain() names the one to expect.
#pragma once

#include <optional>
#include <vector>

#include "core/time.h"
#include "stun/message.h"

namespace bamgate::stun {

class Redirects {
 public:
  /// The server to ask instead of `asked`, of the same address family, with the same credentials and transport.
  /// nullopt: the transaction has failed, since no such server is named, it was asked in the last 5 minutes, or too
  /// many were. RFC 8489 §14.8: `response` must be one whose integrity was checked.
  std::optional<Endpoint> follow(Instant now, const Endpoint& asked, const Message& response);

 private:
  struct Visit {
    Endpoint server;
    Instant time;
  };
  std::vector<Visit> visits_;
};

}  // namespace bamgate::stun
