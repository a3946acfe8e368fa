// What the tests of net share: a loop with a generous bound, an identity made once, a server on a free loopback port,
// and a client that sends and reads raw bytes.
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <asio/ip/tcp.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "net/clock.h"
#include "net/connect.h"
#include "net/http.h"
#include "net/http_server.h"
#include "net/loop.h"
#include "net/tls_identity.h"
#include "net/websocket_client.h"
#include "support/seeded_random.h"

namespace bamgate::net {

// An upper bound for everything that should happen at once; only a broken program needs it.
inline constexpr auto kPatience = std::chrono::seconds(20);

inline const TlsIdentity& test_identity() {
  static const TlsIdentity identity = [] {
    bamgate::testing::SeededRandom random(1);
    return make_self_signed(random, "localhost", unix_now()).value();
  }();
  return identity;
}

inline Endpoint loopback(std::uint16_t port = 0) { return {IpAddress::v4(127, 0, 0, 1), port}; }

class NetTest : public ::testing::Test {
 protected:
  /// Runs a coroutine to its end.
  template <typename T>
  T finish(asio::awaitable<T> coroutine) {
    auto result = std::make_shared<std::optional<T>>();
    loop_.spawn<T>(std::move(coroutine), [result](T value) { result->emplace(std::move(value)); });
    EXPECT_TRUE(loop_.run_until([&] { return result->has_value(); }, kPatience));
    if (!*result) throw std::runtime_error("a coroutine did not end");
    return std::move(**result);
  }
  bool wait_for(const std::function<bool()>& done) { return loop_.run_until(done, kPatience); }

  void serve(HttpServer::Handlers handlers, HttpServerOptions options = {}, bool tls = false) {
    options.listen = loopback();
    if (tls) options.tls = TlsContext::server(test_identity()).value();
    server_ = HttpServer::listen(loop_, std::move(options), std::move(handlers)).value();
    url_.tls = tls;
    url_.host = "127.0.0.1";
    url_.port = server_->local_endpoint().port;
  }
  Trust pinned() const {
    Trust trust;
    trust.pin = spki_sha256(test_identity().cert_pem).value();
    return trust;
  }

  HttpCall call(std::string target, std::string method = "GET", std::string body = {}) const {
    HttpCall result;
    result.url = url_.with_target(target);
    result.method = std::move(method);
    result.body = std::move(body);
    result.connect.trust = pinned();
    return result;
  }
  Result<HttpReply> request(HttpCall what) { return finish(http_request(loop_, std::move(what))); }

  /// Sends `bytes` to the server as they are, and returns all that it answers until it ends the connection.
  std::string raw_exchange(std::string bytes) { return finish(raw(std::move(bytes))); }

  Loop loop_;
  std::unique_ptr<HttpServer> server_;
  Url url_;

 private:
  asio::awaitable<std::string> raw(std::string bytes) {
    const auto stream = co_await connect(loop_, url_, ConnectOptions{}, now() + kPatience);
    if (!stream) co_return "no connection";
    (*stream)->set_deadline(now() + kPatience);
    co_await (*stream)->write(as_bytes(bytes));
    std::string all;
    std::array<std::byte, 4096> buffer;
    while (true) {
      const auto count = co_await (*stream)->read_some(buffer);
      if (!count || *count == 0) co_return all;
      all.append(as_text(Bytes(buffer).first(*count)));
    }
  }
};

/// A WebSocket client that notes what it is told.
struct Listener {
  std::vector<std::string> texts;
  std::vector<std::string> binaries;
  std::optional<std::uint16_t> closed;
  std::string reason;

  WebSocketSession::Handlers handlers() {
    WebSocketSession::Handlers result;
    result.on_text = [this](std::string_view text) { texts.emplace_back(text); };
    result.on_binary = [this](Bytes data) { binaries.emplace_back(as_text(data)); };
    result.on_close = [this](std::uint16_t code, std::string_view why) {
      EXPECT_FALSE(closed.has_value());
      closed = code;
      reason = why;
    };
    return result;
  }
};

}  // namespace bamgate::net
