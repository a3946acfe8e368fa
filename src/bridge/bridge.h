// Joins the TUN device and the tunnels: an IP packet goes to the peer whose allowed IPs contain its destination; one
// that comes from a peer is let through if its source lies in that peer's allowed IPs (WireGuard paper, §2, §3). Knows
// no transport: what it returns is a WireGuard message and the peer that it is for. Left out: ICMP errors for packets
// without a peer, and carrying ECN marks between inner and outer header (RFC 6040), for which a data channel has no
// place.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "core/counters.h"
#include "core/deadline_index.h"
#include "core/ip_address.h"
#include "core/packet_buffer.h"
#include "core/ring.h"
#include "core/time.h"
#include "wg/allowed_ips.h"
#include "wg/tunnel.h"

namespace bamgate::bridge {

/// A peer, numbered by the bridge's owner.
enum class PeerIndex : std::uint32_t {};

/// One WireGuard message, transport data, for the caller to carry to this peer. It is empty when the packet is held
/// until the tunnel has a session.
struct Outbound {
  PeerIndex peer{};
  PacketBuffer message;
};

enum class Error : std::uint8_t {
  kMalformedPacket,  // from the TUN: no whole IPv4 or IPv6 packet
  kNoPeer,           // from the TUN: no peer has this destination
  kUnknownPeer,      // from a peer that was never added or has been removed
  kWrongSource,      // from a peer: its source address is not one of that peer's
  kRefused,          // the tunnel refused it; its own counters say why
};

inline constexpr auto kDropReasons = std::to_array<DropReason<Error>>({
    {Error::kMalformedPacket, "packets_malformed", "packets from the interface that are no whole IP packets: dropped"},
    {Error::kNoPeer, "packets_no_peer", "packets from the interface to a destination that nobody has: dropped"},
    {Error::kUnknownPeer, "packets_unknown_peer", "messages of a peer that is gone: dropped"},
    {Error::kWrongSource, "packets_wrong_source", "packets of a peer with a source that is not its own: dropped"},
    {Error::kRefused, "packets_tunnel_refused", "packets and messages that WireGuard refused: dropped"},
});

/// A short English name for logs; static storage.
const char* to_string(Error error);

// A packet that waits for a handshake is worth little after a few seconds, and nothing after an outage.
inline constexpr std::size_t kMaxHeld = 128;                   // packets for each peer
inline constexpr auto kMaxHeldTime = std::chrono::seconds(3);  // since the packet came from the TUN

struct Counters {
  std::uint64_t from_tun = 0;       // packets sealed at once or later
  std::uint64_t to_tun = 0;         // packets let through
  std::uint64_t held = 0;           // packets that had to wait for a handshake
  std::uint64_t held_expired = 0;   // of these, dropped after kMaxHeldTime or with their peer
  std::uint64_t held_overflow = 0;  // of these, dropped as the oldest of more than kMaxHeld

  static constexpr auto list() {
    return std::to_array<Counter<Counters>>({
        {"packets_from_tun", "packets sealed for peers", &Counters::from_tun},
        {"packets_to_tun", "packets of peers let through", &Counters::to_tun},
        {"packets_held", "packets that had to wait for a handshake", &Counters::held},
        {"packets_held_expired", "of these dropped: they waited too long, or their peer went", &Counters::held_expired},
        {"packets_held_overflow", "of these dropped: too many waited", &Counters::held_overflow},
    });
  }
  Counters& operator+=(const Counters& other) { return add_counters(*this, other); }
};

/// Not copyable; movable. Tunnels must outlive their entries.
class Bridge {
 public:
  /// An index that is already in use gets the new tunnel; its allowed IPs stay and its held packets are dropped.
  void add_peer(PeerIndex peer, wg::Tunnel& tunnel);
  /// Forgets the peer, its allowed IPs and its held packets.
  void remove_peer(PeerIndex peer);
  /// Replaces the peer's allowed IPs (host bits are ignored). Exactly the same prefix of another peer stays where it
  /// is, so that nobody takes over another's traffic by announcing its addresses later: these are returned, for the
  /// caller to report and to offer again when the other peer is gone. More specific prefixes win, as in any routing
  /// table. A peer that was never added gets none.
  std::vector<IpPrefix> set_allowed_ips(PeerIndex peer, std::span<const IpPrefix> prefixes);
  /// Adds one to them, unless another peer has it: then false.
  bool add_allowed_ip(PeerIndex peer, const IpPrefix& prefix);
  /// Who has exactly this prefix.
  std::optional<PeerIndex> owner(const IpPrefix& prefix) const { return allowed_ips_.find(prefix); }

  /// Seals a packet that was read from the TUN for the peer that it is for. With an empty message: it is held until the
  /// tunnel has a session; a handshake has been started, so drain that tunnel's poll_transmit().
  /// Errors (counted drops): kMalformedPacket, kNoPeer, kRefused.
  std::expected<Outbound, Error> from_tun(Instant now, PacketBuffer packet);
  /// A held packet of this peer that can be sealed now, oldest first; nullopt when there is none. Drain it after
  /// from_peer(). Also lets go of what has waited too long, whoever it is for.
  std::optional<Outbound> poll_held(Instant now, PeerIndex peer);
  /// Gives one WireGuard message, of any type, to its tunnel. Returns the inner packet for the TUN; nullopt when there
  /// is none in it (a handshake message or keepalive). Drain poll_held() and the tunnel afterwards. Errors (counted
  /// drops): kUnknownPeer, kWrongSource, kRefused.
  std::expected<std::optional<PacketBuffer>, Error> from_peer(Instant now, PeerIndex peer, PacketBuffer message);

  const Counters& counters() const { return counters_; }
  /// How many packets were dropped for this reason.
  std::uint64_t drops(Error error) const { return drops_.count(error); }
  const DropCounters<kDropReasons>& drops() const { return drops_; }
  /// Packets that wait now, of all peers.
  std::size_t held() const { return held_; }

 private:
  struct Held {
    PacketBuffer packet;
    Instant since;
  };
  struct Peer {
    wg::Tunnel* tunnel = nullptr;
    std::vector<IpPrefix> prefixes;  // those that it has in allowed_ips_
    Ring<Held> held;
    DeadlineSlot expiry{};  // in expiries_
  };

  std::unexpected<Error> drop(Error error);
  void hold(Instant now, Peer& peer, PacketBuffer packet);
  void drop_held(Peer& peer);
  void expire_held(Instant now);
  void schedule_expiry(Peer& peer);
  std::optional<PacketBuffer> pop_sealed(Instant now, Peer& peer);

  std::map<PeerIndex, Peer> peers_;
  wg::AllowedIps<PeerIndex> allowed_ips_;
  DeadlineIndex<PeerIndex> expiries_;  // when the oldest held packet of each has waited too long
  std::size_t held_ = 0;
  Counters counters_;
  DropCounters<kDropReasons> drops_;
};

}  // namespace bamgate::bridge
