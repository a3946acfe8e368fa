// Devices with addresses on a network in virtual time; a datagram takes 10 ms unless the test loses it.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "core/buffer_pool.h"
#include "support/seeded_random.h"
#include "wg/device.h"
#include "wg/pair.h"

namespace bamgate::wg::testing {

inline Endpoint endpoint(std::string_view text) { return Endpoint::parse(text).value(); }
inline Path path_to(const Endpoint& remote) { return {.remote = remote}; }

class Net {
 public:
  struct Node {
    PrivateKey key;
    Endpoint address;
    Device device;
    std::map<PeerId, std::vector<Message>> received;  // inner packets
    std::vector<PeerEvent> events;
  };
  struct Datagram {
    Endpoint from;
    Endpoint to;
    Message message;
  };

  explicit Net(std::uint64_t seed = 1) : random_(seed) {}

  /// A device at this address; stays where it is in memory.
  Node& add(std::string_view address);
  /// Makes `from` know `to`, with its address unless `blind`.
  PeerId introduce(Node& from, const Node& to, bool blind = false);
  /// Seals and sends. False when the device has no session or no endpoint.
  bool send(Node& from, PeerId peer, const Message& packet);
  /// Sends bytes as if they came from `from`.
  void inject(const Endpoint& from, const Node& to, const Message& message);
  /// Lets `duration` pass.
  void run(Duration duration);
  /// What was sent from this address, of this type.
  std::vector<Datagram> sent(const Endpoint& from, MessageType type) const;
  void forget_sent() { sent_.clear(); }

  Instant now{seconds(1000)};
  /// True: the datagram is lost.
  std::function<bool(const Datagram&)> lose = [](const Datagram&) { return false; };

 private:
  struct Flight {
    Instant arrival;
    Datagram datagram;
  };
  void drain(Node& node);
  void launch(Datagram datagram);
  void deliver(Datagram datagram);
  Instant next_timeout() const;

  bamgate::testing::SeededRandom random_;
  BufferPool pool_;
  std::deque<std::unique_ptr<Node>> nodes_;
  std::deque<Flight> wire_;
  std::vector<Datagram> sent_;
};

}  // namespace bamgate::wg::testing
