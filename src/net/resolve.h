// Host names to addresses (getaddrinfo(3), each on a thread of its own, so that the loop, other names and the end of
// the process wait for none).
#pragma once

#include <asio/awaitable.hpp>
#include <string>
#include <vector>

#include "core/endpoint.h"
#include "core/time.h"
#include "net/error.h"
#include "net/loop.h"

namespace bamgate::net {

/// The addresses of `host` with `port`, in the system's order of preference (RFC 6724) but with families taken in turn
/// (RFC 8305 §4); never empty. An address or "localhost" as host needs no name server. Errors: kResolve (also when
/// sixteen names are being looked up already); kTimeout at `deadline`.
asio::awaitable<Result<std::vector<Endpoint>>> resolve(Loop& loop, std::string host, std::uint16_t port,
                                                       Instant deadline);

/// The first of each family: further addresses are the same server.
std::vector<Endpoint> one_of_each_family(const std::vector<Endpoint>& endpoints);

}  // namespace bamgate::net
