// One WireGuard peer: handshakes, sessions, timers, and the sealing of packets (WireGuard paper, Donenfeld 2020).
// Knows no address and no transport: whoever owns it carries its messages, each one whole, to and from the peer.
// Simultaneous initiations: a side that has initiated answers the other's initiation too and keeps its own going, so
// both complete within one round trip (the paper leaves this to the retransmission's jitter).
// Being under load (paper §5.3) and endpoints that move (§2.1) are not one peer's matter: see Device.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <variant>

#include "core/counters.h"
#include "core/packet_buffer.h"
#include "core/random.h"
#include "core/ring.h"
#include "core/sans_io.h"
#include "core/time.h"
#include "core/transmit.h"
#include "wg/cookie.h"
#include "wg/error.h"
#include "wg/handshake.h"
#include "wg/index_table.h"
#include "wg/keypair.h"
#include "wg/keys.h"
#include "wg/messages.h"
#include "wg/tai64n.h"
#include "wg/timers.h"

namespace bamgate::wg {

/// A session stands: data can be sealed. The responder's side reports it when the initiator's first message proves it.
struct HandshakeCompleted {
  bool initiator = false;
};
/// Nobody answered for REKEY_ATTEMPT_TIME. The next packet, or initiate(), starts again.
struct HandshakeFailed {};
/// The session that data was sealed with has reached REJECT_AFTER_TIME and has no successor. Normal on an idle tunnel:
/// the next packet starts a handshake.
struct SessionExpired {};

using Event = std::variant<HandshakeCompleted, HandshakeFailed, SessionExpired>;

// Linux: no more than 50 initiations a second are taken from one peer, however fresh their timestamps.
inline constexpr auto kInitiationInterval = std::chrono::milliseconds(1000 / 50);

/// What a tunnel drops, by reason.
inline constexpr auto kTunnelDrops = std::to_array<DropReason<Error>>({
    {Error::kBadKey, "wg_bad_key", "handshakes with a public key that is no key: dropped"},
    {Error::kWrongSize, "wg_wrong_size", "WireGuard messages of a wrong size: dropped"},
    {Error::kUnknownType, "wg_unknown_type", "messages that are not WireGuard's: dropped"},
    {Error::kNotControl, "wg_not_control", "WireGuard data where a handshake was expected: dropped"},
    {Error::kNotData, "wg_not_data", "WireGuard messages that should be data and are not: dropped"},
    {Error::kBadMac1, "wg_bad_mac1", "handshakes of somebody who does not know our key: dropped"},
    {Error::kUnknownIndex, "wg_unknown_index", "WireGuard messages of a session that we do not have: dropped"},
    {Error::kBadTag, "wg_bad_tag", "WireGuard messages that are forged, damaged or sealed with another key: dropped"},
    {Error::kWrongPeer, "wg_wrong_peer", "handshakes with another key than the peer's: dropped"},
    {Error::kReplayedInitiation, "wg_replayed_initiation", "handshakes that came twice, or of a clock behind: dropped"},
    {Error::kFlooded, "wg_flooded", "handshakes that came too fast: dropped"},
    {Error::kReplayed, "wg_replayed", "WireGuard messages that came twice or far too late: dropped"},
    {Error::kExpiredKeypair, "wg_expired_keypair", "WireGuard messages of a session that is too old: dropped"},
    {Error::kMalformedPacket, "wg_malformed_packet", "WireGuard messages without an IP packet inside: dropped"},
    {Error::kNoRoom, "wg_no_room", "packets that were too long to be sealed: dropped"},
});
static_assert(static_cast<std::size_t>(Error::kNoKeypair) == kTunnelDrops.size(), "the rest are no drops of a tunnel");
using TunnelDrops = DropCounters<kTunnelDrops>;

struct TunnelCounters {
  std::uint64_t handshakes = 0;         // completed
  std::uint64_t handshakes_failed = 0;  // given up after REKEY_ATTEMPT_TIME without an answer
  std::uint64_t responses_unsent = 0;   // answers that could not leave in time
  std::uint64_t dropped_events = 0;     // nobody polled: the oldest of more than a caller may leave

