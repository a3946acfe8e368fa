// Who talks to the relay, as it sees it: the 5-tuple that identifies an allocation (RFC 8656 §3.2).
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "core/bytes.h"
#include "core/endpoint.h"

namespace bamgate::turn {

/// One datagram path between a client and the relay's port, or one stream (TCP, TLS, WebSocket).
struct FiveTuple {
  std::uint64_t stream = 0;  // the stream's number, never used twice; 0: datagrams
  Endpoint remote;           // where the client is; of a stream only to be told to it
  IpAddress local;           // datagrams: which of our addresses was asked

  bool is_stream() const { return stream != 0; }
  bool operator==(const FiveTuple&) const = default;
};

struct FiveTupleHash {
  std::size_t operator()(const FiveTuple& tuple) const {
    const std::hash<std::string_view> hash;
    const std::size_t remote = hash(as_text(tuple.remote.address.bytes()));
    const std::size_t local = hash(as_text(tuple.local.bytes()));
    return (remote * 31 + local) * 31 + std::hash<std::uint64_t>()(tuple.stream * 65'537 + tuple.remote.port);
  }
};

}  // namespace bamgate::turn
