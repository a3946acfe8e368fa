#include "sim/hub_node.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <utility>
#include <variant>

#include "json/parse.h"
#include "json/write.h"

namespace bamgate::sim {

/// Both directions of a WebSocket, and which of its ends still stand.
struct HubNode::Wire {
  std::shared_ptr<Pipe> up;
  std::shared_ptr<Pipe> down;
  HubConnection::Handlers handlers;
  hub::ConnectionId id{};
  bool to_relay = false;
  IpAddress client;
  bool device_end = true;
  bool hub_end = false;

  /// Runs at the device, unless it has let go of the connection by then.
  void tell_device(const std::shared_ptr<Wire>& self, std::function<void(const HubConnection::Handlers&)> action,
                   std::size_t size = 0) const {
    down->push(
        [self, action = std::move(action)] {
          if (self->device_end) action(self->handlers);
        },
        size);
  }
};

class HubNode::Client : public HubConnection {
 public:
  Client(HubNode& node, std::shared_ptr<Wire> wire) : node_(node), wire_(std::move(wire)) {}
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client() override {
    wire_->device_end = false;
    wire_->up->push([&node = node_, wire = wire_] { node.close(wire, 1000); });
  }

  void send(std::string text) override {
    wire_->up->push([&node = node_, wire = wire_, text = std::move(text)] {
      if (!wire->hub_end) return;
      node.trace_.note(node.agenda_.now(), "to hub", as_bytes(text));
      node.hub_->on_text(node.agenda_.now(), node.agenda_.unix_now(), wire->id, text);
      node.run_effects();
    });
  }
  void send_binary(std::vector<std::byte> data) override {
    const std::size_t size = data.size();
    wire_->up->push(
        [&node = node_, wire = wire_, data = std::move(data)] {
          if (!wire->hub_end) return;
          node.note_relayed("to relay", {wire->client, 0}, {node.udp().front().address, kHttpsPort}, data);
          node.hub_->on_binary(node.agenda_.now(), node.agenda_.unix_now(), wire->id, data);
          node.run_effects();
        },
        size);
  }
  std::size_t unsent() const override { return wire_->up->unsent(); }
  void ping() override {
    wire_->up->push([wire = wire_] {
      if (wire->hub_end) wire->tell_device(wire, [](const Handlers& handlers) { handlers.on_pong(); });
    });
  }

