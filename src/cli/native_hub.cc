#include "cli/native_hub.h"

#include <spdlog/spdlog.h>

#include <array>
#include <utility>

#include "net/clock.h"
#include "stun/binding.h"

namespace bamgate::cli {
namespace {

hub::HttpRequest to_core(const net::HttpRequest& request) {
  return {.method = request.method,
          .target = request.target,
          .authorization = request.header("Authorization"),
          .body = request.body,
          .client = request.remote.address};
}

net::HttpReply from_core(hub::HttpReply reply) {
  net::HttpReply result = net::HttpReply::json(reply.status, std::move(reply.body));
  if (reply.retry_after_s > 0) result.headers.push_back({"Retry-After", std::to_string(reply.retry_after_s)});
  return result;
}

hub::ConnectionId to_core(net::ConnectionId id) { return hub::ConnectionId{std::to_underlying(id)}; }
net::ConnectionId from_core(hub::ConnectionId id) { return net::ConnectionId{std::to_underlying(id)}; }

}  // namespace

NativeHub::NativeHub(net::Loop& loop, HubSql sql) : loop_(loop), sql_(std::move(sql)), timer_(loop) {}

NativeHub::~NativeHub() = default;

std::expected<std::unique_ptr<NativeHub>, std::string> NativeHub::start(net::Loop& loop, Options options) {
  auto database = os::Sqlite::open(options.database);
  if (!database) return std::unexpected("cannot open " + options.database + ": " + database.error().message);
  std::unique_ptr<NativeHub> self(new NativeHub(loop, HubSql(std::move(*database))));
  auto core = hub::Hub::create(std::move(options.hub), self->sql_, self->crypto_, self->random_, net::unix_now());
  if (!core) return std::unexpected(std::string(hub::to_string(core.error())));
  self->hub_ = std::move(*core);

  net::HttpServerOptions server;
  server.listen = options.listen;
  server.tls = options.tls;
  auto listening = net::HttpServer::listen(loop, std::move(server), self->handlers());
  if (!listening) return std::unexpected(listening.error().detail);
  self->server_ = std::move(*listening);
  if (options.stun) {
    if (auto stun = self->start_stun(*options.stun); !stun) return std::unexpected(stun.error());
  }
  self->run_effects();
  return self;
}

net::HttpServer::Handlers NativeHub::handlers() {
  net::HttpServer::Handlers handlers;
  handlers.on_request = [this](net::RequestId, const net::HttpRequest& request) -> std::optional<net::HttpReply> {
    auto reply = from_core(hub_->on_http(net::now(), net::unix_now(), to_core(request)));
    run_effects();
    return reply;
  };
  handlers.on_upgrade = [this](net::ConnectionId id, const net::HttpRequest& request) -> std::optional<net::HttpReply> {
    auto refusal = hub_->on_open(net::now(), net::unix_now(), to_core(id), to_core(request));
    run_effects();
    if (!refusal) return std::nullopt;
    return from_core(std::move(*refusal));
  };
  handlers.on_text = [this](net::ConnectionId id, std::string_view text) {
    hub_->on_text(net::now(), net::unix_now(), to_core(id), text);
    run_effects();
  };
  handlers.on_binary = [this](net::ConnectionId id, Bytes data) {
    hub_->on_binary(net::now(), net::unix_now(), to_core(id), data);
    run_effects();
  };
  handlers.on_close = [this](net::ConnectionId id, std::uint16_t) {
    hub_->on_close(net::now(), net::unix_now(), to_core(id));
    run_effects();
  };
  return handlers;
}

void NativeHub::run_effects() {
  while (auto effect = hub_->poll_effect()) {
    if (const auto* text = std::get_if<hub::SendText>(&*effect)) {
      server_->send_text(from_core(text->connection), text->text);
    } else if (const auto* binary = std::get_if<hub::SendBinary>(&*effect)) {
      server_->send_binary(from_core(binary->connection), binary->data);
    } else if (const auto* close = std::get_if<hub::Close>(&*effect)) {
      server_->close(from_core(close->connection), std::to_underlying(close->code), close->reason);
    } else if (const auto* log = std::get_if<hub::Log>(&*effect)) {
      spdlog::info("{}", log->text);
    }
  }
  timer_.expires_at(hub_->next_timeout(), [this] {
    hub_->on_timer(net::now(), net::unix_now());
    run_effects();
  });
}

std::expected<void, std::string> NativeHub::start_stun(const Endpoint& listen) {
  auto socket = net::UdpSocket::open(listen);
  if (!socket) return std::unexpected("cannot answer STUN on " + listen.to_string() + ": " + socket.error().detail);
  stun_.emplace(std::move(*socket));
  stun_watcher_.emplace(loop_, stun_->fd());
  stun_watcher_->on_readable([this] { answer_stun(); });
  return {};
}

void NativeHub::answer_stun() {
  std::array<net::UdpReceived, 16> slots;
  std::array<std::byte, 256> answer{};
  const std::size_t count = stun_->receive_batch(pool_, slots);
  for (const net::UdpReceived& received : std::span(slots).first(count)) {
    const auto size = stun::answer_binding(received.from, received.packet.data(), answer);
    if (size) stun_->send(received.from, Bytes(answer).first(*size));
  }
}

}  // namespace bamgate::cli
