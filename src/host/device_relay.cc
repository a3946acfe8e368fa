// The hub's relay, for a device on this machine: where it is, and the WebSocket to it.
#include <spdlog/spdlog.h>

#include <utility>

#include "host/device_host.h"
#include "net/clock.h"
#include "net/resolve.h"

namespace bamgate::host {
namespace {

// A name that is not resolved by then is asked for again with the next token.
constexpr auto kRelayNamePatience = std::chrono::seconds(3);

}  // namespace

// What the hub says of it with each token. A relay that is known is not added again.
void DeviceHost::use_relays(const std::vector<std::string>& relays) {
  for (const std::string& text : relays) {
    if (text.starts_with("wss:") || text.starts_with("ws:")) {
      runner_.add_websocket_relay(net::now());
      continue;
    }
    const auto uri = stun::Uri::parse(text);
    if (!uri || uri->scheme != stun::Scheme::kTurn || uri->transport != stun::UriTransport::kUdp) continue;
    if (const auto address = IpAddress::parse(uri->host)) {
      runner_.add_relay(net::now(), {*address, uri->port});
    } else {
      loop_.spawn(resolve_relay(runner_.run(), *uri));
    }
  }
}

asio::awaitable<void> DeviceHost::resolve_relay(agent::RunId run, stun::Uri uri) {
  const auto endpoints = co_await net::resolve(loop_, uri.host, uri.port, net::now() + kRelayNamePatience);
  if (!endpoints) spdlog::debug("the relay {} is left out for now: {}", uri.host, endpoints.error().detail);
  if (!endpoints || runner_.run() != run) co_return;
  for (const Endpoint& endpoint : net::one_of_each_family(*endpoints)) runner_.add_relay(net::now(), endpoint);
  arm_timer();
}

void DeviceHost::connect_relay(agent::RelayGeneration generation, std::string access_token) {
  loop_.spawn(open_relay(generation, std::move(access_token)));
}

asio::awaitable<void> DeviceHost::open_relay(agent::RelayGeneration generation, std::string access_token) {
  net::WebSocketClient::Handlers handlers;
  handlers.on_binary = [this, generation](Bytes message) {
    std::vector<std::byte> copy(message.begin(), message.end());
    runner_.on_relay_message(net::now(), generation, copy);
    runner_.flush(net::now());
    arm_timer();
  };
  handlers.on_close = [this, generation](std::uint16_t, std::string_view) {
    runner_.on_relay_closed(net::now(), generation);
    arm_timer();
  };
  auto connected = co_await net::WebSocketClient::connect(loop_, hub_call("/turn?batch=1", std::move(access_token)),
                                                          std::move(handlers));
  if (!runner_.is_current(generation)) co_return;  // given up meanwhile
  if (connected) {
    relay_ = std::move(*connected);
    runner_.on_relay_open(net::now(), generation);
  } else {
    spdlog::debug("no relay by WebSocket: {}", connected.error().detail);
    runner_.on_relay_closed(net::now(), generation);
  }
  arm_timer();
}

// What does not leave soon is worth nothing: a queue here would only be delay.
bool DeviceHost::send_to_relay(Bytes message) {
  constexpr std::size_t kMostUnsent = std::size_t{128} * 1024;
  return relay_ && relay_->queued_bytes() < kMostUnsent && relay_->send_binary(message);
}

void DeviceHost::disconnect_relay() {
  if (relay_) relay_->close(net::kCloseNormal, "");
}

}  // namespace bamgate::host
