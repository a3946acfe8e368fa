// Endpoints as the socket calls want them, and back. IPv4-mapped addresses of a dual-stack socket come back as IPv4.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include "core/endpoint.h"

namespace bamgate::net {

/// A socket address with its length; length 0 when the endpoint has no address.
struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;

  SocketAddress() = default;
  explicit SocketAddress(const Endpoint& endpoint);
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  /// An endpoint without address when the family is neither IPv4 nor IPv6.
  Endpoint endpoint() const;
};

/// The local or remote end of a socket; without address when the call fails.
Endpoint local_end(int fd);
Endpoint remote_end(int fd);

}  // namespace bamgate::net
