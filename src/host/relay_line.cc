#include "host/relay_line.h"

#include <string>
#include <utility>
#include <vector>

#include "net/clock.h"
#include "net/stream_client.h"
#include "turn/framing.h"

namespace bamgate::host {
namespace {

constexpr auto kConnectTime = std::chrono::seconds(15);
// A longer queue would only be delay.
constexpr std::size_t kMostUnsent = std::size_t{128} * 1024;

class WebSocketLine final : public RelayLine {
 public:
  WebSocketLine(net::Loop& loop, net::WebSocketCall call, Handlers handlers) : handlers_(std::move(handlers)) {
    net::WebSocketClient::Handlers session;
    session.on_binary = [this, alive = alive_](Bytes message) {
      std::vector<std::byte> copy(message.begin(), message.end());
      if (*alive) handlers_.on_message(copy);
    };
    session.on_close = [this, alive = alive_](std::uint16_t, std::string_view reason) {
      if (*alive) handlers_.on_close(reason);
    };
    using Connected = net::Result<std::unique_ptr<net::WebSocketClient>>;
    loop.spawn<Connected>(net::WebSocketClient::connect(loop, std::move(call), std::move(session)),
                          [this, alive = alive_](Connected client) {
                            if (!*alive) return;
                            if (!client) return handlers_.on_close(client.error().detail);
                            client_ = std::move(*client);
                            handlers_.on_open({});
                          });
  }
  ~WebSocketLine() override { *alive_ = false; }

  bool send(Bytes messages) override {
    return client_ && client_->queued_bytes() < kMostUnsent && client_->send_binary(messages);
  }
  bool close() override {
    if (client_) client_->close(net::kCloseNormal, "");
    return client_ != nullptr;
  }
  Endpoint local() const override { return client_ ? client_->local() : Endpoint{}; }

 private:
  Handlers handlers_;
  std::unique_ptr<net::WebSocketClient> client_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

class StreamLine final : public RelayLine {
 public:
  StreamLine(net::Loop& loop, const agent::StreamRelay& relay, Handlers handlers) : handlers_(std::move(handlers)) {
    net::ConnectOptions options;
    options.to = relay.to;
    net::StreamClient::Handlers stream{.on_bytes = [this](Bytes data) { take(data); },
                                       .on_close = [this](std::string_view why) { handlers_.on_close(why); }};
    using Connected = net::Result<std::unique_ptr<net::StreamClient>>;
    loop.spawn<Connected>(net::StreamClient::connect(loop, net::Url(relay.tls, relay.host, relay.port, "/"), options,
                                                     net::now() + kConnectTime, std::move(stream)),
                          [this, alive = alive_](Connected client) {
                            if (!*alive) return;
                            if (!client) return handlers_.on_close(client.error().detail);
                            client_ = std::move(*client);
                            handlers_.on_open(client_->remote());
                          });
  }
  ~StreamLine() override { *alive_ = false; }

  bool send(Bytes messages) override {
    return client_ && client_->queued_bytes() < kMostUnsent && client_->send(messages);
  }
  bool close() override { return false; }  // with the connection the allocation ends (RFC 8656 §7.4)
  Endpoint local() const override { return client_ ? client_->local() : Endpoint{}; }

 private:
  // After a fault nobody knows where the next message begins.
  void take(Bytes data) {
    reader_.append(data);
    while (true) {
      const auto frame = reader_.next();
      if (!frame) return handlers_.on_close(turn::to_string(frame.error()));
      if (!*frame) return;
      handlers_.on_message(**frame);
    }
  }

  Handlers handlers_;
  std::unique_ptr<net::StreamClient> client_;
  turn::StreamReader reader_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace

std::unique_ptr<RelayLine> RelayLine::by_websocket(net::Loop& loop, net::WebSocketCall call, Handlers handlers) {
  return std::make_unique<WebSocketLine>(loop, std::move(call), std::move(handlers));
}

std::unique_ptr<RelayLine> RelayLine::by_stream(net::Loop& loop, const agent::StreamRelay& relay, Handlers handlers) {
  return std::make_unique<StreamLine>(loop, relay, std::move(handlers));
}

}  // namespace bamgate::host
