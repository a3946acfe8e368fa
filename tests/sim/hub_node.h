// A hub in the simulated world: the real hub core on an in-memory database, reached by simulated TCP, with a STUN
// responder beside it. It mirrors src/host/native_hub.cc; TLS and HTTP framing are left out.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "hub/hub.h"
#include "json/value.h"
#include "os/native_crypto.h"
#include "os/sqlite.h"
#include "signaling/hub_answer.h"
#include "sim/network.h"
#include "sim/pipe.h"
#include "support/seeded_random.h"
#include "support/sqlite_hub_sql.h"

namespace bamgate::sim {

/// A device's WebSocket to the hub. The device drops it to end it; the hub's end follows a latency later.
class HubConnection {
 public:
  struct Handlers {
    std::function<void()> on_open;
    std::function<void(const signaling::HubFault& fault)> on_failed;
    std::function<void(const std::string& text)> on_text;
    std::function<void()> on_pong;
    std::function<void(std::uint16_t code)> on_close;
  };
  virtual ~HubConnection() = default;
  virtual void send(std::string text) = 0;
  virtual void ping() = 0;
};

struct HubAnswer {
  int status = 0;  // 0: nobody answered
  json::Value body;

  /// What a device makes of it when it is no success.
  signaling::HubFault fault() const;
  std::string text(std::string_view key) const {
    const auto* value = body.get_string(key);
    return value == nullptr ? "" : *value;
  }
};

class HubNode {
 public:
  HubNode(Agenda& agenda, Network& network, Trace& trace, Host& host, std::uint64_t seed);
  ~HubNode();

  /// A new hub on the database that was there before, unless one runs.
  void start();
  /// The process ends: every connection breaks.
  void stop();
  bool is_running() const { return hub_ != nullptr; }
  hub::Hub& core() { return *hub_; }
  Endpoint stun() const { return {host_.interface().addresses.front(), 3478}; }
  Host& host() { return host_; }

  /// Answers at once, as if asked on the hub's own machine.
  HubAnswer ask(std::string_view method, std::string_view target, const json::Value& body,
                const std::string& access_token = {});
  /// The same over the network. A client that gives up resets its connection: nothing of a request arrives after that,
  /// unless a proxy has it.
  void request(const Host& from, std::string method, std::string target, json::Value body,
               std::function<bool()> given_up, std::function<void(HubAnswer)> done);
  std::unique_ptr<HubConnection> connect(const Host& from, std::string access_token, HubConnection::Handlers handlers);

  Instant next_timeout() const { return hub_ ? hub_->next_timeout() : kNever; }
  void handle_timeout();

  /// A proxy in front of the hub passes on also what its client has given up meanwhile: requests arrive late.
  bool behind_proxy = false;
  /// How often each path was asked, and upgrades of /connect.
  std::map<std::string, int> requests;

 private:
  struct Wire;
  class Client;

  std::shared_ptr<Pipe> pipe(const Host& device);

  void open(const std::shared_ptr<Wire>& wire, const std::string& access_token);
  void close(std::shared_ptr<Wire> wire, std::uint16_t code);
  void run_effects();
  void deliver(hub::ConnectionId connection, const std::string& text);
  void answer_stun();

  Agenda& agenda_;
  Network& network_;
  Trace& trace_;
  Host& host_;
  os::NativeCrypto crypto_;
  testing::SeededRandom random_;
  os::Sqlite database_;
  testing::SqliteHubSql sql_;
  std::unique_ptr<hub::Hub> hub_;
  std::uint64_t last_connection_ = 0;
  std::uint64_t last_request_ = 0;
  std::map<hub::ConnectionId, std::shared_ptr<Wire>> wires_;
};

}  // namespace bamgate::sim