  static constexpr auto list() {
    return std::to_array<Counter<TunnelCounters>>({
        {"wg_handshakes", "handshakes completed", &TunnelCounters::handshakes},
        {"wg_handshakes_failed", "handshakes that nobody answered", &TunnelCounters::handshakes_failed},
        {"wg_responses_unsent", "answers to handshakes that could not leave in time: dropped",
         &TunnelCounters::responses_unsent},
        {"wg_dropped_events", "events that found a full queue: dropped", &TunnelCounters::dropped_events},
    });
  }
  TunnelCounters& operator+=(const TunnelCounters& other) { return add_counters(*this, other); }
};

/// What became of a message that was authentic, fresh and sealed by the peer.
struct Opened {
  bool keepalive = false;  // it carried no packet
};

/// Satisfies SansIo and DataPath. Movable; `random` must outlive it.
class Tunnel {
 public:
  using Error = wg::Error;
  using Event = wg::Event;
  using Opened = wg::Opened;

  struct Options {
    PrivateKey local;
    PublicKey remote;
    std::optional<PresharedKey> preshared = std::nullopt;  // none: 32 zero bytes, as the paper asks for
    std::optional<std::chrono::seconds> persistent_keepalive = std::nullopt;  // none or zero: off
    WallClock clock;                                                          // what TAI64N stamps are made from
    std::optional<std::size_t> mtu = std::nullopt;  // bytes of an inner packet that padding never exceeds; none: any
    std::shared_ptr<IndexTable> indices = nullptr;  // of all tunnels on one transport; none: a table of its own
    PeerId id{};                                    // its name in that table
    KeyLog* key_log = nullptr;                      // outlives the tunnel; none: no key leaves it
    std::uint64_t first_counter = 0;  // of each session's first message; for tests that have to reach the last ones
  };

  /// Prepares a tunnel that waits: nothing is sent before initiate(), seal() or a message of the peer.
  /// Errors: kBadKey when the shared secret of both static keys is all zero.
  static std::expected<Tunnel, Error> create(const Options& options, Random& random);

  /// Starts a handshake at once, also when one is running or was started less than REKEY_TIMEOUT ago: for the moment
  /// when the data channel opens, since whatever was sent before is lost.
  void initiate(Instant now);

  /// Takes a handshake initiation, response, cookie reply or keepalive. An error is a counted drop and changed nothing.
  /// Errors: kWrongSize, kUnknownType, kNotControl (untouched), kBadMac1, kUnknownIndex, kBadTag, kWrongPeer, kBadKey,
  /// kReplayedInitiation, kFlooded, kReplayed, kExpiredKeypair. For a batch (stride) the last error is returned.
  std::expected<void, Error> handle_input(Instant now, const Received& received);
  /// Takes an initiation that its receiver has opened, after checking its MACs, to find out that it is for this tunnel.
  /// Errors (counted drops): kWrongPeer, kBadTag, kBadKey, kReplayedInitiation, kFlooded.
  std::expected<void, Error> accept_initiation(Instant now, ReceivedInitiation received);
  /// Runs the timers of paper §6 that are due.
  void handle_timeout(Instant now);
  /// Writes the next handshake message or keepalive (148 bytes at most). `path` of the result is empty. A buffer that
  /// is too small yields nullopt and the message stays.
  std::optional<Transmit> poll_transmit(Instant now, MutableBytes buffer);
  std::optional<Event> poll_event();
  Instant next_timeout() const { return timers_.next(); }

  /// Turns an inner IP packet into a transport message in place: 16 bytes more in front, up to 31 behind (zero padding
  /// to a multiple of 16 bytes, and the tag). Paper §5.4.6. Errors: kNoKeypair (untouched; a handshake has been
  /// started), kNoRoom, kMalformedPacket (empty).
  std::expected<void, Error> seal(Instant now, PacketBuffer& packet);
  /// Turns a transport message into the inner IP packet in place, padding cut off by the IP header's length; empty for
  /// a keepalive. Whether its source address is one of the peer's is for the caller to check. Errors (counted drops):
  /// kWrongSize, kNotData, kUnknownIndex, kExpiredKeypair, kReplayed, kBadTag, kMalformedPacket. After kBadTag and
  /// kMalformedPacket the content is undefined.
  std::expected<Opened, Error> open(Instant now, PacketBuffer& message);
  /// True when seal() would find a session.
  bool can_seal(Instant now) const { return keypairs_.sending(now) != nullptr; }

