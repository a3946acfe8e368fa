#include "net/sockaddr.h"

#include <cstring>

namespace bamgate::net {

SocketAddress::SocketAddress(const Endpoint& endpoint) {
  const Bytes bytes = endpoint.address.bytes();
  if (endpoint.address.is_v4()) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(endpoint.port);
    std::memcpy(&address.sin_addr, bytes.data(), bytes.size());
    std::memcpy(&storage, &address, sizeof(address));
    length = sizeof(address);
  } else if (endpoint.address.is_v6()) {
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(endpoint.port);
    std::memcpy(&address.sin6_addr, bytes.data(), bytes.size());
    std::memcpy(&storage, &address, sizeof(address));
    length = sizeof(address);
  }
}

Endpoint SocketAddress::endpoint() const {
  if (storage.ss_family == AF_INET) {
    sockaddr_in address{};
    std::memcpy(&address, &storage, sizeof(address));
    return {IpAddress::v4(ntohl(address.sin_addr.s_addr)), ntohs(address.sin_port)};
  }
  if (storage.ss_family != AF_INET6) return {};
  sockaddr_in6 address{};
  std::memcpy(&address, &storage, sizeof(address));
  const Bytes bytes = std::as_bytes(std::span(address.sin6_addr.s6_addr));
  const IpAddress ip = IpAddress::from_bytes(bytes);
  return {ip.is_v4_mapped() ? IpAddress::from_bytes(bytes.subspan(12)) : ip, ntohs(address.sin6_port)};
}

Endpoint local_end(int fd) {
  SocketAddress address;
  address.length = sizeof(address.storage);
  return getsockname(fd, address.get(), &address.length) == 0 ? address.endpoint() : Endpoint{};
}

Endpoint remote_end(int fd) {
  SocketAddress address;
  address.length = sizeof(address.storage);
  return getpeername(fd, address.get(), &address.length) == 0 ? address.endpoint() : Endpoint{};
}

}  // namespace bamgate::net
