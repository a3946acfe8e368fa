#include "net/connect.h"

#include <sys/socket.h>

#include <asio/ip/tcp.hpp>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "net/clock.h"
#include "net/event.h"
#include "net/resolve.h"
#include "net/sockaddr.h"

namespace bamgate::net {
namespace {

using asio::ip::tcp;

/// The attempts of one connection; kept alive by those that are still under way.
struct Race {
  explicit Race(Loop& loop) : changed(loop) {}

  std::vector<std::unique_ptr<tcp::socket>> attempts;
  std::size_t failed = 0;
  std::optional<std::size_t> winner;
  std::string last_failure;
  Event changed;

  void end() {
    asio::error_code ignored;
    for (const auto& attempt : attempts) {
      if (attempt) attempt->close(ignored);
    }
  }
};

tcp::endpoint to_asio(const Endpoint& endpoint) {
  const SocketAddress address(endpoint);
  tcp::endpoint result;
  result.resize(address.length);
  std::memcpy(result.data(), address.get(), address.length);
  return result;
}

/// Counts a failure at once, or starts an attempt that ends in race->winner or race->failed.
Result<void> start_attempt(Loop& loop, const std::shared_ptr<Race>& race, const Endpoint& to, std::uint32_t mark) {
  auto socket = std::make_unique<tcp::socket>(loop.context());
  const tcp::endpoint endpoint = to_asio(to);
  asio::error_code error;
  socket->open(endpoint.protocol(), error);
  if (error) {
    ++race->failed;
    race->last_failure = to.to_string() + ": " + error.message();
    race->attempts.push_back(nullptr);
    return Result<void>();
  }
  if (mark != 0 && setsockopt(socket->native_handle(), SOL_SOCKET, SO_MARK, &mark, sizeof(mark)) != 0) {
    return fail_errno("mark a TCP socket", errno);
  }
  const std::size_t index = race->attempts.size();
  race->attempts.push_back(std::move(socket));
  race->attempts[index]->async_connect(endpoint, [race, index, to](const asio::error_code& result) {
    if (result) {
      ++race->failed;
      race->last_failure = to.to_string() + ": " + result.message();
    } else if (!race->winner) {
      race->winner = index;
    }
    race->changed.notify();
  });
  return Result<void>();
}

asio::awaitable<Result<tcp::socket>> connect_any(Loop& loop, std::vector<Endpoint> endpoints, std::uint32_t mark,
                                                 Instant deadline) {
  const auto race = std::make_shared<Race>(loop);
  while (!race->winner) {
    const bool more = race->attempts.size() < endpoints.size();
    if (!more && race->failed == endpoints.size()) break;
    Instant until = deadline;
    if (more) {
      const Result<void> started = start_attempt(loop, race, endpoints[race->attempts.size()], mark);
      if (!started) {
        race->end();
        co_return std::unexpected(started.error());
      }
      if (race->failed == race->attempts.size()) continue;
      until = std::min(deadline, now() + kConnectionAttemptDelay);
    }
    const bool changed = co_await race->changed.wait(until);
    if (!changed && now() >= deadline) break;
  }
  if (race->winner) {
    tcp::socket socket = std::move(*race->attempts[*race->winner]);
    race->attempts[*race->winner].reset();
    race->end();
    co_return std::move(socket);
  }
  race->end();
  if (now() >= deadline)
    co_return fail(Error::kTimeout, "connect to " + endpoints.front().to_string() + ": no answer in time");
  co_return fail(Error::kConnect, "connect to " + race->last_failure);
}

}  // namespace

asio::awaitable<Result<std::shared_ptr<Stream>>> connect(Loop& loop, Url url, ConnectOptions options,
                                                         Instant deadline) {
  Result<std::shared_ptr<const TlsContext>> context = std::shared_ptr<const TlsContext>();
  if (url.tls) context = TlsContext::client(options.trust);
  if (!context) co_return std::unexpected(context.error());
  Result<std::vector<Endpoint>> endpoints;
  if (options.to) {
    endpoints->push_back(*options.to);
  } else {
    endpoints = co_await resolve(loop, url.host, url.port, deadline);
  }
  if (!endpoints) co_return std::unexpected(endpoints.error());
  auto socket = co_await connect_any(loop, *endpoints, options.mark, deadline);
  if (!socket) co_return std::unexpected(socket.error());
  if (!url.tls) {
    const std::shared_ptr<Stream> stream = std::make_shared<PlainStream>(loop, std::move(*socket));
    co_return stream;
  }
  const auto tls = std::make_shared<TlsStream>(loop, std::move(*socket), *context, url.host);
  tls->set_deadline(deadline);
  const Result<void> secured = co_await tls->handshake();
  if (!secured) co_return std::unexpected(secured.error());
  tls->set_deadline(kNever);
  const std::shared_ptr<Stream> stream = tls;
  co_return stream;
}

}  // namespace bamgate::net
