// One other device of the network as this one sees it: its WireGuard tunnel, which lives as long as the device is
// known, and its present connection, which is replaced whenever it fails. All transitions between the states stand in
// peer.cc.
//
//   kAway        the hub does not list it and nothing connects us
//   kWaiting     it is there, but nothing runs now: a retry is due later, or its offer is awaited
//   kConnecting  an attempt is under way: descriptions, ICE, DTLS, SCTP
//   kOpen        the data channel is open, WireGuard shakes hands in it
//   kConnected   packets flow
//
// Left out: ICE restart; a fresh connection with fresh sockets takes its place.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/effect.h"
#include "agent/restart_policy.h"
#include "agent/send_queue.h"
#include "agent/status.h"
#include "bridge/bridge.h"
#include "core/timer_table.h"
#include "peer/peer_connection.h"
#include "signaling/message.h"
#include "wg/tunnel.h"

namespace bamgate::agent {

/// What all peers of one agent share; everything in it outlives them.
struct Shared {
  std::string self;        // our device name
  std::string public_key;  // ours, as the hub knows it
  Random& random;
  Crypto& crypto;
  BufferPool& pool;
  sctp::EngineFactory& sctp;
  bridge::Bridge& bridge;
  std::shared_ptr<const dtls::Certificate> certificate;
  std::vector<Endpoint> stun_servers;
  std::vector<IpPrefix> excluded;
  sctp::ChannelOptions channel;  // the one data channel of a pair of devices
  wg::WallClock clock;
  bool allow_loopback = false;
  std::uint32_t next_attempt = 1;

  UnixTime unix_time(Instant now) const {
    return {clock.unix.seconds + std::chrono::duration_cast<std::chrono::seconds>(now - clock.at).count()};
  }

  // Outputs, drained by the agent.
  std::deque<Effect> effects;
  std::deque<signaling::Message> messages;
  std::deque<std::pair<Transmit, PacketBuffer>> farewells;  // last datagrams of connections that are gone
};

enum class PeerState : std::uint8_t { kAway, kWaiting, kConnecting, kOpen, kConnected };

class Peer {
 public:
  /// Without an answer and a working path after this time an attempt is given up.
  static constexpr auto kAttemptTime = std::chrono::seconds(30);
  /// Data was sent and nothing authenticated came back for so long, not even DTLS: the session is dead.
  static constexpr auto kSilence = std::chrono::seconds(15);
  /// Data was sent and WireGuard heard nothing for so long, though DTLS did: the tunnel is dead. A live one says
  /// something every 10 s (its keepalive), and not all of that is lost.
  static constexpr auto kTunnelSilence = std::chrono::seconds(60);
  /// The offerer starts WireGuard's handshake; when none is complete after this time the other side tries too.
  static constexpr auto kHandshakePatience = std::chrono::seconds(3);

  Peer(Shared& shared, bridge::PeerIndex index, signaling::PeerInfo info, wg::Tunnel tunnel);
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;
  ~Peer();

  // What the hub says.
  void handle_present(Instant now, signaling::PeerInfo info);
  void handle_left(Instant now);
  void handle_offer(Instant now, const signaling::Offer& offer);
  void handle_answer(Instant now, const signaling::Answer& answer);
  void handle_candidate(Instant now, const signaling::IceCandidate& candidate);

  // What the sockets say.
  void add_socket(Instant now, AttemptId attempt, SocketId socket, const Endpoint& base);
  void complete_sockets(Instant now, AttemptId attempt);
  void add_stun_server(Instant now, const Endpoint& server);
  void handle_datagram(Instant now, const Received& received);

  /// Carries one WireGuard message over the data channel, after those that wait for SCTP's window. It is dropped when
  /// there is no channel.
  void send(Instant now, PacketBuffer message);
  /// Ends the connection and tells the peer so.
  void disconnect(Instant now, std::string_view why);

  void handle_timeout(Instant now);
  /// The next datagram of the present connection.
  std::optional<Transmit> poll_transmit(Instant now, MutableBytes buffer);
  Instant next_timeout() const;
  /// Moves messages between connection, tunnel and bridge until all are idle. Called after everything that may change
  /// them, also from_tun().
  void pump(Instant now);

  bridge::PeerIndex index() const { return index_; }
  const signaling::PeerInfo& info() const { return info_; }
  const wg::PublicKey& key() const { return tunnel_.remote(); }
  PeerState state() const { return state_; }
  std::optional<AttemptId> attempt() const { return attempt_; }
  PeerStatus status(Instant now) const;
  const peer::PeerConnection* connection() const { return connection_.get(); }
  /// WireGuard messages that found no channel or waited too long.
  std::uint64_t dropped_sends() const { return dropped_sends_ + queue_.dropped(); }

 private:
  enum class Timer : std::uint8_t { kAttempt, kRetry, kHandshake, kSilence, kTunnelSilence, kCount };
  struct EarlyCandidate {
    std::string ufrag;
    std::string line;
  };

  bool is_offerer() const;
  const char* state_name() const;
  void enter(PeerState state);
  void start_attempt(Instant now);
  void make_connection(Instant now, bool offerer);
  void drop_connection(Instant now, bool tell_peer);
  void retry_later(Instant now, std::string_view why);
  void apply_early_candidates(Instant now);
  bool pump_connection(Instant now);
  bool pump_tunnel(Instant now);
  void handle_event(Instant now, peer::PeerConnection::Event event);
  void handle_message(Instant now, PacketBuffer message);
  void open_tunnel(Instant now, sctp::ChannelId channel);
  void send_control(Instant now, Bytes message);
  void send_queued(Instant now);
  void note_sent(Instant now);
  void note_heard();
  bool heard_since_armed() const;
  void handle_timers(Instant now);
  void notice(NoticeLevel level, std::string text);

  Shared& shared_;
  bridge::PeerIndex index_;
  signaling::PeerInfo info_;
  wg::Tunnel tunnel_;
  PeerState state_ = PeerState::kWaiting;
  bool present_ = true;  // the hub lists it
  bool was_connected_ = false;
  std::unique_ptr<peer::PeerConnection> connection_;
  std::optional<AttemptId> attempt_;
  std::optional<sctp::ChannelId> channel_;
  std::vector<EarlyCandidate> early_candidates_;
  RestartPolicy policy_;
  TimerTable<Timer> timers_;
  std::optional<Instant> connected_since_;
  SendQueue queue_;
  std::uint64_t dropped_sends_ = 0;
};

}  // namespace bamgate::agent
