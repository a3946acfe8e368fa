// The TURN client (RFC 8656): one allocation at one server over one transport, kept alive and made again when it is
// lost; permissions and channels for the peers that are wanted; and the data path through it.
// A pure machine (core/sans_io.h). Its owner has the socket or the connection: for UDP each message is a datagram, in a
// stream and in WebSocket messages framing.h finds them.
// Leaves out: TCP allocations (RFC 6062), EVEN-PORT and RESERVATION-TOKEN (for RTP and RTCP on two ports),
// DONT-FRAGMENT, mobility (RFC 8016), and changing to another client port after 437 over UDP: the socket is shared.
#pragma once

#include <cstdint>
#include <deque>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/counters.h"
#include "core/crypto.h"
#include "core/random.h"
#include "core/sans_io.h"
#include "stun/client.h"
#include "stun/long_term_client.h"
#include "stun/redirect.h"
#include "turn/channels.h"
#include "turn/credentials.h"
#include "turn/error.h"
#include "turn/event.h"
#include "turn/permissions.h"

namespace bamgate::turn {

/// What carries the messages to the server.
enum class Transport : std::uint8_t {
  kUdp,        // requests are repeated; the NAT's binding is kept alive
  kStream,     // TCP, TLS: ChannelData is padded
  kWebSocket,  // a message is a frame, or several are, which BatchWriter puts together
};

/// For which families relayed addresses are wanted.
enum class Families : std::uint8_t { kV4, kV6, kBoth };

struct ClientOptions {
  Endpoint server{};
  Transport transport = Transport::kUdp;
  Families families = Families::kV4;
  // How long an allocation is asked for. The server gives at least its default, 10 minutes (RFC 8656 §7.2); short ones
  // are soon gone when we vanish.
  std::chrono::seconds lifetime = kAllocationLifetime;
  // Over UDP something is sent at least so often, so that NATs keep their binding. RFC 8445 §11: 15 s.
  Duration keepalive = std::chrono::seconds(15);
  std::size_t most_permissions = 1024;
  std::size_t most_channels = 1024;
};

/// What one allocation's client did and dropped.
struct ClientCounters {
  std::uint64_t allocations = 0;
  std::uint64_t lost = 0;
  std::uint64_t challenges = 0;
  std::uint64_t sent_channel_data = 0;
  std::uint64_t sent_indications = 0;
  std::uint64_t received_channel_data = 0;
  std::uint64_t received_indications = 0;
  std::uint64_t not_sent = 0;
  std::uint64_t malformed = 0;
  std::uint64_t unknown_peer = 0;
  std::uint64_t unexpected = 0;
  std::uint64_t forged = 0;
  std::uint64_t other_source = 0;
  std::uint64_t oversized = 0;
  std::uint64_t dropped_events = 0;

  static constexpr auto list() {
    return std::to_array<Counter<ClientCounters>>({
        {"relay_allocations", "allocations that a relay gave", &ClientCounters::allocations},
        {"relay_lost", "allocations that were lost", &ClientCounters::lost},
        {"relay_challenges", "requests that a relay wanted signed, or signed anew", &ClientCounters::challenges},
        {"relay_sent_channel_data", "packets sent through channels", &ClientCounters::sent_channel_data},
        {"relay_sent_indications", "packets sent without a channel", &ClientCounters::sent_indications},
        {"relay_received_channel_data", "packets received through channels", &ClientCounters::received_channel_data},
        {"relay_received_indications", "packets received without a channel", &ClientCounters::received_indications},
        {"relay_not_sent", "packets for peers without permission, or without an allocation: dropped",
         &ClientCounters::not_sent},
        {"relay_malformed", "malformed messages from a relay: dropped", &ClientCounters::malformed},
        {"relay_unknown_peer", "packets on unknown channels or from peers without permission: dropped",
         &ClientCounters::unknown_peer},
        {"relay_unexpected", "answers of a relay that nobody waited for: dropped", &ClientCounters::unexpected},
        {"relay_forged", "answers that were not authentic: dropped", &ClientCounters::forged},
        {"relay_other_source", "datagrams that did not come from the relay: dropped", &ClientCounters::other_source},
        {"relay_oversized", "messages of ours that were too long: dropped", &ClientCounters::oversized},
        {"relay_dropped_events", "ICMP errors that found a full queue: dropped", &ClientCounters::dropped_events},
    });
  }
  ClientCounters& operator+=(const ClientCounters& other) { return add_counters(*this, other); }
};

/// A packet that a peer sent to our relayed address.
struct FromPeer {
  Endpoint peer;
  MutableBytes data;  // a view into the message that it came in
};

class Client {
 public:
  using Error = turn::Error;
  using Event = turn::Event;
  /// What open() made of a message: whose packet it was; nullopt: a control message, which was handled.
  using Opened = std::optional<Endpoint>;

