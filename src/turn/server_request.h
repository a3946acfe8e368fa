// One authenticated request, while it is served.
#pragma once

#include "turn/server.h"

namespace bamgate::turn {

struct Server::Request {
  Instant now;
  const FiveTuple& from;
  const stun::Message& message;
  const std::string& owner;
  const stun::Authenticated& authenticated;
  Crypto& crypto;
  MutableBytes out;
};

}  // namespace bamgate::turn
