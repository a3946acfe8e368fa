// The hub's UDP port: what comes is given to the hub core (STUN, TURN), and what that says is sent.
// A port on every address is one socket for each family. An answer leaves from the address that was asked: to a client
// behind a NAT or a firewall, one from another address is a stranger's.
#pragma once

#include <array>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/buffer_pool.h"
#include "core/endpoint.h"
#include "host/hub_log.h"
#include "net/loop.h"
#include "net/udp_socket.h"
#include "turn/server.h"

namespace bamgate::host {

class HubUdp {
 public:
  /// What is to be sent because of one datagram, at once: a view into it (which may be changed) or into `out`, which
  /// has room for it and turn::Server::kRoom more.
  using Handler = std::function<std::optional<turn::Server::Output>(const turn::FiveTuple& from, MutableBytes datagram,
                                                                    MutableBytes out)>;
  /// A run of datagrams has been handled.
  using Done = std::function<void()>;

  /// Binds `listen`; [::] stands for every address of both families. `loop` and `log` outlive the port. The error is a
  /// sentence.
  static std::expected<std::unique_ptr<HubUdp>, std::string> listen(net::Loop& loop, const HubLog& log,
                                                                    const Endpoint& listen, Handler handler, Done done);
  HubUdp(const HubUdp&) = delete;
  HubUdp& operator=(const HubUdp&) = delete;
  ~HubUdp();

  /// Sends one datagram, from our address `from` when it is one.
  void send(const Endpoint& to, const IpAddress& from, Bytes datagram);

 private:
  struct Port;

  HubUdp(const HubLog& log, Handler handler, Done done);
  std::expected<void, std::string> bind(net::Loop& loop, const Endpoint& endpoint);
  void receive(net::UdpSocket& socket);
  void flush(net::UdpSocket& socket);
  net::UdpSocket* socket_for(const Endpoint& to);
  void note_lost();

  const HubLog& log_;
  Handler handler_;
  Done done_;
  bool told_lost_ = false;
  BufferPool pool_;
  std::array<net::UdpReceived, net::UdpSocket::kBatch> slots_;
  std::vector<std::byte> out_;
  std::vector<net::UdpTransmit> batch_;
  std::vector<std::unique_ptr<Port>> ports_;
};

}  // namespace bamgate::host
