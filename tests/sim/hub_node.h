// A hub in the simulated world: the real hub core on an in-memory database, reached by simulated TCP and, for STUN and
// its relay, by datagrams. It mirrors src/host/native_hub.cc; TLS and HTTP framing are left out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

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

/// A device's WebSocket to the hub, for signaling or to the relay. The device drops it to end it; the hub's end follows
/// a latency later.
class HubConnection {
 public:
  struct Handlers {
    std::function<void()> on_open;
    std::function<void(const signaling::HubFault& fault)> on_failed;
    std::function<void(const std::string& text)> on_text;
    std::function<void(const std::vector<std::byte>& data)> on_binary;
    std::function<void()> on_pong;
    std::function<void(std::uint16_t code)> on_close;
  };
  virtual ~HubConnection() = default;
  virtual void send(std::string text) = 0;
  virtual void send_binary(std::vector<std::byte> data) = 0;
  /// Bytes that wait because nothing gets through.
  virtual std::size_t unsent() const = 0;
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
  static constexpr std::uint16_t kHttpsPort = 443;
  static constexpr std::uint16_t kUdpPort = 3478;

  /// Without `relay` it tells its devices of none.
  HubNode(Agenda& agenda, Network& network, Trace& trace, Host& host, std::uint64_t seed, bool relay);
  ~HubNode();

  /// A new hub on the database that was there before, unless one runs.
  void start();
  /// The process ends: every connection breaks.
  void stop();
  bool is_running() const { return hub_ != nullptr; }
  hub::Hub& core() { return *hub_; }
  /// Its UDP port, for STUN and TURN: one endpoint of each family, IPv4 first.
  std::vector<Endpoint> udp() const;
  bool is_udp(const Endpoint& endpoint) const;
  Host& host() { return host_; }

  /// Answers at once, as if asked on the hub's own machine.
  HubAnswer ask(std::string_view method, std::string_view target, const json::Value& body,
                const std::string& access_token = {});
  /// The same over the network. A client that gives up resets its connection: nothing of a request arrives after that,
  /// unless a proxy has it.
  void request(const Host& from, std::string method, std::string target, json::Value body,
               std::function<bool()> given_up, std::function<void(HubAnswer)> done);
  /// Opens a WebSocket on `target`: "/connect", or "/turn?batch=1".
  std::unique_ptr<HubConnection> connect(const Host& from, std::string target, std::string access_token,
                                         HubConnection::Handlers handlers);
  /// Every WebSocket to the relay breaks, and with it its allocation; signaling goes on.
  void break_relay_connections();

  Instant next_timeout() const { return hub_ ? hub_->next_timeout() : kNever; }
  void handle_timeout();

  /// A proxy in front of the hub passes on also what its client has given up meanwhile: requests arrive late.
  bool behind_proxy = false;
  /// How often each path was asked, and upgrades of /connect and /turn.
  std::map<std::string, int> requests;

 private:
  struct Wire;
  class Client;

  std::shared_ptr<Pipe> pipe(const Host& device);

  void open(const std::shared_ptr<Wire>& wire, const std::string& target, const std::string& access_token);
  void close(std::shared_ptr<Wire> wire, std::uint16_t code);
  void run_effects();
  void run_effect(const hub::Effect& effect);
  void deliver(hub::ConnectionId connection, const std::string& text);
  void deliver(hub::ConnectionId connection, const std::vector<std::byte>& data);
  void when_sent(hub::ConnectionId connection);
  void note_relayed(const char* where, const Endpoint& from, const Endpoint& to, const std::vector<std::byte>& data);
  void bind_udp();
  void handle_datagram(const Endpoint& local, const Endpoint& from, std::vector<std::byte> data);

  Agenda& agenda_;
  Network& network_;
  Trace& trace_;
  Host& host_;
  os::NativeCrypto crypto_;
  testing::SeededRandom random_;
  os::Sqlite database_;
  testing::SqliteHubSql sql_;
  bool relay_;
  std::unique_ptr<hub::Hub> hub_;
  std::uint64_t last_connection_ = 0;
  std::uint64_t last_request_ = 0;
  std::map<hub::ConnectionId, std::shared_ptr<Wire>> wires_;
};

}  // namespace bamgate::sim