 private:
  HubNode& node_;
  std::shared_ptr<Wire> wire_;
};

signaling::HubFault HubAnswer::fault() const {
  if (status == 0) return {};
  const std::string text = json::write(body);
  const auto read = signaling::read_hub_answer({status, "application/json", text}, true);
  return read ? signaling::HubFault{} : read.error();
}

HubNode::HubNode(Agenda& agenda, Network& network, Trace& trace, Host& host, std::uint64_t seed, bool relay)
    : agenda_(agenda),
      network_(network),
      trace_(trace),
      host_(host),
      random_(seed),
      database_(std::move(*os::Sqlite::open(":memory:"))),
      sql_(database_),
      relay_(relay) {
  bind_udp();
  start();
}

HubNode::~HubNode() = default;

void HubNode::start() {
  if (hub_) return;
  hub::HubOptions options;
  options.stun = {"stun:hub.example:3478"};
  if (relay_) options.turn = {"turn:hub.example:3478?transport=udp", "wss://hub.example/turn"};
  options.server_url = "https://hub.example";
  auto made = hub::Hub::create(options, sql_, crypto_, random_, agenda_.now(), agenda_.unix_now());
  ASSERT_TRUE(made) << hub::to_string(made.error());
  hub_ = std::move(*made);
  run_effects();
}

void HubNode::stop() {
  hub_.reset();
  for (const auto& [id, wire] : std::exchange(wires_, {})) close(wire, 1006);
}

// ---- Datagrams ----

std::vector<Endpoint> HubNode::udp() const {
  std::vector<Endpoint> all;
  for (const IpAddress& address : host_.interface().addresses) all.emplace_back(address, kUdpPort);
  return all;
}

bool HubNode::is_udp(const Endpoint& endpoint) const { return std::ranges::count(udp(), endpoint) > 0; }

void HubNode::bind_udp() {
  for (const Endpoint& local : udp()) {
    network_.bind(host_, local.address, local.port,
                  [this, local](const Endpoint& from, const std::vector<std::byte>& data) {
                    if (hub_) handle_datagram(local, from, data);
                  });
  }
}

void HubNode::handle_datagram(const Endpoint& local, const Endpoint& from, std::vector<std::byte> data) {
  std::vector<std::byte> out(data.size() + turn::Server::kRoom);
  const auto output = hub_->on_datagram(agenda_.now(), agenda_.unix_now(), {0, from, local.address}, data, out);
  if (output) {
    network_.send(host_, {output->to.local, kUdpPort}, output->to.remote,
                  {output->message.begin(), output->message.end()});
  }
  run_effects();
}

// ---- HTTP ----

HubAnswer HubNode::ask(std::string_view method, std::string_view target, const json::Value& body,
                       const std::string& access_token) {
  if (!hub_) return {};
  ++requests[std::string(target)];
  const std::string text = body.is_null() ? "" : json::write(body);
  const std::string authorization = access_token.empty() ? "" : "Bearer " + access_token;
  const auto reply = hub_->on_http(agenda_.now(), agenda_.unix_now(), hub::RequestId{++last_request_},
                                   {method, target, authorization, text, IpAddress::v4(192, 0, 2, 1)});
  run_effects();
  EXPECT_TRUE(reply) << "only a sign-in by GitHub is answered later";
  if (!reply) return {};
  auto value = json::parse(reply->body, {.max_bytes = 1 << 22});
  EXPECT_TRUE(value) << reply->body;
  return {reply->status, value ? std::move(*value) : json::Value()};
}

// TCP stays with the interface on which it began: the first one from which the hub can be reached.
std::shared_ptr<Pipe> HubNode::pipe(const Host& device) {
  const Interface* chosen = &device.interface();
  for (const auto& interface : device.interfaces) {
    if (!network_.is_path_free(*interface, host_, kHttpsPort)) continue;
    chosen = interface.get();
    break;
  }
  return std::make_shared<Pipe>(
      agenda_, [chosen, this] { return network_.latency(*chosen, host_); },
      [chosen, this, generation = chosen->generation] {
        if (chosen->generation != generation) return Pipe::Way::kGone;
        const bool free = network_.is_path_free(*chosen, host_, kHttpsPort);
        return free ? Pipe::Way::kFree : Pipe::Way::kBlocked;
      });
}

void HubNode::request(const Host& from, std::string method, std::string target, json::Value body,
                      std::function<bool()> given_up, std::function<void(HubAnswer)> done) {
  const auto down = pipe(from);
  pipe(from)->push([=, this] {
    if (!behind_proxy && given_up()) return;
    down->push([=, answer = ask(method, target, body)] { done(answer); });
  });
}

// ---- WebSockets ----

std::unique_ptr<HubConnection> HubNode::connect(const Host& from, std::string target, std::string access_token,
                                                HubConnection::Handlers handlers) {
  auto wire = std::make_shared<Wire>();
  wire->up = pipe(from);
  wire->down = pipe(from);
  wire->handlers = std::move(handlers);
  wire->client = network_.outer_address(from.interface());
  wire->to_relay = target.starts_with("/turn");
  wire->up->push(
      [this, wire, target = std::move(target), token = std::move(access_token)] { open(wire, target, token); });
  return std::make_unique<Client>(*this, wire);
}

void HubNode::open(const std::shared_ptr<Wire>& wire, const std::string& target, const std::string& access_token) {
  if (!wire->device_end) return;  // given up meanwhile
  const auto fail = [&](const signaling::HubFault& fault) {
    wire->tell_device(wire, [fault](const HubConnection::Handlers& handlers) { handlers.on_failed(fault); });
  };
  if (!hub_) return fail({});
  ++requests[target.substr(0, target.find('?'))];
  wire->id = hub::ConnectionId{++last_connection_};
  const std::string authorization = "Bearer " + access_token;
  const auto refusal =
      hub_->on_open(agenda_.now(), agenda_.unix_now(), wire->id, {"GET", target, authorization, {}, wire->client});
  if (refusal) {
    fail(signaling::read_upgrade_refusal({refusal->status, "application/json", refusal->body}, true));
  } else {
    wire->hub_end = true;
    wires_[wire->id] = wire;
    wire->tell_device(wire, [](const HubConnection::Handlers& handlers) { handlers.on_open(); });
  }
  run_effects();
}

// By value: erasing the table's entry must not end it.
void HubNode::close(std::shared_ptr<Wire> wire, std::uint16_t code) {
  if (!std::exchange(wire->hub_end, false)) return;
  wires_.erase(wire->id);
  wire->tell_device(wire, [code](const HubConnection::Handlers& handlers) { handlers.on_close(code); });
  if (!hub_) return;
  hub_->on_close(agenda_.now(), agenda_.unix_now(), wire->id);
  run_effects();
}

void HubNode::deliver(hub::ConnectionId connection, const std::string& text) {
  const auto wire = wires_.find(connection);
  if (wire == wires_.end()) return;
  trace_.note(agenda_.now(), "from hub", as_bytes(text));
  wire->second->tell_device(wire->second, [text](const HubConnection::Handlers& handlers) { handlers.on_text(text); });
}

void HubNode::deliver(hub::ConnectionId connection, const std::vector<std::byte>& data) {
  const auto wire = wires_.find(connection);
  if (wire == wires_.end()) return;
  note_relayed("from relay", {udp().front().address, kHttpsPort}, {wire->second->client, 0}, data);
  wire->second->tell_device(
      wire->second, [data](const HubConnection::Handlers& handlers) { handlers.on_binary(data); }, data.size());
}

void HubNode::note_relayed(const char* where, const Endpoint& from, const Endpoint& to,
                           const std::vector<std::byte>& data) {
  trace_.note(agenda_.now(), where, data);
  trace_.line(agenda_.now(), where, from, to, data, "delivered");
}

void HubNode::when_sent(hub::ConnectionId connection) {
  const auto wire = wires_.find(connection);
  if (wire == wires_.end()) return;
  wire->second->down->when_sent([this, wire = wire->second] {
    if (!wire->hub_end) return;
    hub_->on_sent(agenda_.now(), agenda_.unix_now(), wire->id);
    run_effects();
  });
}

void HubNode::break_relay_connections() {
  for (const auto& [id, wire] : std::map(wires_)) {
    if (wire->to_relay) close(wire, 1006);
  }
}

void HubNode::run_effects() {
  while (hub_) {
    const auto effect = hub_->poll_effect();
    if (!effect) return;
    run_effect(*effect);
  }
}

void HubNode::run_effect(const hub::Effect& effect) {
  if (const auto* text = std::get_if<hub::SendText>(&effect)) {
    deliver(text->connection, text->text);
  } else if (const auto* broadcast = std::get_if<hub::Broadcast>(&effect)) {
    for (const hub::ConnectionId connection : broadcast->connections) deliver(connection, broadcast->text);
  } else if (const auto* asked = std::get_if<hub::WhenSent>(&effect)) {
    when_sent(asked->connection);
  } else if (const auto* binary = std::get_if<hub::SendBinary>(&effect)) {
    deliver(binary->connection, binary->data);
  } else if (const auto* datagram = std::get_if<hub::SendDatagram>(&effect)) {
    network_.send(host_, {datagram->from, kUdpPort}, datagram->to, datagram->data);
  } else if (const auto* gone = std::get_if<hub::Close>(&effect)) {
    const auto wire = wires_.find(gone->connection);
    if (wire != wires_.end()) close(wire->second, std::to_underlying(gone->code));
  }
}

void HubNode::handle_timeout() {
  hub_->on_timer(agenda_.now(), agenda_.unix_now());
  run_effects();
}

}  // namespace bamgate::sim
