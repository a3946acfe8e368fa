// A device on this machine: carries out the effects of the pure agent with a TUN interface, UDP sockets, the connection
// to the hub, files, and the control socket.
#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/agent.h"
#include "host/config_folder.h"
#include "host/network_watcher.h"
#include "net/capture.h"
#include "net/loop.h"
#include "net/udp_socket.h"
#include "net/unix_control.h"
#include "net/websocket_client.h"
#include "os/file.h"
#include "os/native_crypto.h"
#include "os/random.h"
#include "os/tun.h"
#include "sctp/engine.h"
#include "stun/uri.h"

namespace bamgate::host {

class DeviceHost {
 public:
  /// Makes the TUN interface and the agent; nothing is sent yet. `lock` is the folder's.
  static std::expected<std::unique_ptr<DeviceHost>, Failure> create(net::Loop& loop, ConfigFolder folder, Device device,
                                                                    os::FileLock lock,
                                                                    std::unique_ptr<net::Capture> capture);
  DeviceHost(const DeviceHost&) = delete;
  DeviceHost& operator=(const DeviceHost&) = delete;
  ~DeviceHost();

  /// Connects, and serves the loop until a signal, `bamgate down` or a refusal for good ends it.
  ExitCode run();

 private:
  struct Socket {
    agent::AttemptId attempt;
    net::UdpSocket udp;
    std::unique_ptr<net::FdWatcher> watcher;
  };

  DeviceHost(net::Loop& loop, ConfigFolder folder, Device device, os::FileLock lock,
             std::unique_ptr<net::Capture> capture, os::Tun tun);

  std::expected<void, Failure> configure_interface();
  std::expected<void, Failure> make_agent();
  std::expected<void, Failure> listen_control();
  void watch_network();
  void read_stun_servers();
  void resolve_stun_servers();
  asio::awaitable<void> resolve_stun_server(stun::Uri uri);
  void stun_server_settled();

  void read_tun();
  void read_socket(SocketId id);
  void answer_control(const std::string& line, net::ControlReply reply);
  void flush();
  void send_datagrams();
  void run_effect(agent::Effect effect);
  void open_sockets(agent::AttemptId attempt);
  void complete_sockets(agent::AttemptId attempt);
  void set_routes(const std::vector<IpPrefix>& wanted);
  asio::awaitable<void> refresh_access_token();
  asio::awaitable<void> connect_hub(std::string access_token);
  void disconnect_hub(std::uint16_t code);
  void stop(ExitCode code);
  void finish();

  net::Loop& loop_;
  ConfigFolder folder_;
  Device device_;
  os::FileLock lock_;
  std::unique_ptr<net::Capture> capture_;
  std::optional<os::Tun> tun_;
  os::SystemRandom random_;
  os::NativeCrypto crypto_;
  BufferPool pool_;
  std::unique_ptr<sctp::EngineFactory> sctp_;
  std::unique_ptr<agent::Agent> agent_;
  std::string public_key_;

  std::unique_ptr<net::FdWatcher> tun_watcher_;
  std::unique_ptr<NetworkWatcher> network_;
  net::Timer timer_;
  net::Timer stop_timer_;
  std::unique_ptr<net::ControlServer> control_;
  std::map<SocketId, Socket> sockets_;
  std::set<net::Error> socket_failures_;  // kinds that the log has warned of
  std::uint32_t next_socket_ = 1;
  std::vector<net::UdpReceived> slots_;
  std::vector<IpPrefix> routes_;
  std::vector<stun::Uri> stun_names_;  // those that no resolver has known so far
  std::size_t stun_unresolved_ = 0;    // questions that are under way
  std::vector<agent::AttemptId> awaiting_stun_;

  std::unique_ptr<net::WebSocketClient> hub_;
  std::uint32_t hub_generation_ = 0;  // a connection that is given up reports to nobody
  std::vector<net::ControlReply> waiting_for_down_;
  bool flushing_ = false;
  bool stopping_ = false;
  ExitCode exit_code_ = ExitCode::kDone;
};

}  // namespace bamgate::host
