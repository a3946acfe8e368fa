// Where a datagram comes from and goes to: endpoint, local socket, relay, and the path made of them.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/ip_address.h"

namespace bamgate::inline core {

/// An IP address and a UDP or TCP port in host byte order.
struct Endpoint {
  IpAddress address;
  std::uint16_t port = 0;

  /// "192.0.2.1:3478" or "[2001:db8::1]:3478"; the port is needed.
  static std::optional<Endpoint> parse(std::string_view text);
  /// The form that parse() reads.
  std::string to_string() const;

  constexpr auto operator<=>(const Endpoint&) const = default;
};

/// A local socket, numbered by whoever owns the sockets. 0 is none.
enum class SocketId : std::uint32_t { kNone = 0 };

/// A TURN allocation through which a datagram travels. 0 is none: the datagram travels directly.
enum class RelayId : std::uint32_t { kNone = 0 };

/// How a datagram travels: from which local socket, to (or from) which remote endpoint, through which relay.
struct Path {
  SocketId local = SocketId::kNone;
  Endpoint remote;
  RelayId relay = RelayId::kNone;

  constexpr auto operator<=>(const Path&) const = default;
};

}  // namespace bamgate::inline core
