#include "lab/turn_carrier.h"

#include <array>
#include <deque>
#include <utility>
#include <vector>

#include "net/clock.h"
#include "net/event.h"
#include "net/websocket_client.h"
#include "stun/uri.h"
#include "turn/framing.h"

namespace bamgate::lab {
namespace {

constexpr auto kConnectTime = std::chrono::seconds(15);
// What waits for a slow stream; more is lost, as in a network.
constexpr std::size_t kMostWaiting = 256;
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

// One connection, held by its two coroutines. Without an owner it ends in silence.
struct Connection {
  explicit Connection(net::Loop& loop) : wake_writer(loop) {}

  TurnCarrier::Handlers* owner = nullptr;
  std::shared_ptr<net::Stream> stream;
  turn::StreamReader reader;
  std::deque<std::vector<std::byte>> waiting;
  net::Event wake_writer;

  void end(const std::string& why) {
    if (stream) stream->close();
    wake_writer.notify();
    if (auto* handlers = std::exchange(owner, nullptr)) handlers->on_close(why);
  }
};

asio::awaitable<void> write_all(std::shared_ptr<Connection> connection) {
  while (connection->owner != nullptr) {
    if (connection->waiting.empty()) {
      co_await connection->wake_writer.wait();
      continue;
    }
    const std::vector<std::byte> message = std::move(connection->waiting.front());
    connection->waiting.pop_front();
    const auto written = co_await connection->stream->write(message);
    if (!written) connection->end(written.error().detail);
  }
}

// False: nothing can be read any more.
bool take_frames(Connection& connection) {
  while (connection.owner != nullptr) {
    const auto frame = connection.reader.next();
    if (!frame) connection.end(turn::to_string(frame.error()));
    if (!frame || !*frame) break;
    connection.owner->on_message(**frame);
  }
  return connection.owner != nullptr;
}

asio::awaitable<void> read_all(std::shared_ptr<Connection> connection) {
  std::array<std::byte, 16 * 1024> room;
  do {
    const auto count = co_await connection->stream->read_some(room);
    if (!count || *count == 0) {
      connection->end(count ? "the server closed the connection" : count.error().detail);
      break;
    }
    connection->reader.append(Bytes(room).first(*count));
  } while (take_frames(*connection));
}

class StreamCarrier final : public TurnCarrier {
 public:
  StreamCarrier(Link& link, TurnServer server, net::Trust trust, Handlers handlers)
      : link_(link), server_(std::move(server)), handlers_(std::move(handlers)) {
    options_.trust = std::move(trust);
  }
  ~StreamCarrier() override { drop(); }

  void open(const std::optional<Endpoint>& to) override {
    drop();
    net::Url url = server_.url;
    if (to) {
      url.host = to->address.to_string();
      url.port = to->port;
    }
    auto connection = std::make_shared<Connection>(link_.loop());
    connection->owner = &handlers_;
    connection_ = connection;
    using Connected = net::Result<std::shared_ptr<net::Stream>>;
    link_.loop().spawn<Connected>(net::connect(link_.loop(), url, options_, net::now() + kConnectTime),
                                  [this, connection](Connected stream) {
                                    if (connection->owner == nullptr) return;
                                    if (!stream) return connection->end(stream.error().detail);
                                    start(connection, std::move(*stream));
                                  });
  }

  void send(Bytes message) override {
    if (!connection_ || connection_->waiting.size() >= kMostWaiting) return;
    connection_->waiting.emplace_back(message.begin(), message.end());
    connection_->wake_writer.notify();
  }

 private:
  void start(const std::shared_ptr<Connection>& connection, std::shared_ptr<net::Stream> stream) {
    connection->stream = std::move(stream);
    link_.loop().spawn(read_all(connection));
    link_.loop().spawn(write_all(connection));
    handlers_.on_open({.local = {}, .remote = connection->stream->remote(), .relay = {}});
  }

  void drop() {
    if (!connection_) return;
    connection_->owner = nullptr;
    connection_->end({});
    connection_.reset();
  }

  Link& link_;
  TurnServer server_;
  Handlers handlers_;
  net::ConnectOptions options_;
  std::shared_ptr<Connection> connection_;
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
