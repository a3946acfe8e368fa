#include "host/native_hub.h"

#include <utility>

#include "host/hub_control.h"
#include "host/hub_database.h"
#include "host/hub_fetch.h"
#include "net/clock.h"
#include "os/fault_point.h"

namespace bamgate::host {
namespace {

// Connections of all kinds, and of one address: six addresses may fill the hub, one may not. docs/hub.md, "Limits".
constexpr std::size_t kMaxConnections = 12'288;
constexpr std::size_t kMaxOfAddress = 2048;

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
hub::RequestId to_core(net::RequestId id) { return hub::RequestId{std::to_underlying(id)}; }
net::RequestId from_core(hub::RequestId id) { return net::RequestId{std::to_underlying(id)}; }
net::ConnectionId from_core(hub::ConnectionId id) { return net::ConnectionId{std::to_underlying(id)}; }

}  // namespace

NativeHub::NativeHub(net::Loop& loop, const HubLog& log, os::Sqlite database, hub::HubOptions options)
    : loop_(loop),
      log_(log),
      sql_(std::move(database), [&log](const os::SqlError& error) { log.error("database_failed", error.to_string()); }),
      options_(std::move(options)),
      timer_(loop) {}

NativeHub::~NativeHub() = default;

std::expected<std::unique_ptr<NativeHub>, std::string> NativeHub::start(net::Loop& loop, const HubLog& log,
                                                                        Options options) {
  auto database = open_hub_database(options.database, NoDatabase::kMake);
  if (!database) return std::unexpected(database.error());
  // What the last run left in the log goes into the file now, not amid the first requests. A start needs no write: on a
  // full disk it waits where it is.
  if (const auto done = database->execute("PRAGMA wal_checkpoint(TRUNCATE)"); !done) {
    log.error("database_failed", "cannot write " + options.database + ": " + done.error().to_string());
  }
  // Every reply waits for sync_and_reply().
  if (const auto done = database->sync_by_hand(); !done) {
    return std::unexpected("cannot use " + options.database + ": " + done.error().to_string());
  }
  std::unique_ptr<NativeHub> self(new NativeHub(loop, log, std::move(*database), std::move(options.hub)));
  if (const auto made = self->make_core(); !made) return std::unexpected(made.error());

  net::HttpServerOptions server;
  server.listen = options.listen;
  server.tls = options.tls;
  server.behind_proxy = options.tls == nullptr;
  server.max_connections = kMaxConnections;
  server.max_of_address = kMaxOfAddress;
  auto listening = net::HttpServer::listen(loop, std::move(server), self->handlers());
  if (!listening) return std::unexpected(listening.error().detail);
  self->server_ = std::move(*listening);
  if (options.stun) {
    auto udp = HubUdp::listen(
        loop, log, *options.stun,
        [hub = self.get()](const turn::FiveTuple& from, MutableBytes datagram, MutableBytes out) {
          return hub->hub_->on_datagram(net::now(), net::unix_now(), from, datagram, out);
        },
        [hub = self.get()] { hub->run_effects(); });
    if (!udp) return std::unexpected(udp.error());
    self->udp_ = std::move(*udp);
  }
  if (!options.control.empty()) self->listen_control(options.control);
  self->run_effects();
  return self;
}

std::expected<void, std::string> NativeHub::make_core() {
  sql_.forget_error();
  auto core = hub::Hub::create(options_, sql_, crypto_, random_, net::now(), net::unix_now());
  if (!core) return std::unexpected(sql_.explain(hub::to_string(core.error())));
  hub_ = std::move(*core);
  return {};
}

std::expected<void, std::string> NativeHub::start_over() {
  if (auto made = make_core(); !made) return made;
  server_->close_websockets("the hub starts over");
  run_effects();
  return {};
}

net::HttpServer::Handlers NativeHub::handlers() {
  net::HttpServer::Handlers handlers;
  handlers.on_request = [this](net::RequestId id, const net::HttpRequest& request) -> std::optional<net::HttpReply> {
    auto reply = hub_->on_http(net::now(), net::unix_now(), to_core(id), to_core(request));
    run_effects();
    if (reply) give(id, std::move(*reply));
    return std::nullopt;
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
  handlers.on_sent = [this](net::ConnectionId id) {
    hub_->on_sent(net::now(), net::unix_now(), to_core(id));
    run_effects();
  };
  handlers.on_close = [this](net::ConnectionId id, std::uint16_t) {
    hub_->on_close(net::now(), net::unix_now(), to_core(id));
    run_effects();
  };
  return handlers;
}

// A hub that cannot be asked this way serves its devices all the same.
void NativeHub::listen_control(const std::string& path) {
  net::ControlServer::Options options;
  options.path = path;
  options.mode = 0600;
  auto control = net::ControlServer::listen(
      loop_, std::move(options),
      [this](const std::string& line, net::ControlReply reply) { reply.send_line(answer_local(line)); });
  if (control) {
    control_ = std::move(*control);
  } else {
    log_.write(hub::LogLevel::kWarning, "no_control_socket", {{"reason", control.error().detail}});
  }
}

std::string NativeHub::answer_local(std::string_view line) {
  const auto request = read_local_request(line);
  if (!request) return write_local_reply(hub::bad_request("This is no request to a hub."));
  hub::HttpReply reply = hub_->on_local(
      net::now(), net::unix_now(),
      {.method = request->method, .target = request->target, .authorization = {}, .body = request->body, .client = {}});
  run_effects();
  // As with every reply, what it says is on disk before it leaves.
  if (sql_.is_unsynced() && !sql_.sync()) reply = hub::internal_error();
  return write_local_reply(reply);
}

void NativeHub::give(net::RequestId id, hub::HttpReply reply) {
  if (!sql_.is_unsynced()) {
    server_->reply(id, from_core(std::move(reply)));
    return;
  }
  if (unsynced_replies_.empty()) loop_.post([this] { sync_and_reply(); });
  unsynced_replies_.emplace_back(id, from_core(std::move(reply)));
}

// What a reply promises is on disk before it leaves. All requests that arrived in one turn of the loop share one wait
// for the disk, so a slow disk delays each of them but bounds their number no more.
void NativeHub::sync_and_reply() {
  const bool synced = sql_.sync();
  for (auto& [id, reply] : std::exchange(unsynced_replies_, {})) {
    BAMGATE_FAULT_POINT("reply_ready");
    server_->reply(id, synced ? std::move(reply) : from_core(hub::internal_error()));
#ifdef BAMGATE_FAULT_POINTS
    loop_.post([] { BAMGATE_FAULT_POINT("reply_sent"); });  // the server writes as soon as it has the reply
#endif
  }
}

void NativeHub::run_effects() {
  while (auto effect = hub_->poll_effect()) {
    if (const auto* text = std::get_if<hub::SendText>(&*effect)) {
      server_->send_text(from_core(text->connection), text->text);
    } else if (const auto* broadcast = std::get_if<hub::Broadcast>(&*effect)) {
      const net::SharedFrame frame = net::make_text_frame(broadcast->text);
      for (const hub::ConnectionId id : broadcast->connections) server_->send_frame(from_core(id), frame);
    } else if (const auto* asked = std::get_if<hub::WhenSent>(&*effect)) {
      server_->when_sent(from_core(asked->connection));
    } else if (const auto* binary = std::get_if<hub::SendBinary>(&*effect)) {
      server_->send_binary(from_core(binary->connection), binary->data);
    } else if (const auto* datagram = std::get_if<hub::SendDatagram>(&*effect)) {
      if (udp_) udp_->send(datagram->to, datagram->from, datagram->data);
    } else if (const auto* close = std::get_if<hub::Close>(&*effect)) {
      server_->close(from_core(close->connection), std::to_underlying(close->code), close->reason);
    } else if (auto* reply = std::get_if<hub::Reply>(&*effect)) {
      give(from_core(reply->request), std::move(reply->reply));
    } else if (auto* wanted = std::get_if<hub::Fetch>(&*effect)) {
      fetch(std::move(*wanted));
    } else if (const auto* log = std::get_if<hub::Log>(&*effect)) {
      log_.write(log->level, log->event, log->fields);
    }
  }
  timer_.expires_at(hub_->next_timeout(), [this] {
    hub_->on_timer(net::now(), net::unix_now());
    run_effects();
  });
}

void NativeHub::fetch(hub::Fetch fetch) {
  const hub::RequestId id = fetch.request;
  start_fetch(loop_, std::move(fetch), [this, id, alive = std::weak_ptr(alive_)](const hub::FetchResult& result) {
    if (alive.expired()) return;
    if (server_->is_waiting(from_core(id))) {
      hub_->on_fetched(net::now(), net::unix_now(), id, result);
    } else {
      hub_->on_gone(net::now(), id);
    }
    run_effects();
  });
}

}  // namespace bamgate::host
