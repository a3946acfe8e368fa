#include "host/device_host.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "host/config_change.h"
#include "host/hub_api.h"
#include "host/refresh.h"
#include "host/status_json.h"
#include "json/parse.h"
#include "json/write.h"
#include "net/clock.h"
#include "net/goodbye.h"
#include "net/resolve.h"

namespace bamgate::host {
namespace {

// Our own sockets carry this mark, so that routing can tell them from what belongs into the tunnel.
constexpr std::uint32_t kMark = 0x62616d67;  // "bamg"

// Packets taken from the TUN before others get their turn.
constexpr int kTunBatch = 64;

wg::WallClock wall_clock() {
  const net::WallTime wall = net::wall_now();
  return {.unix = wall.unix, .at = net::now(), .nanoseconds = wall.nanoseconds};
}

/// Why the upgrade at the hub came to nothing.
signaling::HubFault upgrade_fault(const net::Url& url, const net::NetError& error) {
  if (error.code != net::Error::kRefused) return no_answer(url, error);
  signaling::HubFault fault =
      signaling::read_upgrade_refusal({error.http_status, error.http_type, error.http_body}, url.tls);
  if (fault.code.empty()) fault.text = "cannot reach the hub at " + url.authority() + ": " + fault.text;
  return fault;
}

/// What a command hears that asked for an access token.
json::Value token_answer(const ApiResult<RefreshedToken>& refreshed) {
  if (refreshed) return json::Object{{"access_token", refreshed->access_token}};
  return json::Object{{"why", refreshed.error().text}, {"code", refreshed.error().fault.code}};
}

}  // namespace

/// A UDP socket of this machine, read whenever the loop finds something in it.
class DeviceHost::UdpSocket : public agent::Socket {
 public:
  UdpSocket(DeviceHost& host, SocketId id, net::UdpSocket udp)
      : host_(host), id_(id), udp_(std::move(udp)), base_(udp_.local_endpoint()), watcher_(host.loop_, udp_.fd()) {
    watcher_.on_readable([this] { read(); });
    host_.open_sockets_.insert(this);
  }
  UdpSocket(const UdpSocket&) = delete;
  UdpSocket& operator=(const UdpSocket&) = delete;
  ~UdpSocket() override {
    host_.open_sockets_.erase(this);
    host_.closed_sockets_ += udp_.counters();
  }

  const Endpoint& base() const override { return base_; }
  const net::UdpCounters& counters() const { return udp_.counters(); }
  bool send(const Endpoint& remote, Bytes datagram, Ecn ecn) override {
    host_.capture_->add_datagram(base_, remote, datagram);
    // Nothing waits here for a socket whose buffer is full: the layers above send again what has to arrive.
    return udp_.send(remote, datagram, ecn) == net::UdpSend::kSent;
  }

 private:
  void read() {
    DeviceHost& host = host_;
    const Instant now = net::now();
    const std::size_t count = udp_.receive_batch(host.pool_, host.slots_);
    for (net::UdpReceived& slot : std::span(host.slots_).first(count)) {
      host.capture_->add_datagram(slot.from, base_, slot.packet.data());
      host.runner_.on_datagram(now, Received{.path = {.local = id_, .remote = slot.from, .relay = {}},
                                             .data = slot.packet.data(),
                                             .stride = slot.stride,
                                             .ecn = slot.ecn});
    }
    host.runner_.flush(now);  // may close this socket
    host.arm_timer();
  }

