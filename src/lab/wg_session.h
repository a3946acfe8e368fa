// One WireGuard peer on a real UDP socket, watched: carries the messages of a wg::Device, shows each of them and what
// came of it, and moves inner packets to and from whoever stands behind it (a TUN, or inspect::InnerHost).
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "lab/link.h"
#include "wg/device.h"

namespace bamgate::lab {

class WgSession {
 public:
  struct Options {
    wg::PrivateKey private_key;
    wg::Device::PeerOptions peer;
    std::vector<IpPrefix> allowed_ips;  // whose packets the peer may send, and where ours may go
    bool show_packets = false;          // each data message, not only the first of a session
  };

  /// `deliver` gets each inner packet of the peer, `changed` is called after everything that may move a deadline.
  WgSession(Link& link, SocketId socket, const Options& options, std::function<void(PacketBuffer)> deliver,
            std::function<void()> changed);

  /// False: the keys cannot be used together.
  bool ready() const { return peer_.has_value(); }
  void handle_timeout();
  Instant next_timeout() const { return device_.next_timeout(); }
  /// Sends what the device has, and shows what became of it.
  void flush();

  /// Seals and sends an inner packet; without a session it waits for one.
  void send_packet(PacketBuffer packet);
  bool has_waiting() const { return !waiting_.empty(); }

  void initiate();
  /// Many initiations at once, at most kMaxBurst: what brings a peer to ask for cookies (paper §5.3).
  void burst(std::size_t count);
  /// Goes on from another socket, as a laptop does that changes its network (paper §2.1).
  void roam(SocketId socket);
  /// As if too many handshakes came: ours asks for cookies from now on, or stops to.
  void set_under_load(bool under_load);
  void show_status(json::Object extra);

  static constexpr std::size_t kMaxBurst = 1000;

 private:
  void handle(const Received& received);
  void open(const Received& received, const inspect::Description& step);
  void handle_event(const wg::PeerEvent& event);
  void show_endpoint();
  void show_data(StepKind kind, const std::string& endpoint, Bytes message);
  bool is_allowed(const IpAddress& address) const;
  void send(const Path& path, Bytes message);

  Link& link_;
  SocketId socket_;
  Options options_;
  std::function<void(PacketBuffer)> deliver_;
  std::function<void()> changed_;
  wg::Device device_;
  std::optional<wg::PeerId> peer_;
  std::optional<Endpoint> endpoint_;        // as it was shown last
  std::set<std::uint64_t> shown_sessions_;  // direction and receiver index of data that was shown
  std::deque<PacketBuffer> waiting_;        // for a session
};

}  // namespace bamgate::lab
