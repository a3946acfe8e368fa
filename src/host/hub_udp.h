// The hub's UDP port: STUN Binding requests are answered here (RFC 8489 §6.3).
// A port on every address is one socket for each family. An answer leaves from the address that was asked: to a client
// behind a NAT or a firewall, one from another address is a stranger's.
#pragma once

#include <expected>
#include <memory>
#include <string>
#include <vector>

#include "core/buffer_pool.h"
#include "core/endpoint.h"
#include "host/hub_log.h"
#include "net/loop.h"
#include "net/udp_socket.h"

namespace bamgate::host {

class HubUdp {
 public:
  /// Binds `listen`; [::] stands for every address of both families. `loop` and `log` outlive the port. The error is a
  /// sentence.
  static std::expected<std::unique_ptr<HubUdp>, std::string> listen(net::Loop& loop, const HubLog& log,
                                                                    const Endpoint& listen);
  HubUdp(const HubUdp&) = delete;
  HubUdp& operator=(const HubUdp&) = delete;
  ~HubUdp();

 private:
  struct Port;

  explicit HubUdp(const HubLog& log);
  std::expected<void, std::string> bind(net::Loop& loop, const Endpoint& endpoint);
  void receive(net::UdpSocket& socket);
  void note_lost();

  const HubLog& log_;
  bool told_lost_ = false;
  BufferPool pool_;
  std::vector<std::unique_ptr<Port>> ports_;
};

}  // namespace bamgate::host
