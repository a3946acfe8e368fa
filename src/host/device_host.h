// A device on this machine: the ports of the agent's runner, made of a TUN interface, UDP sockets, the connection to
// the hub and files; and the control socket.
#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/runner.h"
#include "host/config_folder.h"
#include "host/network_watcher.h"
#include "host/own_interface.h"
#include "host/relay_line.h"
#include "host/server_names.h"
#include "host/stamp_clock.h"
#include "json/value.h"
#include "net/capture.h"
#include "net/loop.h"
#include "net/udp_socket.h"
#include "net/unix_control.h"
#include "net/websocket_client.h"
#include "os/file.h"
#include "os/native_crypto.h"
#include "os/random.h"
#include "sctp/engine.h"
#include "stun/uri.h"

namespace bamgate::host {

class DeviceHost : private agent::Sockets,
                   private agent::HubLink,
                   private agent::TunPort,
                   private agent::TokenStore,
                   private agent::PinStore,
                   private agent::Owner {
 public:
  /// Makes the TUN interface and the agent; nothing is sent yet. `lock` is the folder's.
  static std::expected<std::unique_ptr<DeviceHost>, Failure> create(net::Loop& loop, ConfigFolder folder, Device device,
                                                                    os::FileLock lock,
                                                                    std::unique_ptr<net::Capture> capture);
  DeviceHost(const DeviceHost&) = delete;
  DeviceHost& operator=(const DeviceHost&) = delete;
  ~DeviceHost() override;

  /// Connects, and serves the loop until a signal, `bamgate down` or a refusal for good ends it.
  ExitCode run();
  /// From the loop: reads the configuration again and does what can be done while the device runs; the log says what,
  /// and what waits for a restart. One that cannot be read or carried out changes nothing.
  void reload();
  /// From the loop: says goodbye and makes run() end. Asked twice, it ends at once.
  void stop(ExitCode code);

 private:
  class UdpSocket;

  DeviceHost(net::Loop& loop, ConfigFolder folder, Device device, os::FileLock lock,
             std::unique_ptr<net::Capture> capture, std::unique_ptr<OwnInterface> interface);

  std::expected<void, Failure> make_agent();
  std::expected<void, Failure> listen_control();
  std::vector<IpPrefix> watch_network();
  std::vector<Endpoint> read_stun_servers(const std::vector<std::string>& servers);

  void tell_of_no_address() const;
  void note_time();
  void watch_tun();
  void look_after_interface();
  void read_tun();
  void arm_timer();
  agent::Status status();
  json::Value trust(const std::string* name);
  void give_token(const std::string& refused, net::ControlReply reply);
  void answer_waiting_for_token(const json::Value& answer);
  void answer_control(const std::string& line, net::ControlReply reply);

  std::unique_ptr<agent::Socket> open_socket(SocketId socket, const IpAddress& address) override;
  void connect_hub(agent::HubGeneration generation, std::string access_token) override;
  bool send_to_hub(std::string text) override { return hub_->send_text(text); }
  void ping_hub() override { hub_->ping(); }
  std::optional<IpAddress> hub_address() const override;
  void disconnect_hub(std::uint16_t code) override;
  void connect_relay(agent::RelayGeneration generation, agent::RelayWay way) override;
  bool send_to_relay(agent::RelayGeneration generation, Bytes messages) override;
  void disconnect_relay(agent::RelayGeneration generation) override;
  void resolve_servers() override { names_.doubt(); }
  bool write_tun(Bytes packet) override;
  void set_routes(std::vector<IpPrefix> wanted) override;
  void refresh_access_token(agent::RunId run) override { loop_.spawn(exchange_tokens(run)); }
  void store_pins(std::vector<config::Pin> pins) override;
  void notice(agent::Notice notice) override;
  void gave_up(agent::StopReason reason) override;
  void begin_again();
  asio::awaitable<void> exchange_tokens(agent::RunId run);
  asio::awaitable<void> open_hub(agent::HubGeneration generation, std::string access_token);
  net::WebSocketCall hub_call(std::string_view target, std::string access_token) const;
  void use_relays(const std::vector<std::string>& relays);
  void name_relay(agent::Relays::Whose whose, const stun::Uri& uri);
  std::vector<agent::OwnRelay> read_own_relays();
  void drop_line(agent::RelayGeneration generation);
  void leave_lines_of_gone_addresses();
  void finish();

  net::Loop& loop_;
  ConfigFolder folder_;
  Device device_;
  StampClock stamp_clock_;
  config::Config configured_;  // as its file says: device_ has what this machine made of it
  os::FileLock lock_;
  std::unique_ptr<net::Capture> capture_;
  std::unique_ptr<OwnInterface> interface_;  // until finish(), or until it was deleted for good
  os::SystemRandom random_;
  os::NativeCrypto crypto_;
  BufferPool pool_;
  std::unique_ptr<sctp::EngineFactory> sctp_;
  std::unique_ptr<agent::Agent> agent_;  // until run()
  std::string public_key_;

  std::unique_ptr<net::FdWatcher> tun_watcher_;
  std::unique_ptr<NetworkWatcher> network_;
  net::Timer timer_;
  net::Timer interface_timer_;
  net::Timer stamp_timer_;
  net::Timer stop_timer_;
  std::unique_ptr<net::ControlServer> control_;
  std::set<const UdpSocket*> open_sockets_;  // the runner owns them
  net::UdpCounters closed_sockets_;          // of sockets that are gone
  std::set<net::Error> socket_failures_;     // kinds that the log has warned of
  bool pins_unwritten_ = false;              // the log has told of it
  std::vector<net::UdpReceived> slots_;
  std::vector<IpPrefix> addresses_;                                      // of this machine, as they were last seen
  ServerNames names_;                                                    // of STUN servers and relays
  std::vector<std::pair<agent::Relays::Whose, stun::Uri>> relay_names_;  // of relays by UDP, those that names_ has
  std::unique_ptr<net::WebSocketClient> hub_;
  std::map<agent::RelayGeneration, std::unique_ptr<RelayLine>> lines_;
  std::vector<net::ControlReply> waiting_for_down_;
  std::vector<net::ControlReply> waiting_for_token_;
  bool stopping_ = false;
  ExitCode exit_code_ = ExitCode::kDone;
  agent::Runner runner_;
};

}  // namespace bamgate::host
