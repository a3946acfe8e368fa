#include "sim/hub_node.h"

#include <gtest/gtest.h>

#include <utility>
#include <variant>

#include "json/parse.h"
#include "json/write.h"
#include "stun/binding.h"

namespace bamgate::sim {

/// Both directions of a WebSocket, and which of its ends still stand.
struct HubNode::Wire {
  std::shared_ptr<Pipe> up;
  std::shared_ptr<Pipe> down;
  HubConnection::Handlers handlers;
  hub::ConnectionId id{};
  IpAddress client;
  bool device_end = true;
  bool hub_end = false;

  /// Runs at the device, unless it has let go of the connection by then.
  void tell_device(const std::shared_ptr<Wire>& self,
                   std::function<void(const HubConnection::Handlers&)> action) const {
    down->push([self, action = std::move(action)] {
      if (self->device_end) action(self->handlers);
    });
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

HubNode::HubNode(Agenda& agenda, Network& network, Trace& trace, Host& host, std::uint64_t seed)
    : agenda_(agenda),
      network_(network),
      trace_(trace),
      host_(host),
      random_(seed),
      database_(std::move(*os::Sqlite::open(":memory:"))),
      sql_(database_) {
  answer_stun();
  start();
}

HubNode::~HubNode() = default;

void HubNode::start() {
  if (hub_) return;
  hub::HubOptions options;
  options.stun = {"stun:hub.example:3478"};
  options.server_url = "https://hub.example:8443";
  auto made = hub::Hub::create(options, sql_, crypto_, random_, agenda_.now(), agenda_.unix_now());
  ASSERT_TRUE(made) << hub::to_string(made.error());
  hub_ = std::move(*made);
  run_effects();
}

void HubNode::stop() {
  hub_.reset();
  for (const auto& [id, wire] : std::exchange(wires_, {})) close(wire, 1006);
}

void HubNode::answer_stun() {
  network_.bind(host_, stun().address, stun().port, [this](const Endpoint& from, const std::vector<std::byte>& data) {
    std::vector<std::byte> answer(256);
    const auto size = stun::answer_binding(from, data, answer);
    if (!size) return;
    answer.resize(*size);
    network_.send(host_, stun(), from, std::move(answer));
  });
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
    if (!network_.is_path_free(*interface, host_)) continue;
    chosen = interface.get();
    break;
  }
  return std::make_shared<Pipe>(agenda_, network_.latency(*chosen, host_),
                                [chosen, this, generation = chosen->generation] {
                                  if (chosen->generation != generation) return Pipe::Way::kGone;
                                  return network_.is_path_free(*chosen, host_) ? Pipe::Way::kFree : Pipe::Way::kBlocked;
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

std::unique_ptr<HubConnection> HubNode::connect(const Host& from, std::string access_token,
                                                HubConnection::Handlers handlers) {
  auto wire = std::make_shared<Wire>();
  wire->up = pipe(from);
  wire->down = pipe(from);
  wire->handlers = std::move(handlers);
  wire->client = network_.outer_address(from.interface());
  wire->up->push([this, wire, token = std::move(access_token)] { open(wire, token); });
  return std::make_unique<Client>(*this, wire);
}

void HubNode::open(const std::shared_ptr<Wire>& wire, const std::string& access_token) {
  if (!wire->device_end) return;  // given up meanwhile
  const auto fail = [&](const signaling::HubFault& fault) {
    wire->tell_device(wire, [fault](const HubConnection::Handlers& handlers) { handlers.on_failed(fault); });
  };
  if (!hub_) return fail({});
  ++requests["/connect"];
  wire->id = hub::ConnectionId{++last_connection_};
  const std::string authorization = "Bearer " + access_token;
  const auto refusal =
      hub_->on_open(agenda_.now(), agenda_.unix_now(), wire->id, {"GET", "/connect", authorization, {}, wire->client});
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

void HubNode::run_effects() {
  while (hub_) {
    const auto effect = hub_->poll_effect();
    if (!effect) return;
    if (const auto* text = std::get_if<hub::SendText>(&*effect)) {
      deliver(text->connection, text->text);
    } else if (const auto* broadcast = std::get_if<hub::Broadcast>(&*effect)) {
      for (const hub::ConnectionId connection : broadcast->connections) deliver(connection, broadcast->text);
    } else if (const auto* asked = std::get_if<hub::WhenSent>(&*effect)) {
      // A pipe takes all at once.
      hub_->on_sent(agenda_.now(), agenda_.unix_now(), asked->connection);
    } else if (const auto* gone = std::get_if<hub::Close>(&*effect)) {
      const auto wire = wires_.find(gone->connection);
      if (wire != wires_.end()) close(wire->second, std::to_underlying(gone->code));
    }
  }
}

void HubNode::handle_timeout() {
  hub_->on_timer(agenda_.now(), agenda_.unix_now());
  run_effects();
}

}  // namespace bamgate::sim