  enum class State : std::uint8_t {
    kWantsTransport,  // Event TransportWanted was given
    kAllocating,      // an Allocate request is on its way
    kReady,           // there is an allocation
    kResting,         // trying failed: again at Failed::retry
    kClosing,         // the allocation is being deleted
    kClosed,
  };

  /// `random` and `crypto` must outlive the client. It begins by wanting a transport.
  Client(ClientOptions options, Credentials credentials, Random& random, Crypto& crypto);
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client();

  /// There is a way to the server: a UDP socket, or a connection that is open. Its remote end is the server that
  /// TransportWanted named. An allocation over another way is lost by that (RFC 8656 §3.2: it belongs to a 5-tuple).
  void set_transport(Instant now, const Path& path);
  /// The way is gone: the connection closed, or could not be opened, or the socket is no more.
  void clear_transport(Instant now);
  /// For the next allocation, since one belongs to the name that it was made with (RFC 8656 §5). Tries at once where
  /// the old ones were refused.
  void set_credentials(Instant now, Credentials credentials);
  /// Tries again now, where the client rests.
  void restart(Instant now);
  /// Refreshes the allocation now: its owner has reason to doubt that it still exists. At most one such request is on
  /// its way.
  void check(Instant now);
  /// Deletes the allocation; Event Closed follows within two seconds. Nothing is accepted or sent after that.
  void close(Instant now);

  /// Wants a permission for a peer's address, whatever its port, now and in each later allocation, until forbid().
  /// Error: kTooMany.
  std::expected<void, Error> permit(Instant now, const IpAddress& address);
  void forbid(const IpAddress& address);
  /// Wants a channel to a peer, and a permission for its address, until unbind(), which gives up the channel alone.
  /// Error: kTooMany.
  std::expected<void, Error> bind(Instant now, const Endpoint& peer);
  void unbind(const Endpoint& peer);

  /// Puts what the relay needs around a packet for `peer`: it is then to be sent to the server as it is (by
  /// transport()). Through a channel where there is one, else as a Send indication, which needs up to 48 bytes in front
  /// and 3 behind. Errors: kNotAllocated, kNoPermission, kNoRoom; the packet is as before, and counted.
  std::expected<void, Error> seal(Instant now, const Endpoint& peer, PacketBuffer& packet);
  /// Takes one message from the server. nullopt: it was control. Errors are counted drops: kNotTurn, kTruncated,
  /// kBadChannel, kNotStun, kBadIndication, kUnknownPeer, kUnexpected, kForged.
  std::expected<std::optional<FromPeer>, Error> receive(Instant now, MutableBytes message);
  /// The same where the message has a buffer of its own: the packet is then what the peer sent, and empty for control.
  std::expected<Opened, Error> open(Instant now, PacketBuffer& packet);

  // The contract of core/sans_io.h. handle_input() checks that a datagram comes from the server and takes control
  // messages alone: data of peers is dropped with kPeerData, since receive() and open() hand it over.
  std::expected<void, Error> handle_input(Instant now, const Received& received);
  void handle_timeout(Instant now);
  std::optional<Transmit> poll_transmit(Instant now, MutableBytes buffer);
  std::optional<Event> poll_event();
  Instant next_timeout() const { return next_timeout_; }