  /// Forgets sessions, running handshakes, cookie and timers, for when the peer is known to have started afresh. Keeps
  /// the greatest timestamp, so old initiations stay refused, and the statistics.
  void reset(Instant now);
  /// Replaces the clock that stamps are made from, as when the system's clock was set. Stamps never go back all the
  /// same.
  void set_clock(WallClock clock) { stamps_.set_clock(clock); }

  const PublicKey& remote() const { return identity_.remote; }
  /// Bytes of whole authenticated messages in, of all messages out.
  std::uint64_t rx_bytes() const { return rx_bytes_; }
  std::uint64_t tx_bytes() const { return tx_bytes_; }
  /// When the last handshake completed; nullopt before the first.
  std::optional<Instant> last_handshake() const { return last_handshake_; }
  std::uint64_t handshakes() const { return counters_.handshakes; }
  const TunnelCounters& counters() const { return counters_; }
  /// How many messages (or packets to seal, for kNoRoom) were dropped for this reason.
  std::uint64_t drops(Error error) const { return drops_.count(error); }
  /// All drops together.
  std::uint64_t drops() const { return drops_.total(); }
  const TunnelDrops& drops_by_reason() const { return drops_; }

 private:
  struct PendingInitiation {
    InitiatorHandshake state;
    IndexLease lease;
  };
  struct PendingResponse {
    std::array<std::byte, kResponseSize> message;
    Instant made;
  };

  Tunnel(Identity identity, const Options& options, Random& random);

  std::expected<void, Error> handle_message(Instant now, MutableBytes message);
  std::expected<void, Error> handle_initiation(Instant now, Bytes message);
  std::expected<void, Error> answer_initiation(Instant now, ReceivedInitiation received);
  std::expected<void, Error> handle_response(Instant now, Bytes message);
  std::expected<void, Error> handle_cookie_reply(Instant now, Bytes message);
  std::expected<MutableBytes, Error> open_in_place(Instant now, MutableBytes message);
  void after_authentic_data(Instant now, Keypair& keypair, std::size_t size, bool keepalive);
  void complete_handshake(Instant now, bool initiator);

  void request_handshake(Instant now);
  std::optional<Transmit> send_response(Instant now, MutableBytes buffer);
  std::optional<Transmit> send_initiation(Instant now, MutableBytes buffer);
  std::optional<Transmit> send_keepalive(Instant now, MutableBytes buffer);
  Transmit sent(Instant now, std::size_t size);
  std::size_t padding_of(std::size_t size) const;
  void seal_with(Keypair& keypair, MutableBytes message);
  void refresh_after_send(Instant now, const Keypair& keypair);
  IndexLease draw_index() { return IndexLease::draw(indices_, id_, *random_); }
  std::unique_ptr<Keypair> make_keypair(Instant now, TransportKeys keys, IndexLease lease, bool initiator) const;
  void drop(Error error) { drops_.add(error); }
  void push_event(Event event);

  Identity identity_;
  Random* random_;
  std::shared_ptr<IndexTable> indices_;
  PeerId id_;
  std::optional<std::size_t> mtu_;
  std::uint64_t first_counter_;
  StampSource stamps_;
  Macs macs_;
  Timers timers_;
  Keypairs keypairs_;
  std::optional<PendingInitiation> handshake_;  // our initiation that waits for its response
  std::optional<PendingResponse> response_;     // our answer that waits for poll_transmit()
  bool initiation_wanted_ = false;
  bool keepalive_wanted_ = false;
  std::optional<Instant> last_initiation_;
  std::optional<Tai64n> greatest_stamp_;
  std::optional<Instant> last_answered_;  // when the last initiation of the peer was taken
  Ring<Event> events_;

  std::uint64_t rx_bytes_ = 0;
  std::uint64_t tx_bytes_ = 0;
  std::optional<Instant> last_handshake_;
  TunnelCounters counters_;
  TunnelDrops drops_;
};

}  // namespace bamgate::wg
