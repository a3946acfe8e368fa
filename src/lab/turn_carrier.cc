#include "lab/turn_carrier.h"

#include <array>
#include <utility>
#include <vector>

#include "net/clock.h"
#include "net/stream_client.h"
#include "net/websocket_client.h"
#include "stun/uri.h"
#include "turn/framing.h"

namespace bamgate::lab {
namespace {

constexpr auto kConnectTime = std::chrono::seconds(15);
// Bytes that wait for a slow stream; more is lost, as in a network.
constexpr std::size_t kMostQueued = 256 * 1024;
// Bytes of one WebSocket message with several of ours.
constexpr std::size_t kBatchBytes = 16 * 1024;

class UdpCarrier final : public TurnCarrier {
 public:
  UdpCarrier(Link& link, TurnServer server, Handlers handlers)
      : link_(link), server_(std::move(server)), handlers_(std::move(handlers)) {
    link_.on_datagram([this](const Received& received) { take(received); });
  }

  void open(const std::optional<Endpoint>& to) override {
    if (path_.local != SocketId::kNone) link_.close(path_.local);
    path_ = {};
    const bool v6 = server_.url.host.find(':') != std::string::npos;
    const std::string host = v6 ? "[" + server_.url.host + "]" : server_.url.host;
    const auto remote =
        to ? std::expected<Endpoint, Failure>(*to) : link_.resolve(host + ":" + std::to_string(server_.url.port));
    if (!remote) return handlers_.on_close(remote.error().text);
    const auto socket = link_.open(Link::any_for(*remote));
    if (!socket) return handlers_.on_close(socket.error().text);
    path_ = {.local = *socket, .remote = *remote, .relay = {}};
    handlers_.on_open(path_);
  }

  void send(Bytes message) override { link_.send(path_, message); }

 private:
  void take(const Received& received) {
    const std::size_t stride = received.stride == 0 ? received.data.size() : received.stride;
    for (MutableBytes rest = received.data; !rest.empty();) {
      const std::size_t size = std::min(stride, rest.size());
      if (received.path.remote == path_.remote) handlers_.on_message(rest.first(size));
      rest = rest.subspan(size);
    }
  }

  Link& link_;
  TurnServer server_;
  Handlers handlers_;
  Path path_;
};

class StreamCarrier final : public TurnCarrier {
 public:
  StreamCarrier(Link& link, TurnServer server, net::Trust trust, Handlers handlers)
      : link_(link), server_(std::move(server)), handlers_(std::move(handlers)) {
    options_.trust = std::move(trust);
  }
  ~StreamCarrier() override { *alive_ = false; }

  void open(const std::optional<Endpoint>& to) override {
    *alive_ = false;
    alive_ = std::make_shared<bool>(true);
    client_.reset();
    reader_ = turn::StreamReader();
    options_.to = to;
    using Connected = net::Result<std::unique_ptr<net::StreamClient>>;
    auto connecting =
        net::StreamClient::connect(link_.loop(), server_.url, options_, net::now() + kConnectTime,
                                   {.on_bytes = [this](Bytes data) { take(data); },
                                    .on_close = [this](std::string_view why) { close(std::string(why)); }});
    link_.loop().spawn<Connected>(std::move(connecting), [this, alive = alive_](Connected client) {
      if (!*alive) return;
      if (!client) return close(client.error().detail);
      client_ = std::move(*client);
      handlers_.on_open({.local = {}, .remote = client_->remote(), .relay = {}});
    });
  }

  void send(Bytes message) override {
    if (client_ && client_->queued_bytes() < kMostQueued) (void)client_->send(message);
  }

 private:
  void close(const std::string& why) {
    client_.reset();
    handlers_.on_close(why);
  }

  void take(Bytes data) {
    const auto alive = alive_;
    reader_.append(data);
    while (*alive && client_) {
      const auto frame = reader_.next();
      if (!frame) return close(turn::to_string(frame.error()));
      if (!*frame) return;
      handlers_.on_message(**frame);
    }
  }

  Link& link_;
  TurnServer server_;
  Handlers handlers_;
  net::ConnectOptions options_;
  std::unique_ptr<net::StreamClient> client_;
  turn::StreamReader reader_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

class WebSocketCarrier final : public TurnCarrier {
 public:
  WebSocketCarrier(Link& link, const TurnServer& server, const net::Trust& trust, const std::string& bearer,
                   Handlers handlers)
      : link_(link), batch_(server.batch), handlers_(std::move(handlers)) {
    call_.url = server.url;
    call_.bearer = bearer;
    call_.connect.trust = trust;
    call_.timeout = kConnectTime;
  }
  ~WebSocketCarrier() override { *alive_ = false; }

