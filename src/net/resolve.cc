#include "net/resolve.h"

#include <algorithm>
#include <asio/ip/tcp.hpp>
#include <cstring>
#include <memory>

#include "net/event.h"
#include "net/sockaddr.h"

namespace bamgate::net {
namespace {

constexpr std::size_t kMaxAddresses = 16;

/// Outlives the coroutine when it gave up before getaddrinfo(3) came back.
struct Lookup {
  explicit Lookup(Loop& loop) : resolver(loop.context()), done(loop) {}
  asio::ip::tcp::resolver resolver;
  Event done;
  bool finished = false;
  asio::error_code error;
  std::vector<Endpoint> found;
};

Endpoint to_endpoint(const asio::ip::tcp::endpoint& endpoint) {
  SocketAddress address;
  std::memcpy(&address.storage, endpoint.data(), endpoint.size());
  return address.endpoint();
}

// RFC 8305 §4: the first family stays first, then the families take turns.
std::vector<Endpoint> in_turns(const std::vector<Endpoint>& endpoints) {
  std::vector<Endpoint> first;
  std::vector<Endpoint> second;
  for (const Endpoint& endpoint : endpoints) {
    const bool same = endpoint.address.family() == endpoints.front().address.family();
    (same ? first : second).push_back(endpoint);
  }
  std::vector<Endpoint> mixed;
  for (std::size_t i = 0; i < std::max(first.size(), second.size()); ++i) {
    if (i < first.size()) mixed.push_back(first[i]);
    if (i < second.size()) mixed.push_back(second[i]);
  }
  if (mixed.size() > kMaxAddresses) mixed.resize(kMaxAddresses);
  return mixed;
}

}  // namespace

asio::awaitable<Result<std::vector<Endpoint>>> resolve(Loop& loop, std::string host, std::uint16_t port,
                                                       Instant deadline) {
  if (const auto address = IpAddress::parse(host)) co_return std::vector<Endpoint>{Endpoint{*address, port}};
  // RFC 6761 §6.3: "localhost" always means this machine, whatever a name server would say.
  if (host == "localhost") {
    co_return std::vector<Endpoint>{Endpoint{*IpAddress::parse("::1"), port},
                                    Endpoint{*IpAddress::parse("127.0.0.1"), port}};
  }
  const auto lookup = std::make_shared<Lookup>(loop);
  const asio::ip::tcp::resolver::flags flags = asio::ip::resolver_base::address_configured;
  lookup->resolver.async_resolve(
      host, std::to_string(port), flags,
      [lookup](const asio::error_code& error, const asio::ip::tcp::resolver::results_type& results) {
        lookup->finished = true;
        lookup->error = error;
        for (const auto& result : results) lookup->found.push_back(to_endpoint(result.endpoint()));
        lookup->done.notify();
      });
  while (!lookup->finished) {
    const bool in_time = co_await lookup->done.wait(deadline);
    if (!in_time) co_return fail(Error::kTimeout, "look up " + host + ": no answer in time");
  }
  if (lookup->error) co_return fail(Error::kResolve, "look up " + host + ": " + lookup->error.message());
  if (lookup->found.empty()) co_return fail(Error::kResolve, "look up " + host + ": it has no address");
  co_return in_turns(lookup->found);
}

}  // namespace bamgate::net
