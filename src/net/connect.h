// From a URL to a connected stream: names, addresses, connection attempts (RFC 8305, "Happy Eyeballs"), TLS.
#pragma once

#include <asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>

#include "net/error.h"
#include "net/loop.h"
#include "net/stream.h"
#include "net/tls_stream.h"
#include "net/url.h"

namespace bamgate::net {

// RFC 8305 §5: the next attempt starts 250 ms after the one before, or at once when that one has failed.
inline constexpr auto kConnectionAttemptDelay = std::chrono::milliseconds(250);

/// How to reach a server.
struct ConnectOptions {
  ConnectOptions() = default;  // see HttpCall

  Trust trust;
  std::uint32_t mark = 0;      // SO_MARK of the socket, as in UdpOptions
  std::optional<Endpoint> to;  // where the server is, when its name is only what the certificate must carry
};

/// Connects to the server of `url`, with TLS if it says so, and ends all by `deadline`. The stream has no deadline
/// then. Errors: kResolve, kConnect, kTimeout, kTls, kCertificate, kDates, kInvalid, kPermission (for the mark).
asio::awaitable<Result<std::shared_ptr<Stream>>> connect(Loop& loop, Url url, ConnectOptions options, Instant deadline);

}  // namespace bamgate::net
