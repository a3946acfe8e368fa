// Two tunnels joined by a wire in virtual time: whatever one sends reaches the other `delay` later, unless the test
// takes it.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "core/buffer_pool.h"
#include "core/ip_address.h"
#include "support/seeded_random.h"
#include "wg/tunnel.h"

namespace bamgate::wg::testing {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Message = std::vector<std::byte>;

/// An IPv4 packet of `size` bytes (at least 20) whose content follows from `mark`.
Message ipv4_packet(std::size_t size, std::uint8_t mark = 0);

enum class Side : std::uint8_t { kA, kB };
inline Side other(Side side) { return side == Side::kA ? Side::kB : Side::kA; }

/// What a test changes about the pair before it starts.
struct PairOptions {
  std::optional<PresharedKey> preshared_a = std::nullopt;
  std::optional<PresharedKey> preshared_b = std::nullopt;
  std::optional<seconds> persistent_keepalive_a = std::nullopt;
  std::optional<PublicKey> remote_of_a = std::nullopt;  // whom A takes for its peer; B otherwise
  std::uint64_t seed = 1;
  std::uint64_t first_counter = 0;                // of every session of both
  std::optional<std::size_t> mtu = std::nullopt;  // of both
};

class Pair {
 public:
  explicit Pair(PairOptions options = {});

  Tunnel& tunnel(Side side) { return side == Side::kA ? a : b; }
  /// Seals an inner packet and puts it on the wire. False without a session.
  bool send(Side from, const Message& packet);
  /// Puts bytes on the wire towards `to`, as somebody else might.
  void inject(Side to, const Message& message);
  /// Lets `duration` pass: delivers, runs timers, delivers what follows, and so on.
  void run(Duration duration);
  /// A initiates, and both have a session afterwards.
  void connect();

  /// Content of the messages that `side` has sent so far, by type.
  std::size_t sent(Side side, MessageType type) const;
  /// The last message of this type.
  Message last_sent(Side side, MessageType type) const;
  std::size_t events(Side side, std::size_t index) const;
  template <typename E>
  std::size_t count(Side side) const {
    return events(side, Event(E{}).index());
  }

  Instant now{seconds(1000)};
  milliseconds delay{10};
  /// True: the message is lost.
  std::function<bool(Side from, const Message&)> lose = [](Side, const Message&) { return false; };

 private:
  struct Flight {
    Instant arrival;
    Side to;
    Message message;
  };
  struct Sent {
    Side from;
    Message message;
  };
  void launch(Side from, Message message);
  void drain();
  void deliver(const Flight& flight);

  bamgate::testing::SeededRandom random_;
  BufferPool pool_;
  PrivateKey key_a_;
  PrivateKey key_b_;
  std::deque<Flight> wire_;
  std::vector<Sent> sent_;
  std::vector<std::pair<Side, std::size_t>> events_;

 public:
  Tunnel a;
  Tunnel b;
  std::vector<Message> received_by_a;  // inner packets
  std::vector<Message> received_by_b;
  std::size_t steps = 0;

  const PrivateKey& key(Side side) const { return side == Side::kA ? key_a_ : key_b_; }
};

}  // namespace bamgate::wg::testing
