// The hub and its relay, as far as they can be reached from here.
#include <array>
#include <deque>
#include <utility>

#include "doctor/probe.h"
#include "doctor/udp_port.h"
#include "net/clock.h"
#include "net/connect.h"
#include "net/event.h"
#include "net/goodbye.h"
#include "net/websocket_client.h"
#include "turn/client.h"

namespace bamgate::doctor {
namespace {

constexpr auto kHubPatience = std::chrono::seconds(10);
constexpr auto kRelayPatience = std::chrono::seconds(4);
constexpr auto kFarewell = std::chrono::seconds(1);

/// Judges the events of a client: whether it has come to an end, and to which.
class Allocating {
 public:
  Allocating(turn::Client& client, Path path, Trial& trial) : client_(client), path_(path), trial_(trial) {}

  bool handle(const turn::Event& event) {
    if (std::holds_alternative<turn::TransportWanted>(event)) client_.set_transport(net::now(), path_);
    if (std::holds_alternative<turn::Allocated>(event)) {
      trial_.took = net::now() - begun_;
      trial_.why.clear();
      client_.close(net::now());
      return true;
    }
    if (const auto* failed = std::get_if<turn::Failed>(&event)) {
      trial_.why = turn::to_string(failed->reason);
      return true;
    }
    return false;
  }

 private:
  turn::Client& client_;
  Path path_;
  Trial& trial_;
  Instant begun_ = net::now();
};

/// What a WebSocket brought, until somebody reads it.
struct Inbox {
  explicit Inbox(net::Loop& loop) : news(loop) {}
  std::deque<std::vector<std::byte>> messages;
  bool closed = false;
  net::Event news;
};

asio::awaitable<void> allocate_over(net::WebSocketClient& socket, Inbox& inbox, turn::Client& client, Trial& trial) {
  const Path path{.local = SocketId{1}, .remote = Endpoint{IpAddress::v4(192, 0, 2, 1), 443}, .relay = {}};
  Allocating allocating(client, path, trial);
  std::array<std::byte, 2048> buffer{};
  const Instant deadline = net::now() + kRelayPatience;
  bool ended = false;
  while (!ended && !inbox.closed && net::now() < deadline) {
    bool told = false;
    while (auto event = client.poll_event()) {
      told = true;
      ended = allocating.handle(*event) || ended;
    }
    while (const auto transmit = client.poll_transmit(net::now(), buffer)) {
      (void)socket.send_binary(Bytes(buffer).first(transmit->size));
    }
    if (told) continue;
    (void)co_await inbox.news.wait(std::min(deadline, client.next_timeout()));
    while (!inbox.messages.empty()) {
      (void)client.receive(net::now(), inbox.messages.front());
      inbox.messages.pop_front();
    }
    client.handle_timeout(net::now());
  }
  // The request to delete it is on its way with the rest.
  while (const auto transmit = client.poll_transmit(net::now(), buffer)) {
    (void)socket.send_binary(Bytes(buffer).first(transmit->size));
  }
}

}  // namespace

asio::awaitable<Trial> probe_hub(Surroundings& around, host::HubAccess hub) {
  Trial trial;
  trial.what = hub.url.authority();
  hub.connect.mark = around.mark;
  const Instant begun = net::now();
  auto stream = co_await net::connect(around.loop, hub.url, hub.connect, begun + kHubPatience);
  if (stream) {
    trial.took = net::now() - begun;
    co_await (*stream)->shutdown();
    (*stream)->close();
  } else {
    trial.why = stream.error().detail;
  }
  co_return trial;
}

asio::awaitable<Trial> probe_udp_relay(Surroundings& around, Endpoint server, turn::Credentials credentials) {
  Trial trial;
  trial.what = "the hub's relay by UDP, " + server.to_string();
  auto port = UdpPort::open(around, server.address);
  if (!port) {
    trial.why = port.error();
    co_return trial;
  }
  trial.why = "no answer";
  turn::ClientOptions options;
  options.server = server;
  turn::Client client(options, std::move(credentials), around.random, around.crypto);
  const Path path{.local = SocketId::kNone, .remote = server, .relay = {}};
  Allocating allocating(client, path, trial);
  co_await (*port)->drive(client, net::now() + kRelayPatience,
                          [&](const turn::Event& event) { return allocating.handle(event); });
  if (!trial.succeeded()) co_return trial;
  co_await (*port)->drive(client, net::now() + kFarewell,
                          [](const turn::Event& event) { return std::holds_alternative<turn::Closed>(event); });
  co_return trial;
}

asio::awaitable<Trial> probe_websocket_relay(Surroundings& around, host::HubAccess hub, std::string path,
                                             std::string access_token, turn::Credentials credentials) {
  Trial trial;
  trial.what = "the hub's relay by WebSocket";
  trial.why = "no answer";
  Inbox inbox(around.loop);
  net::WebSocketCall call;
  call.url = hub.url.with_target(std::move(path));
  call.bearer = std::move(access_token);
  call.connect = hub.connect;
  call.connect.mark = around.mark;
  call.timeout = kHubPatience;
  net::WebSocketClient::Handlers handlers;
  handlers.on_binary = [&inbox](Bytes message) {
    inbox.messages.emplace_back(message.begin(), message.end());
    inbox.news.notify();
  };
  handlers.on_close = [&inbox](std::uint16_t, std::string_view) {
    inbox.closed = true;
    inbox.news.notify();
  };
  const Instant begun = net::now();
  auto socket = co_await net::WebSocketClient::connect(around.loop, std::move(call), std::move(handlers));
  if (!socket) {
    trial.why = socket.error().detail;
    co_return trial;
  }
  turn::ClientOptions options;
  options.server = {IpAddress::v4(192, 0, 2, 1), 443};
  options.transport = turn::Transport::kWebSocket;
  turn::Client client(options, std::move(credentials), around.random, around.crypto);
  co_await allocate_over(**socket, inbox, client, trial);
  (*socket)->close(net::kCloseNormal, "");
  if (trial.succeeded()) trial.took = net::now() - begun;
  co_return trial;
}

}  // namespace bamgate::doctor