  void open(const std::optional<Endpoint>& to) override {
    *alive_ = false;
    alive_ = std::make_shared<bool>(true);
    client_.reset();
    net::WebSocketCall call = call_;
    if (to) {
      call.url.host = to->address.to_string();
      call.url.port = to->port;
    }
    net::WebSocketClient::Handlers handlers;
    handlers.on_text = [](std::string_view) {};
    handlers.on_binary = [this](Bytes data) { take(data); };
    handlers.on_close = [this](std::uint16_t code, std::string_view reason) {
      handlers_.on_close("the WebSocket closed with " + std::to_string(code) + " " + std::string(reason));
    };
    using Opened = net::Result<std::unique_ptr<net::WebSocketClient>>;
    link_.loop().spawn<Opened>(net::WebSocketClient::connect(link_.loop(), call, std::move(handlers)),
                               [this, alive = alive_](Opened opened) {
                                 if (!*alive) return;
                                 if (!opened) return handlers_.on_close(opened.error().detail);
                                 client_ = std::move(*opened);
                                 handlers_.on_open({});
                               });
  }

  void send(Bytes message) override {
    if (!client_) return;
    if (!batch_) {
      client_->send_binary(message);
      return;
    }
    turn::BatchWriter writer(MutableBytes(room_).subspan(batched_));
    if (!writer.add(message)) {
      flush_batch();
      writer = turn::BatchWriter(room_);
      if (!writer.add(message)) return;
    }
    // What comes before the loop goes on travels in one message.
    if (batched_ == 0) {
      link_.loop().post([this, alive = alive_] {
        if (*alive) flush_batch();
      });
    }
    batched_ += writer.size();
  }

 private:
  void flush_batch() {
    if (client_ && batched_ > 0) client_->send_binary(Bytes(room_).first(batched_));
    batched_ = 0;
  }

  void take(Bytes data) {
    std::vector<std::byte> copy(data.begin(), data.end());
    if (!batch_) return handlers_.on_message(copy);
    const auto alive = alive_;
    turn::BatchReader reader(copy);
    while (*alive) {
      const auto message = reader.next();
      // What is malformed goes up as it is, where it is counted.
      if (!message) return handlers_.on_message(copy);
      if (!*message) return;
      handlers_.on_message(**message);
    }
  }

  Link& link_;
  bool batch_;
  Handlers handlers_;
  net::WebSocketCall call_;
  std::unique_ptr<net::WebSocketClient> client_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::array<std::byte, kBatchBytes> room_{};
  std::size_t batched_ = 0;
};

}  // namespace

std::expected<TurnServer, Failure> parse_turn_server(const std::string& text) {
  const bool is_web_socket = text.starts_with("ws://") || text.starts_with("wss://");
  if (const auto url = is_web_socket ? net::Url::parse(text) : std::nullopt) {
    return TurnServer{.transport = turn::Transport::kWebSocket,
                      .url = *url,
                      .batch = url->target.find("batch=1") != std::string::npos};
  }
  const auto uri = stun::Uri::parse(text);
  const bool is_turn = uri && (uri->scheme == stun::Scheme::kTurn || uri->scheme == stun::Scheme::kTurns);
  if (!is_turn) {
    return os::usage("'" + text +
                     "' is no TURN server: turn:HOST[:PORT][?transport=udp|tcp], turns:HOST[:PORT], or "
                     "wss://HOST[:PORT]/turn");
  }
  const bool tls = uri->scheme == stun::Scheme::kTurns;
  if (tls && uri->transport == stun::UriTransport::kUdp) {
    return os::usage("'" + text + "' asks for DTLS, which is not spoken here: leave ?transport=udp out");
  }
  const bool udp = uri->transport == stun::UriTransport::kUdp;
  return TurnServer{.transport = udp ? turn::Transport::kUdp : turn::Transport::kStream,
                    .url = net::Url(tls, uri->host, uri->port, "/")};
}

std::unique_ptr<TurnCarrier> TurnCarrier::create(Link& link, const TurnServer& server, const net::Trust& trust,
                                                 const std::string& bearer, Handlers handlers) {
  switch (server.transport) {
    case turn::Transport::kUdp:
      return std::make_unique<UdpCarrier>(link, server, std::move(handlers));
    case turn::Transport::kStream:
      return std::make_unique<StreamCarrier>(link, server, trust, std::move(handlers));
    case turn::Transport::kWebSocket:
      return std::make_unique<WebSocketCarrier>(link, server, trust, bearer, std::move(handlers));
  }
  std::unreachable();
}

}  // namespace bamgate::lab
