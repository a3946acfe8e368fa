// Many peers on one transport, as on one UDP socket (paper §2.1, §5.3, §5.4): finds the peer of a message by its
// receiver index, or by the static key inside an initiation; lets a peer's endpoint follow its authentic messages;
// and under load asks for cookies and limits handshakes for each source address. Each peer is a Tunnel.
// Left out: which inner addresses belong to whom, and packets that wait for a handshake: bridge does both.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <expected>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "core/deadline_index.h"
#include "core/endpoint.h"
#include "core/packet_buffer.h"
#include "core/random.h"
#include "core/sans_io.h"
#include "core/time.h"
#include "core/transmit.h"
#include "wg/cookie.h"
#include "wg/error.h"
#include "wg/index_table.h"
#include "wg/keys.h"
#include "wg/rate_limiter.h"
#include "wg/tunnel.h"

namespace bamgate::wg {

/// What became of one peer's connection.
struct PeerEvent {
  PeerId peer{};
  Event event;
};

/// A message of transport data that was authentic and fresh, and whose it was.
struct PeerOpened {
  PeerId peer{};
  bool keepalive = false;  // it carried no packet
};

/// Satisfies SansIo. Movable; `random` must outlive it.
class Device {
 public:
  using Error = wg::Error;
  using Event = PeerEvent;

  struct Options {
    PrivateKey local;
    WallClock clock;            // what TAI64N stamps are made from
    KeyLog* key_log = nullptr;  // outlives the device; none: no key leaves it
  };
  struct PeerOptions {
    PublicKey remote;
    std::optional<PresharedKey> preshared = std::nullopt;
    std::optional<std::chrono::seconds> persistent_keepalive = std::nullopt;  // none or zero: off
    std::optional<Path> endpoint = std::nullopt;                              // none: the peer has to come to us first
    std::optional<std::size_t> mtu = std::nullopt;
  };

  Device(const Options& options, Random& random);

  /// Errors: kPeerExists, kBadKey (leads to an all-zero secret, or is our own).
  std::expected<PeerId, Error> add_peer(const PeerOptions& options);
  /// Forgets the peer, its keys and its indices. False when there is none.
  bool remove_peer(PeerId peer);
  /// nullptr when there is none; valid until the peer is removed.
  const Tunnel* tunnel(PeerId peer) const;
  std::optional<PeerId> find(const PublicKey& remote) const;
  std::size_t peers() const { return peers_.size(); }

  /// Where messages to the peer go; nullopt when nobody knows.
  std::optional<Path> endpoint(PeerId peer) const;
  /// Sends there from now on, until an authentic message comes from elsewhere.
  void set_endpoint(PeerId peer, const Path& endpoint);
  /// Starts a handshake at once: see Tunnel::initiate(). Nothing happens without such a peer.
  void initiate(Instant now, PeerId peer);
  /// Replaces the clock that stamps are made from, for all peers.
  void set_clock(WallClock clock);

  /// True: under load whatever its own measure (LoadMeter) says, for a caller that knows better.
  void set_under_load(bool under_load) { told_under_load_ = under_load; }
  bool under_load(Instant now) const { return told_under_load_ || load_.under_load(now); }

  /// Takes a handshake initiation, response, cookie reply or keepalive. An error is a counted drop and changed nothing
  /// of any peer. Errors: those of Tunnel::handle_input(), kUnknownPeer, kUnderLoad, kRateLimited. For a batch (stride)
  /// the last error is returned.
  std::expected<void, Error> handle_input(Instant now, const Received& received);
  void handle_timeout(Instant now);
  /// Writes the next cookie reply, handshake message or keepalive; `buffer` holds at least kInitiationSize bytes, or
  /// nothing is written.
  std::optional<Transmit> poll_transmit(Instant now, MutableBytes buffer);
  std::optional<Event> poll_event();
  Instant next_timeout() const { return deadlines_.next(); }

  /// Tunnel::seal() for this peer; returns where to send the message. Errors: those of Tunnel::seal(), kUnknownPeer,
  /// kNoEndpoint (untouched).
  std::expected<Path, Error> seal(Instant now, PeerId peer, PacketBuffer& packet);
  /// Tunnel::open() for the peer that the message's receiver index names. Whether the source address inside is one of
  /// the peer's is for the caller to check (AllowedIps). Errors (counted drops): those of Tunnel::open().
  std::expected<PeerOpened, Error> open(Instant now, const Path& from, PacketBuffer& message);

  /// How many messages were dropped for this reason, whoever sent them; each tunnel counts its own as well.
  std::uint64_t drops(Error error) const { return drops_[static_cast<std::size_t>(error)]; }
  /// All drops together.
  std::uint64_t drops() const;
  /// Cookie replies that were made, and those that were not because kMaxReplies others waited.
  std::uint64_t cookie_replies() const { return cookie_replies_; }
  std::uint64_t suppressed_replies() const { return suppressed_replies_; }
  const RateLimiter& limiter() const { return limiter_; }
  const IndexTable& indices() const { return *indices_; }

  // A stranger can ask for cookie replies as fast as it sends; what the transport does not take at once is not worth
  // keeping.
  static constexpr std::size_t kMaxReplies = 64;
  // Events are few; a caller that never polls them must not make memory grow.
  static constexpr std::size_t kMaxEvents = 1024;

 private:
  struct Peer {
    Tunnel tunnel;
    std::optional<Path> endpoint;
    DeadlineSlot slot;   // in deadlines_
    bool ready = false;  // it stands in ready_
  };
  using PeerMap = std::map<PeerId, Peer>;
  struct Reply {
    Path path;
    CookieReplyMessage message;
  };

  std::expected<void, Error> handle_message(Instant now, const Path& from, MutableBytes message);
  std::expected<void, Error> handle_initiation(Instant now, const Path& from, Bytes message);
  std::expected<void, Error> pass_on(Instant now, const Path& from, MutableBytes message, std::size_t index_offset);
  std::expected<void, Error> admit(Instant now, const Path& from, Bytes message);
  void offer_cookie(Instant now, const Path& from, Bytes message);
  Transmit send_reply(MutableBytes buffer);
  PeerMap::iterator owner_of(Bytes message, std::size_t index_offset);
  void touch(PeerMap::value_type& entry);
  void schedule(PeerMap::value_type& entry);
  void take_events(PeerMap::value_type& entry);
  std::unexpected<Error> drop(Error error);

  PrivateKey local_;
  PublicKey local_public_;
  WallClock clock_;
  KeyLog* key_log_;
  Random* random_;
  CookieChecker checker_;
  RateLimiter limiter_;
  LoadMeter load_;
  bool told_under_load_ = false;

  std::shared_ptr<IndexTable> indices_ = std::make_shared<IndexTable>();
  PeerMap peers_;
  std::map<PublicKey, PeerId> by_key_;
  std::uint32_t last_id_ = 0;
  DeadlineIndex<PeerId> deadlines_;
  std::vector<PeerId> ready_;  // peers that may have something to send
  std::deque<Reply> replies_;
  std::deque<Event> events_;

  std::array<std::uint64_t, kErrorCount> drops_{};
  std::uint64_t cookie_replies_ = 0;
  std::uint64_t suppressed_replies_ = 0;
};

}  // namespace bamgate::wg
