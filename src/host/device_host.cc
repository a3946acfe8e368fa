#include "host/device_host.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "host/hub_api.h"
#include "host/refresh.h"
#include "host/status_json.h"
#include "json/parse.h"
#include "json/write.h"
#include "net/clock.h"
#include "net/goodbye.h"
#include "net/resolve.h"
#include "os/candidate_addresses.h"
#include "os/netlink.h"

namespace bamgate::host {
namespace {

// Our own sockets carry this mark, so that routing can tell them from what belongs into the tunnel.
constexpr std::uint32_t kMark = 0x62616d67;  // "bamg"

// Packets taken from the TUN before others get their turn.
constexpr int kTunBatch = 64;

// A STUN server's name that is not resolved by then holds up no candidate list.
constexpr auto kResolvePatience = std::chrono::seconds(3);

wg::WallClock wall_clock() {
  const net::WallTime wall = net::wall_now();
  return {.unix = wall.unix, .at = net::now(), .nanoseconds = wall.nanoseconds};
}

}  // namespace

std::expected<std::unique_ptr<DeviceHost>, Failure> DeviceHost::create(net::Loop& loop, ConfigFolder folder,
                                                                       Device device, os::FileLock lock,
                                                                       std::unique_ptr<net::Capture> capture) {
  if (device.config.device.force_relay) {
    // Whoever sets it does not want direct paths at all; connecting directly would break that promise.
    return std::unexpected(Failure{ExitCode::kFailed, "force_relay is set in " +
                                                          (folder.path() / "config.toml").string() +
                                                          ", but this version cannot relay: set it to false to allow "
                                                          "direct paths"});
  }
  auto tun = os::Tun::create(device.config.device.interface);
  if (!tun) return refuse(tun.error());
  std::unique_ptr<DeviceHost> host(
      new DeviceHost(loop, std::move(folder), std::move(device), std::move(lock), std::move(capture), std::move(*tun)));
  if (auto done = host->configure_interface(); !done) return std::unexpected(done.error());
  if (auto done = host->make_agent(); !done) return std::unexpected(done.error());
  if (auto done = host->listen_control(); !done) return std::unexpected(done.error());
  return host;
}

DeviceHost::DeviceHost(net::Loop& loop, ConfigFolder folder, Device device, os::FileLock lock,
                       std::unique_ptr<net::Capture> capture, os::Tun tun)
    : loop_(loop),
      folder_(std::move(folder)),
      device_(std::move(device)),
      lock_(std::move(lock)),
      capture_(std::move(capture)),
      tun_(std::move(tun)),
      timer_(loop),
      stop_timer_(loop),
      slots_(net::UdpSocket::kBatch) {}

DeviceHost::~DeviceHost() = default;

std::expected<void, Failure> DeviceHost::configure_interface() {
  const auto& device = device_.config.device;
  if (const auto done = os::set_mtu(tun_->name(), device.mtu); !done) return refuse(done.error());
  if (const auto done = os::set_up(tun_->name()); !done) return refuse(done.error());
  if (const auto done = os::add_address(tun_->name(), device.address); !done) return refuse(done.error());
  if (device.address6) {
    const auto done = os::add_address(tun_->name(), *device.address6);
    // A machine without IPv6 is no reason not to have a tunnel.
    if (!done) spdlog::warn("no IPv6 inside the tunnel: {}", done.error().text);
  }
  return {};
}

std::expected<void, Failure> DeviceHost::make_agent() {
  auto sctp = sctp::make_engine_factory(random_);
  if (!sctp) return std::unexpected(Failure{ExitCode::kFailed, std::string(sctp::to_string(sctp.error()))});
  sctp_ = std::move(*sctp);
  auto certificate = dtls::Certificate::generate(random_, net::unix_now());
  if (!certificate) return std::unexpected(Failure{ExitCode::kFailed, dtls::to_string(certificate.error())});
  agent::Agent::Options options{.name = device_.config.device.name,
                                .private_key = private_key(device_.secrets),
                                .address = device_.config.device.address,
                                .address6 = device_.config.device.address6,
                                .routes = device_.config.device.routes,
                                .accepted_routes = {},
                                .stun_servers = {},
                                .certificate = std::move(*certificate),
                                .ordered = device_.config.webrtc.ordered,
                                .max_retransmits = static_cast<std::uint16_t>(device_.config.webrtc.max_retransmits),
                                .clock = wall_clock(),
                                .observer = {.keys = capture_->key_log(), .messages = capture_->message_tap()}};
  for (const auto& [name, peer] : device_.config.peers) options.accepted_routes[name] = peer.routes;
  public_key_ = options.private_key.public_key().to_string();
  agent_ = std::make_unique<agent::Agent>(std::move(options), random_, crypto_, pool_, *sctp_);
  return {};
}

std::expected<void, Failure> DeviceHost::listen_control() {
  net::ControlServer::Options options;
  options.path = folder_.control_socket().string();
  auto control = net::ControlServer::listen(
      loop_, std::move(options),
      [this](const std::string& line, net::ControlReply reply) { answer_control(line, std::move(reply)); });
  if (!control) return std::unexpected(Failure{ExitCode::kFailed, control.error().detail});
  control_ = std::move(*control);
  return {};
}

ExitCode DeviceHost::run() {
  const auto& device = device_.config.device;
  spdlog::info("{} is up with {}{}", tun_->name(), device.address.to_string(),
               device.address6 ? " and " + device.address6->to_string() : "");
  loop_.on_signal([this](int) { stop(ExitCode::kDone); });
  tun_watcher_ = std::make_unique<net::FdWatcher>(loop_, tun_->fd());
  tun_watcher_->on_readable([this] { read_tun(); });
  watch_network();
  read_stun_servers();
  resolve_stun_servers();
  agent_->start(net::now());
  flush();
  loop_.run();
  return exit_code_;
}

void DeviceHost::watch_network() {
  network_ = std::make_unique<NetworkWatcher>(loop_, tun_->name(), tun_->index(), kMark);
  auto addresses = network_->start([this](std::vector<IpPrefix> changed) {
    agent_->network_changed(net::now(), std::move(changed));
    resolve_stun_servers();
    flush();
  });
  agent_->network_changed(net::now(), std::move(addresses));
}

// ---- Packets ----

void DeviceHost::read_tun() {
  for (int i = 0; i < kTunBatch; ++i) {
    PacketBuffer packet = pool_.take();
    const auto read = tun_->read(packet);
    if (!read) {
      spdlog::error("{}", read.error().text);
      return stop(ExitCode::kFailed);
    }
    if (*read == os::TunRead::kNone) break;
    agent_->handle_tun(net::now(), std::move(packet));
  }
  flush();
}

void DeviceHost::read_socket(SocketId id) {
  const auto found = sockets_.find(id);
  if (found == sockets_.end()) return;
  const std::size_t count = found->second.udp.receive_batch(pool_, slots_);
  for (net::UdpReceived& slot : std::span(slots_).first(count)) {
    capture_->add_datagram(slot.from, found->second.udp.local_endpoint(), slot.packet.data());
    agent_->handle_datagram(net::now(), Received{.path = {.local = id, .remote = slot.from, .relay = {}},
                                                 .data = slot.packet.data(),
                                                 .stride = slot.stride,
                                                 .ecn = slot.ecn});
  }
  flush();  // may close this socket
}

void DeviceHost::send_datagrams() {
  std::array<std::byte, kBlockSize> buffer;  // filled by poll_transmit() as far as it is read
  while (const auto transmit = agent_->poll_transmit(net::now(), buffer)) {
    const auto found = sockets_.find(transmit->path.local);
    if (found == sockets_.end()) continue;
    const Bytes datagram = Bytes(buffer).first(transmit->size);
    capture_->add_datagram(found->second.udp.local_endpoint(), transmit->path.remote, datagram);
    found->second.udp.send(transmit->path.remote, datagram, transmit->ecn);
  }
}

void DeviceHost::flush() {
  if (flushing_ || !agent_) return;
  flushing_ = true;
  while (true) {
    send_datagrams();
    auto effect = agent_->poll_effect();
    if (!effect) break;
    run_effect(std::move(*effect));
  }
  flushing_ = false;
  timer_.expires_at(agent_->next_timeout(), [this] {
    agent_->handle_timeout(net::now());
    flush();
  });
}

// ---- Effects ----

void DeviceHost::run_effect(agent::Effect effect) {
  if (auto* packet = std::get_if<agent::WriteTun>(&effect)) {
    if (tun_) (void)tun_->write(packet->packet.data());
  } else if (std::holds_alternative<agent::RefreshAccessToken>(effect)) {
    loop_.spawn(refresh_access_token());
  } else if (auto* connect = std::get_if<agent::ConnectHub>(&effect)) {
    loop_.spawn(connect_hub(std::move(connect->access_token)));
  } else if (auto* send = std::get_if<agent::SendToHub>(&effect)) {
    if (hub_) hub_->send_text(send->text);
  } else if (std::holds_alternative<agent::PingHub>(effect)) {
    if (hub_) hub_->ping();
  } else if (auto* disconnect = std::get_if<agent::DisconnectHub>(&effect)) {
    disconnect_hub(disconnect->code);
  } else if (auto* open = std::get_if<agent::OpenSockets>(&effect)) {
    open_sockets(open->attempt);
  } else if (auto* close = std::get_if<agent::CloseSockets>(&effect)) {
    std::erase_if(sockets_, [&](const auto& entry) { return entry.second.attempt == close->attempt; });
  } else if (auto* routes = std::get_if<agent::SetRoutes>(&effect)) {
    set_routes(routes->routes);
  } else if (auto* notice = std::get_if<agent::Notice>(&effect)) {
    const auto level = notice->level == agent::NoticeLevel::kWarning ? spdlog::level::warn
                       : notice->level == agent::NoticeLevel::kInfo  ? spdlog::level::info
                                                                     : spdlog::level::debug;
    spdlog::log(level, "{}", notice->text);
  } else if (auto* gone = std::get_if<agent::Stop>(&effect)) {
    spdlog::error(gone->reason == agent::StopReason::kRevoked
                      ? "this device was revoked: run 'bamgate setup' with a new join string to come back"
                      : "the hub does not accept this device any more: run 'bamgate setup' with a new join string");
    stop(ExitCode::kNotAuthorised);
  }
}

void DeviceHost::open_sockets(agent::AttemptId attempt) {
  const auto addresses = os::local_candidate_addresses(tun_ ? tun_->name() : "", kMark);
  if (!addresses) {
    spdlog::warn("{}", addresses.error().text);
  } else if (addresses->empty()) {
    spdlog::warn("this machine has no usable network address: is it online?");
  }
  for (const os::LocalAddress& local : addresses ? *addresses : std::vector<os::LocalAddress>{}) {
    net::UdpOptions options;
    options.mark = kMark;
    auto udp = net::UdpSocket::open({local.address, 0}, options);
    if (!udp) {
      // As when no descriptor is left: each attempt would say it for each interface.
      const bool is_new = socket_failures_.insert(udp.error().code).second;
      spdlog::log(is_new ? spdlog::level::warn : spdlog::level::debug, "no socket on {}: {}", local.interface,
                  udp.error().detail);
      continue;
    }
    const SocketId id{next_socket_++};
    const Endpoint base = udp->local_endpoint();
    auto watcher = std::make_unique<net::FdWatcher>(loop_, udp->fd());
    watcher->on_readable([this, id] { read_socket(id); });
    sockets_.emplace(id, Socket{attempt, std::move(*udp), std::move(watcher)});
    agent_->on_socket(net::now(), attempt, id, base);
  }
  complete_sockets(attempt);
}

void DeviceHost::complete_sockets(agent::AttemptId attempt) {
  // Only the end of the candidate list waits for the names of STUN servers; candidates go out as they come.
  if (stun_unresolved_ > 0) return awaiting_stun_.push_back(attempt);
  agent_->on_sockets_complete(net::now(), attempt);
}

void DeviceHost::set_routes(const std::vector<IpPrefix>& wanted) {
  if (!tun_) return;
  for (const IpPrefix& route : routes_) {
    if (std::ranges::find(wanted, route) == wanted.end()) (void)os::delete_route(tun_->name(), route);
  }
  std::vector<IpPrefix> set;
  for (const IpPrefix& route : wanted) {
    const bool has = std::ranges::find(routes_, route) != routes_.end();
    const auto& own = device_.config.device;
    const auto source = route.address.is_v4() ? std::optional(own.address.address)
                        : own.address6        ? std::optional(own.address6->address)
                                              : std::nullopt;
    const auto added = has ? std::expected<void, os::OsError>{} : os::add_route(tun_->name(), route, source);
    if (added) {
      set.push_back(route);
    } else {
      spdlog::warn("{} is not reached through the tunnel: {}", route.to_string(), added.error().text);
    }
  }
  routes_ = std::move(set);
}

// ---- STUN servers ----

void DeviceHost::read_stun_servers() {
  for (const std::string& text : device_.config.stun.servers) {
    const auto uri = stun::Uri::parse(text);
    if (!uri) continue;
    if (const auto address = IpAddress::parse(uri->host)) {
      agent_->add_stun_server(net::now(), {*address, uri->port});
    } else {
      stun_names_.push_back(*uri);
    }
  }
}

// Also when the network changes: a machine may start without any.
void DeviceHost::resolve_stun_servers() {
  if (stun_unresolved_ > 0) return;  // under way
  stun_unresolved_ = stun_names_.size();
  for (const stun::Uri& uri : stun_names_) loop_.spawn(resolve_stun_server(uri));
}

asio::awaitable<void> DeviceHost::resolve_stun_server(stun::Uri uri) {
  const auto endpoints = co_await net::resolve(loop_, uri.host, uri.port, net::now() + kResolvePatience);
  if (endpoints) {
    // One of each family; further addresses are the same server.
    Family seen = Family::kNone;
    for (const Endpoint& endpoint : *endpoints) {
      if (endpoint.address.family() == seen) continue;
      seen = endpoint.address.family();
      agent_->add_stun_server(net::now(), endpoint);
    }
    std::erase_if(stun_names_, [&](const stun::Uri& name) { return name.host == uri.host && name.port == uri.port; });
  } else {
    spdlog::debug("STUN server {} is left out for now: {}", uri.host, endpoints.error().detail);
  }
  stun_server_settled();
}

void DeviceHost::stun_server_settled() {
  if (--stun_unresolved_ > 0) return;
  for (const agent::AttemptId attempt : std::exchange(awaiting_stun_, {})) {
    agent_->on_sockets_complete(net::now(), attempt);
  }
  flush();
}

// ---- The hub ----

asio::awaitable<void> DeviceHost::refresh_access_token() {
  auto refreshed = co_await exchange_refresh_token(loop_, folder_, device_.config.network, device_.secrets);
  if (refreshed) {
    agent_->on_access_token(net::now(), std::move(refreshed->access_token),
                            std::chrono::seconds(refreshed->expires_in));
  } else {
    spdlog::warn("{}", refreshed.error().text);
    const bool fatal = refreshed.error().code == ExitCode::kNotAuthorised;
    agent_->on_token_failed(net::now(),
                            fatal ? signaling::TokenFailure::kUnauthorised : signaling::TokenFailure::kUnreachable);
  }
  flush();
}

asio::awaitable<void> DeviceHost::connect_hub(std::string access_token) {
  const std::uint32_t generation = ++hub_generation_;
  const HubAccess access = hub_access(device_.config.network);
  net::WebSocketCall call;
  call.url = access.url.with_target(device_.config.network.server_url.path_of("/connect"));
  call.bearer = std::move(access_token);
  call.connect = access.connect;
  call.timeout = std::chrono::seconds(15);
  net::WebSocketClient::Handlers handlers;
  const auto current = [this, generation] { return generation == hub_generation_; };
  handlers.on_text = [this, current](std::string_view text) {
    if (!current()) return;
    agent_->on_hub_text(net::now(), text);
    flush();
  };
  handlers.on_pong = [this, current] {
    if (!current()) return;
    agent_->on_hub_pong(net::now());
    flush();
  };
  handlers.on_close = [this, current](std::uint16_t code, std::string_view) {
    if (!current()) return;
    agent_->on_hub_closed(net::now(), code);
    flush();
  };
  auto connected = co_await net::WebSocketClient::connect(loop_, std::move(call), std::move(handlers));
  if (!current()) co_return;
  if (connected) {
    hub_ = std::move(*connected);
    agent_->on_hub_open(net::now());
  } else {
    spdlog::warn("cannot reach the hub at {}: {}", access.url.authority(), connected.error().detail);
    agent_->on_hub_connect_failed(net::now(), connected.error().http_status);
  }
  flush();
}

void DeviceHost::disconnect_hub(std::uint16_t code) {
  ++hub_generation_;
  if (hub_) hub_->close(code, "");
}

// ---- Control, and the end ----

void DeviceHost::answer_control(const std::string& line, net::ControlReply reply) {
  const auto request = json::parse(line);
  const std::string* ask = request ? request->get_string("ask") : nullptr;
  json::Value answer;
  // The group of the socket may look; only root and our own user may act.
  const bool may_act = reply.peer_uid() == 0 || reply.peer_uid() == geteuid();
  if (ask && *ask != "status" && !may_act) {
    answer.set("error", "only root and the user that the agent runs as may ask for this");
  } else if (ask && *ask == "status") {
    answer = status_json(device_.config, public_key_, agent_->status(net::now()));
  } else if (ask && *ask == "token") {
    if (const auto token = agent_->access_token(net::now())) answer.set("access_token", *token);
    if (answer.is_null()) answer = json::Object{};
  } else if (ask && *ask == "down") {
    waiting_for_down_.push_back(std::move(reply));
    return stop(ExitCode::kDone);
  } else {
    answer.set("error", "unknown question");
  }
  reply.send_line(json::write(answer));
}

void DeviceHost::stop(ExitCode code) {
  if (std::exchange(stopping_, true)) return loop_.stop();  // asked twice: at once
  exit_code_ = code;
  spdlog::info("going down");
  agent_->stop(net::now());
  if (!flushing_) flush();
  stop_timer_.expires_at(net::now() + net::kGoodbyeTime, [this] { finish(); });
}

void DeviceHost::finish() {
  timer_.cancel();
  tun_watcher_.reset();
  network_.reset();
  sockets_.clear();
  tun_.reset();  // takes its addresses and routes along
  for (net::ControlReply& reply : waiting_for_down_) reply.send_line("{\"ok\":true}");
  waiting_for_down_.clear();
  // The answers still have to leave.
  stop_timer_.expires_at(net::now() + net::kGoodbyeTime, [this] { loop_.stop(); });
}

}  // namespace bamgate::host
