// Two peer connections in one process, joined by a virtual link with delay, jitter and loss, and by a signaling channel
// that carries descriptions and candidates. Time moves from deadline to deadline; one seed decides everything.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/buffer_pool.h"
#include "os/native_crypto.h"
#include "peer/demux.h"
#include "peer/peer_connection.h"
#include "sctp/engine.h"
#include "support/pattern.h"
#include "support/seeded_random.h"

namespace bamgate::peer::testing {

using namespace std::chrono_literals;

/// The channel of the tunnel (docs/peer.md), and a reliable one.
sctp::ChannelOptions tunnel_channel();
sctp::ChannelOptions reliable_channel();

struct LinkOptions {
  std::uint64_t seed = 1;
  Duration delay = 10ms;         // one way
  Duration jitter = 0ms;         // up to so much more, which reorders
  unsigned loss_permille = 0;    // of datagrams, both ways
  unsigned twice_permille = 0;   // so many arrive twice
  unsigned broken_permille = 0;  // so many arrive with a byte changed
  bool b_answers_passive = false;
  std::vector<sctp::ChannelOptions> channels = {tunnel_channel()};
};

/// A connection and what its owner saw, in order.
struct Side {
  Side(std::uint64_t seed, std::string_view own) : random(seed), address(*Endpoint::parse(own)) {}

  ::bamgate::testing::SeededRandom random;
  os::NativeCrypto crypto;
  BufferPool pool;
  Endpoint address;
  SocketId socket{1};
  std::map<SocketId, Endpoint> addresses = {{socket, address}};  // those that it has at present
  std::unique_ptr<PeerConnection> connection;

  std::vector<std::string> candidates;  // those that signaling has not carried yet
  bool gathering_complete = false;
  std::vector<State> states;
  std::vector<PathSelected> paths;
  unsigned failed_restarts = 0;
  std::vector<ChannelOpened> opened;
  std::vector<sctp::ChannelId> closed_channels;
  std::vector<Message> messages;
  std::uint64_t message_count = 0;
  std::optional<Error> closed;
  std::uint64_t datagrams = 0;  // that it sent
  std::size_t largest_datagram = 0;
  Instant last_sent{};
  /// When set, messages are handed here and not kept.
  std::function<void(Message&)> on_message;

  PeerConnection& operator*() { return *connection; }
  PeerConnection* operator->() { return connection.get(); }
  /// The open channel with that label.
  sctp::ChannelId channel(std::string_view label = "bamgate") const;
  std::expected<void, Error> send(Instant now, Bytes message) { return connection->send(now, channel(), message); }
};

/// A is the offerer and the controlling side. Both have one address, known to ICE as a host candidate.
class Link {
 public:
  explicit Link(const LinkOptions& options = {});
  ~Link();

  /// Exchanges the descriptions without delay and without candidates, each as `offer` and `answer` change it on the
  /// way.
  bool negotiate();
  /// Carries all candidates of `from` to the other side; false when one was refused.
  bool trickle(Side& from);
  /// negotiate(), trickle() both ways, and run until the first channel is open on both sides; false after 30 s.
  bool connect();

  /// `side` comes to have another address, or loses one.
  SocketId add_address(Side& side, std::string_view address);
  void remove_address(Side& side, SocketId socket);
  /// `from` asks for an ICE restart; descriptions with candidates, without delay.
  bool restart(Side& from);

  /// Runs until `done` holds after a step, or `span` has passed; tells whether it held.
  bool run(Duration span, const std::function<bool()>& done);
  void run(Duration span);
  /// Carries what both sides have to say at this instant onto the link and into their logs.
  void drain();
  /// Lets a datagram arrive at `to` now, as if from `from`.
  std::expected<void, Error> deliver(Side& to, const Endpoint& from, std::vector<std::byte> datagram);

  Instant now() const { return now_; }
  sctp::EngineFactory& engines() { return *runtime_; }
  /// FNV-1a over the time, direction, path and bytes of every datagram that was sent.
  std::uint64_t trace() const { return trace_; }
  std::uint64_t datagrams() const { return a.datagrams + b.datagrams; }
  bool both_open() const { return !a.opened.empty() && !b.opened.empty(); }

  LinkOptions options;
  bool cut = false;              // nothing arrives any more
  std::optional<Endpoint> slow;  // what goes there or comes from there takes 100 ms more
  std::function<std::string(std::string)> offer;
  std::function<std::string(std::string)> answer;
  /// Sees every datagram that is sent; false loses it.
  std::function<bool(const Side& from, Bytes datagram)> filter;
  /// Has what is sent to an address that neither side has.
  std::function<void(const Side& from, const Endpoint& to, Bytes datagram)> elsewhere;

 private:
  struct Flight {
    Side* to;
    Endpoint at;
    Endpoint from;
    std::vector<std::byte> datagram;
  };
  void make_connection(Side& side, bool offerer);
  void collect(Side& side);
  void log(Side& side, PeerConnection::Event event);
  void launch(Side& from, const Transmit& transmit, std::vector<std::byte> datagram);
  void land(Flight flight);
  void note(Side& side, const Transmit& transmit, Bytes datagram);
  Instant next_deadline() const;

  ::bamgate::testing::SeededRandom engine_random_;
  ::bamgate::testing::SeededRandom link_random_;
  std::unique_ptr<sctp::EngineFactory> runtime_;
  std::multimap<Instant, Flight> flights_;
  Instant now_ = Instant(1h);
  std::uint64_t trace_ = 0xcbf29ce484222325;

 public:
  Side a;
  Side b;
};

using bamgate::testing::pattern;

inline bool is_protocol(Bytes datagram, Protocol protocol) { return classify(datagram) == protocol; }
/// `sdp` as who trickles all of its candidates would have written it.
std::string without_candidates(std::string_view sdp);
/// `text` with each `from` replaced by `to`.
std::string replaced(std::string text, std::string_view from, std::string_view to);

}  // namespace bamgate::peer::testing