  DeviceHost& host_;
  SocketId id_;
  net::UdpSocket udp_;
  Endpoint base_;
  net::FdWatcher watcher_;
};

std::expected<std::unique_ptr<DeviceHost>, Failure> DeviceHost::create(net::Loop& loop, ConfigFolder folder,
                                                                       Device device, os::FileLock lock,
                                                                       std::unique_ptr<net::Capture> capture) {
  auto interface = OwnInterface::create(device.config.device);
  if (!interface) return std::unexpected(interface.error());
  std::unique_ptr<DeviceHost> host(new DeviceHost(loop, std::move(folder), std::move(device), std::move(lock),
                                                  std::move(capture), std::move(*interface)));
  if (auto done = host->make_agent(); !done) return std::unexpected(done.error());
  if (auto done = host->listen_control(); !done) return std::unexpected(done.error());
  return host;
}

DeviceHost::DeviceHost(net::Loop& loop, ConfigFolder folder, Device device, os::FileLock lock,
                       std::unique_ptr<net::Capture> capture, std::unique_ptr<OwnInterface> interface)
    : loop_(loop),
      folder_(std::move(folder)),
      device_(std::move(device)),
      stamp_clock_(folder_.path() / "clock", wall_clock()),
      configured_(device_.config),
      lock_(std::move(lock)),
      capture_(std::move(capture)),
      interface_(std::move(interface)),
      timer_(loop),
      interface_timer_(loop),
      stamp_timer_(loop),
      stop_timer_(loop),
      slots_(net::UdpSocket::kBatch),
      names_(loop),
      runner_({.sockets = *this, .hub = *this, .tun = *this, .tokens = *this, .pins = *this, .owner = *this}) {
  // What is not there is not announced.
  device_.config.device.address6 = interface_->address6();
}

DeviceHost::~DeviceHost() = default;

std::expected<void, Failure> DeviceHost::make_agent() {
  auto sctp = sctp::make_engine_factory(random_);
  if (!sctp) return std::unexpected(Failure{ExitCode::kFailed, std::string(sctp::to_string(sctp.error()))});
  sctp_ = std::move(*sctp);
  names_.clear();
  relay_names_.clear();
  auto certificate = dtls::Certificate::generate(random_, net::unix_now());
  if (!certificate) return std::unexpected(Failure{ExitCode::kFailed, dtls::to_string(certificate.error())});
  agent::Agent::Options options{.name = device_.config.device.name,
                                .private_key = private_key(device_.secrets),
                                .address = device_.config.device.address,
                                .address6 = device_.config.device.address6,
                                .routes = device_.config.device.routes,
                                .accepted_routes = {},
                                .stun_servers = read_stun_servers(device_.config.stun.servers),
                                .certificate = std::move(*certificate),
                                .ordered = device_.config.webrtc.ordered,
                                .max_retransmits = static_cast<std::uint16_t>(device_.config.webrtc.max_retransmits),
                                .clock = stamp_clock_.clock(),
                                .turn_secret = device_.secrets.turn_secret,
                                .relays = read_own_relays(),
                                .force_relay = device_.config.device.force_relay,
                                .observer = {.keys = capture_->key_log(), .messages = capture_->message_tap()},
                                .pins = device_.pins};
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
  spdlog::info("{} is up with {}{}", interface_->tun().name(), device.address.to_string(),
               device.address6 ? " and " + device.address6->to_string() : "");
  loop_.on_signal([this](int) { stop(ExitCode::kDone); });
  watch_tun();
  addresses_ = watch_network();
  tell_of_no_address();
  note_time();
  runner_.start(net::now(), std::move(agent_), addresses_);
  arm_timer();
  loop_.run();
  return exit_code_;
}

// The addresses as they are now; when they change, the agent is told.
std::vector<IpPrefix> DeviceHost::watch_network() {
  network_ = std::make_unique<NetworkWatcher>(loop_, interface_->tun().name(), interface_->tun().index(), kMark,
                                              device_.config.ice.exclude);
  return network_->start(
      [this](std::vector<IpPrefix> changed) {
        addresses_ = std::move(changed);
        tell_of_no_address();
        names_.ask_again();
        leave_lines_of_gone_addresses();
        runner_.on_network_changed(net::now(), addresses_);
        arm_timer();
      },
      [this] { look_after_interface(); });
}

void DeviceHost::tell_of_no_address() const {
  if (!addresses_.empty()) return;
  const std::string trouble = network_->trouble();
  spdlog::warn("{}", trouble.empty() ? "this machine has no usable network address: is it online?" : trouble);
}

void DeviceHost::note_time() {
  stamp_clock_.note(net::now());
  stamp_timer_.expires_at(net::now() + StampClock::kInterval, [this] { note_time(); });
}

void DeviceHost::watch_tun() {
  tun_watcher_ = std::make_unique<net::FdWatcher>(loop_, interface_->tun().fd());
  tun_watcher_->on_readable([this] { read_tun(); });
}

// After something was done to it, or when it asked to be looked at again.
void DeviceHost::look_after_interface() {
  if (!interface_ || stopping_) return;
  const OwnInterface::Look look = interface_->look(net::now());
  if (look == OwnInterface::Look::kFailed) {
    tun_watcher_.reset();
    interface_.reset();
    return stop(ExitCode::kFailed);  // the service manager begins afresh
  }
  if (look == OwnInterface::Look::kMadeAnew) {
    watch_tun();
    interface_->close_former();
  }
  device_.config.device.interface = interface_->tun().name();  // somebody may have renamed it
  network_->set_own(interface_->tun().name(), interface_->tun().index());
  interface_timer_.expires_at(interface_->next_look(), [this] { look_after_interface(); });
}

// ---- Packets ----

void DeviceHost::read_tun() {
  for (int i = 0; i < kTunBatch; ++i) {
    PacketBuffer packet = pool_.take();
    const auto read = interface_->tun().read(packet);
    if (!read && read.error().code == os::Error::kNotFound) {
      tun_watcher_.reset();  // it would say so for ever
      interface_timer_.expires_at(net::now(), [this] { look_after_interface(); });
      break;
    }
    if (!read) {
      spdlog::error("{}", read.error().text);
      return stop(ExitCode::kFailed);
    }
    if (*read == os::TunRead::kNone) break;
    runner_.on_tun(net::now(), std::move(packet));
  }
  runner_.flush(net::now());
  arm_timer();
}

bool DeviceHost::write_tun(Bytes packet) {
  // read_tun() sees when the interface is gone.
  return interface_ && interface_->tun().write(packet).value_or(false);
}

// To be called after each call into the runner.
void DeviceHost::arm_timer() {
  timer_.expires_at(runner_.next_timeout(), [this] {
    runner_.handle_timeout(net::now());
    arm_timer();
  });
}

// ---- Sockets, routes, and what a person sees ----

std::unique_ptr<agent::Socket> DeviceHost::open_socket(SocketId socket, const IpAddress& address) {
  net::UdpOptions options;
  options.mark = kMark;
  auto udp = net::UdpSocket::open({address, 0}, options);
  if (!udp) {
    // As when no descriptor is left: each attempt would say it for each address.
    const bool is_new = socket_failures_.insert(udp.error().code).second;
    spdlog::log(is_new ? spdlog::level::warn : spdlog::level::debug, "no socket on {}: {}", address.to_string(),
                udp.error().detail);
    return nullptr;
  }
  return std::make_unique<UdpSocket>(*this, socket, std::move(*udp));
}

void DeviceHost::set_routes(std::vector<IpPrefix> wanted) {
  if (interface_) interface_->set_routes(wanted);
}

void DeviceHost::store_pins(std::vector<config::Pin> pins) {
  device_.pins = std::move(pins);
  const auto saved = folder_.save_pins({network_id(device_.config.network), device_.pins});
  if (!saved && !std::exchange(pins_unwritten_, true)) {
    spdlog::warn("which key each device has is kept for this run alone: {}", saved.error().text);
  }
  if (saved) pins_unwritten_ = false;
}

void DeviceHost::notice(agent::Notice notice) {
  const auto level = notice.level == agent::NoticeLevel::kWarning ? spdlog::level::warn
                     : notice.level == agent::NoticeLevel::kInfo  ? spdlog::level::info
                                                                  : spdlog::level::debug;
  spdlog::log(level, "{}", notice.text);
}

void DeviceHost::gave_up(agent::StopReason /*reason*/) {
  spdlog::error(
      "the hub does not know this device any more, or has revoked it: run 'bamgate setup' with a new join string to "
      "come back");
  stop(ExitCode::kNotAuthorised);
}

// ---- STUN servers ----

// Those that are known by address; names are resolved.
std::vector<Endpoint> DeviceHost::read_stun_servers(const std::vector<std::string>& servers) {
  std::vector<Endpoint> known;
  for (const std::string& text : servers) {
    const auto uri = stun::Uri::parse(text);
    if (!uri) continue;
    if (const auto address = IpAddress::parse(uri->host)) {
      known.emplace_back(*address, uri->port);
      continue;
    }
    names_.add("STUN server", uri->host, uri->port, [this, name = uri->to_string()](const auto& endpoints) {
      runner_.on_stun_resolved(net::now(), name, endpoints);
      arm_timer();
    });
  }
  return known;
}

// ---- The hub ----

asio::awaitable<void> DeviceHost::exchange_tokens(agent::RunId run) {
  const std::string name = device_.config.device.name;
  auto refreshed = co_await exchange_refresh_token(loop_, folder_, device_.config, device_.secrets);
  answer_waiting_for_token(token_answer(refreshed));
  if (device_.config.device.name != name && runner_.run() == run && !stopping_) {
    begin_again();
  } else if (refreshed) {
    if (runner_.run() == run) use_relays(refreshed->turn);
    runner_.on_access_token(net::now(), run, std::move(refreshed->access_token),
                            std::chrono::seconds(refreshed->expires_in));
  } else {
    spdlog::debug("no access token: {}", refreshed.error().text);  // what becomes of it, the agent says
    runner_.on_token_failed(net::now(), run, refreshed.error().fault);
  }
  arm_timer();
}

// An administrator has renamed this device. Names decide who offers, and peers know each other by them: so all begins
// anew, as after a restart, within a second.
void DeviceHost::begin_again() {
  configured_.device.name = device_.config.device.name;
  spdlog::info("this device is called '{}' now", device_.config.device.name);
  runner_.stop(net::now());
  runner_.end();
  sctp_.reset();  // there is one of it at a time
  if (const auto made = make_agent(); !made) {
    spdlog::error("{}", made.error().text);
    return stop(ExitCode::kFailed);
  }
  runner_.start(net::now(), std::move(agent_), addresses_);
}

void DeviceHost::connect_hub(agent::HubGeneration generation, std::string access_token) {
  loop_.spawn(open_hub(generation, std::move(access_token)));
}

net::WebSocketCall DeviceHost::hub_call(std::string_view target, std::string access_token) const {
  const HubAccess access = hub_access(device_.config.network);
  net::WebSocketCall call;
  call.url = access.url.with_target(device_.config.network.server_url.path_of(target));
  call.bearer = std::move(access_token);
  call.connect = access.connect;
  call.timeout = std::chrono::seconds(15);
  return call;
}

asio::awaitable<void> DeviceHost::open_hub(agent::HubGeneration generation, std::string access_token) {
  net::WebSocketCall call = hub_call("/connect", std::move(access_token));
  const net::Url url = call.url;
  net::WebSocketClient::Handlers handlers;
  handlers.on_text = [this, generation](std::string_view text) {
    runner_.on_hub_text(net::now(), generation, text);
    arm_timer();
  };
  handlers.on_pong = [this, generation] {
    runner_.on_hub_pong(net::now(), generation);
    arm_timer();
  };
  handlers.on_close = [this, generation](std::uint16_t code, std::string_view) {
    runner_.on_hub_closed(net::now(), generation, code);
    arm_timer();
  };
  auto connected = co_await net::WebSocketClient::connect(loop_, std::move(call), std::move(handlers));
  if (!runner_.is_current(generation)) co_return;  // given up meanwhile
  if (connected) {
    hub_ = std::move(*connected);
    runner_.on_hub_open(net::now(), generation);
  } else {
    runner_.on_hub_connect_failed(net::now(), generation, upgrade_fault(url, connected.error()));
  }
  arm_timer();
}

std::optional<IpAddress> DeviceHost::hub_address() const {
  if (!hub_ || hub_->local().address.family() == Family::kNone) return std::nullopt;
  return hub_->local().address;
}

void DeviceHost::disconnect_hub(std::uint16_t code) {
  if (hub_) hub_->close(code, "");
}

// ---- A configuration that was changed ----

void DeviceHost::reload() {
  if (stopping_) return;
  auto loaded = folder_.load();
  if (!loaded) {
    return spdlog::error("the configuration is not taken over, the one before stays in force: {}", loaded.error().text);
  }
  const config::Config* read = &loaded->config;
  ConfigChange change = compare(configured_, *read);
  change.turn_servers = change.turn_servers || device_.secrets.turn != loaded->secrets.turn;
  spdlog::info("{} was read again: {}", (folder_.path() / "config.toml").string(), to_string(change));
  for (config::Config* config : {&configured_, &device_.config}) {
    config->peers = read->peers;
    config->turn = read->turn;
    config->ice = read->ice;
    std::ranges::copy(change.stun_servers, std::back_inserter(config->stun.servers));
  }
  if (change.accepted_routes) {
    std::map<std::string, std::vector<IpPrefix>> accepted;
    for (const auto& [name, peer] : device_.config.peers) accepted[name] = peer.routes;
    runner_.agent().set_accepted_routes(net::now(), std::move(accepted));
    runner_.flush(net::now());
  }
  if (change.turn_servers) {
    device_.secrets.turn = std::move(loaded->secrets.turn);
    runner_.set_relays(net::now(), read_own_relays());
  }
  if (change.excluded) network_->set_excluded(device_.config.ice.exclude);
  names_.ask_again();
  for (const Endpoint& server : read_stun_servers(change.stun_servers)) runner_.add_stun_server(net::now(), server);
  arm_timer();
}

// ---- Control, and the end ----

/// The agent's, with what the sockets and the interface count.
agent::Status DeviceHost::status() {
  agent::Status status = runner_.status(net::now());
  net::UdpCounters udp = closed_sockets_;
  for (const UdpSocket* socket : open_sockets_) udp += socket->counters();
  agent::write_counters(udp, status.counters);
  agent::write_counters(interface_ ? interface_->tun().counters() : os::TunCounters{}, status.counters);
  if (interface_) status.interface_trouble = interface_->trouble();
  if (network_ && status.interface_trouble.empty()) status.interface_trouble = network_->trouble();
  return status;
}

json::Value DeviceHost::trust(const std::string* name) {
  json::Value answer;
  const auto trusted = name != nullptr ? runner_.trust(net::now(), *name) : std::nullopt;
  if (trusted) answer.set(trusted->done ? "done" : "error", trusted->text);
  if (!trusted) answer.set("error", "say which device, while bamgate runs");
  arm_timer();
  return answer;
}

// For a command that wants to ask the hub for something: two processes never rotate one refresh token.
void DeviceHost::give_token(const std::string& refused, net::ControlReply reply) {
  waiting_for_token_.push_back(std::move(reply));
  if (stopping_) return answer_waiting_for_token(json::Object{});
  if (const auto token = runner_.want_access_token(net::now(), refused)) {
    answer_waiting_for_token(json::Object{{"access_token", *token}});
  }
  arm_timer();
}

void DeviceHost::answer_waiting_for_token(const json::Value& answer) {
  for (net::ControlReply& reply : std::exchange(waiting_for_token_, {})) reply.send_line(json::write(answer));
}

void DeviceHost::answer_control(const std::string& line, net::ControlReply reply) {
  const auto request = json::parse(line);
  const std::string* ask = request ? request->get_string("ask") : nullptr;
  json::Value answer;
  // The group of the socket may look; only root and our own user may act.
  const bool may_act = reply.peer_uid() == 0 || reply.peer_uid() == geteuid();
  if (ask && *ask != "status" && !may_act) {
    answer.set("error", "only root and the user that bamgate runs as may ask for this");
  } else if (ask && *ask == "status") {
    answer = status_json(device_.config, public_key_, status());
  } else if (ask && *ask == "token") {
    const std::string* refused = request->get_string("refused");
    return give_token(refused != nullptr ? *refused : "", std::move(reply));
  } else if (ask && *ask == "trust") {
    answer = trust(request->get_string("name"));
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
  runner_.stop(net::now());
  arm_timer();
  stop_timer_.expires_at(net::now() + net::kGoodbyeTime, [this] { finish(); });
}

void DeviceHost::finish() {
  timer_.cancel();
  stamp_timer_.cancel();
  stamp_clock_.note(net::now());
  tun_watcher_.reset();
  network_.reset();
  names_.clear();
  runner_.end();
  interface_timer_.cancel();
  interface_.reset();  // takes its addresses and routes along
  for (net::ControlReply& reply : waiting_for_down_) reply.send_line("{\"ok\":true}");
  waiting_for_down_.clear();
  answer_waiting_for_token(json::Object{});
  // The answers still have to leave.
  stop_timer_.expires_at(net::now() + net::kGoodbyeTime, [this] { loop_.stop(); });
}

}  // namespace bamgate::host
