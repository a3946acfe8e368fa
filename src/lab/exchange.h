// The place of the hub when two lab tools meet: each side gives the other one line. A person copies it from one
// terminal to the other, or both use two files. It also finds the addresses of this machine for ICE.
#pragma once

#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "json/value.h"
#include "lab/link.h"

namespace bamgate::lab {

/// Arguments that `lab ice` and `lab datachannel` share.
struct PeerArguments {
  CommonOptions lab;
  bool offers = false;
  std::string offer_file;   // empty: standard output and input
  std::string answer_file;  // likewise
  std::vector<std::string> stun_servers;
  std::vector<IpAddress> addresses;  // empty: those of this machine
  std::string label = "bamgate";     // of the data channel
};

class Exchange {
 public:
  /// `take` gets the peer's description, once, and after expect_more() each later one; `line` gets what else stands on
  /// standard input.
  Exchange(Link& link, const PeerArguments& arguments, std::function<void(const json::Value&)> take,
           std::function<void(std::string_view)> line, std::function<void()> end);

  /// Begins to wait for the peer's description.
  void start();
  /// The peer may give another description later: in its file, or as a line of standard input that is one.
  void expect_more();
  /// Gives the peer ours.
  void publish(const json::Value& description);
  /// The peer's description is of no use: says why, and ends the tool.
  void refuse(const std::string& why);

 private:
  const std::string& file_of_peer() const;
  void take_line(std::string_view line);
  void look_for_file();
  void look_later();

  Link& link_;
  const PeerArguments& arguments_;
  std::function<void(const json::Value&)> take_;
  std::function<void(std::string_view)> line_;
  std::function<void()> end_;
  net::Timer look_;
  bool taken_ = false;
  bool more_ = false;       // expect_more()
  std::string last_taken_;  // from the peer's file
};

/// A local socket for ICE.
struct LocalSocket {
  SocketId id;
  Endpoint base;
};

/// What `lab ice` and `lab datachannel` begin with.
struct PeerLink {
  std::unique_ptr<Link> link;
  std::vector<Endpoint> stun_servers;
  std::vector<LocalSocket> sockets;  // one on each address that was named, or on each that this machine has for ICE
};
std::expected<PeerLink, Failure> open_peer_link(const PeerArguments& arguments);

/// Gives an ICE agent, or a connection that holds one, all of its sockets.
template <typename Machine>
void add_sockets(Link& link, Machine& machine, const std::vector<LocalSocket>& sockets) {
  for (const LocalSocket& socket : sockets) machine.add_local_address(link.now(), socket.id, socket.base);
  machine.set_local_addresses_complete(link.now());
}

/// Loopback candidates are allowed when loopback addresses were named (RFC 8445 §5.1.1.1 forbids them else).
bool wants_loopback(const PeerArguments& arguments);

}  // namespace bamgate::lab