  State state() const { return state_; }
  /// Where sealed packets go.
  const Path& transport() const { return path_; }
  /// Our address at the relay, of the family of `peer`; nullopt: there is none.
  std::optional<Endpoint> relayed_for(const IpAddress& peer) const;
  bool has_permission(Instant now, const IpAddress& address) const { return permissions_.is_active(now, address); }
  std::optional<std::uint16_t> channel_for(Instant now, const Endpoint& peer) const {
    return channels_.number_for(now, peer);
  }
  const ClientCounters& counters() const { return counters_; }

 private:
  enum class Kind : std::uint8_t { kAllocate, kRefresh, kDelete, kPermissions, kChannel };
  struct Request {
    Kind kind = Kind::kAllocate;
    stun::TransactionId id{};
    stun::LongTermClient::Attempt attempt{};
    unsigned tries = 0;
    Instant asked_at{};              // when it was first sent in its present form
    std::vector<IpAddress> peers{};  // kPermissions
    Binding binding{};               // kChannel
  };
  struct Allocation {
    std::optional<Endpoint> relayed4;
    std::optional<Endpoint> relayed6;
    Instant expires;
    Instant refresh;
    Instant since;
  };
  using Place = std::vector<Request>::iterator;

  // client.cc: the life of the allocation.
  void allocate(Instant now);
  void want_transport();
  void lose(Instant now, Reason reason);
  void fail(Instant now, Reason reason, std::uint16_t code, Duration rest);
  void fail_for_good(Reason reason, std::uint16_t code);
  void try_again(Instant now);
  void start_over(Instant now);
  bool in_flight(Kind kind) const;
  void forget_allocation();
  void finish_closing();
  Duration backoff();
  void settle(Instant now);
  void ask_for_due(Instant now);
  void emit(Event event);

  // client_requests.cc: requests and what becomes of them.
  void submit(Instant now, Request request);
  void write_body(stun::Builder& builder, const Request& request) const;
  std::expected<void, Error> handle_response(Instant now, const stun::Message& message);
  void repeat(Instant now, Request request);
  void handle_success(Instant now, const Request& request, const stun::Message& message);
  void handle_allocated(Instant now, const Request& request, const stun::Message& message);
  void handle_refreshed(Instant now, const Request& request, const stun::Message& message);
  void handle_error(Instant now, const Request& request, const stun::Message& message, std::uint16_t code);
  void handle_allocate_error(Instant now, const Request& request, const stun::Message& message, std::uint16_t code);
  void handle_mismatch(Instant now);
  void handle_channel_error(Instant now, const Request& request, std::uint16_t code);
  void follow(Instant now, const Request& request, const stun::Message& message);
  void handle_failure(Instant now, const Request& request, Reason reason);
  void handle_refused(Instant now, const Request& request, Reason reason);
  void cancel_requests();

  // client_data.cc: the data path.
  std::expected<std::optional<FromPeer>, Error> take_channel_data(Instant now, MutableBytes message);
  std::expected<std::optional<FromPeer>, Error> take_indication(Instant now, const stun::Message& indication,
                                                                MutableBytes message);
  Error drop(Error error);

  const ClientOptions options_;
  Credentials credentials_;
  Random& random_;
  Crypto& crypto_;

  State state_ = State::kWantsTransport;
  bool connected_ = false;
  Path path_;
  Endpoint home_;  // the remote end that the owner gave: where we go back to from a server that we were sent on to
  std::unique_ptr<stun::LongTermClient> signer_;
  stun::Client stun_;
  stun::Redirects redirects_;
  std::vector<Request> requests_;
  std::optional<Allocation> allocation_;
  Permissions permissions_;
  Channels channels_;

  unsigned failures_ = 0;          // in a row, since an allocation lasted
  unsigned mismatches_ = 0;        // 437 to Allocate in a row
  bool renewed_ = false;           // credentials_ are other ones than those of signer_
  bool channels_refused_ = false;  // a 400 to ChannelBind cost an allocation already
  Reason rest_reason_ = Reason::kNoAnswer;
  Instant retry_ = kNever;
  Instant close_by_ = kNever;
  Instant last_sent_{};
  bool keepalive_due_ = false;
  Instant next_timeout_ = kNever;
  std::deque<Event> events_;
  ClientCounters counters_;
};

}  // namespace bamgate::turn
