// One attempt to connect to one peer, and what comes of it: a PeerConnection on the sockets of the device, its data
// channel, and the signs of life. It is never revived: whatever fails is replaced by a new attempt. While it lives, an
// ICE restart finds it a new path. Left out: when to ask for a restart.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/counters.h"
#include "agent/shared.h"
#include "agent/status.h"
#include "core/timer_table.h"

namespace bamgate::agent {

class Attempt {
 public:
  /// Data was sent and nothing authenticated came back for so long, not even DTLS: the session is dead.
  static constexpr auto kSilence = std::chrono::seconds(15);
  /// Data was sent and WireGuard heard nothing for so long, though DTLS did: the tunnel is dead. A live one says
  /// something every 10 s (its keepalive), and not all of that is lost.
  static constexpr auto kTunnelSilence = std::chrono::seconds(60);

  enum class Role : std::uint8_t {
    kOffers,         // the offer is ours
    kAnswers,        // the offer is the peer's
    kAnswersPassive  // likewise, and where the offer leaves us the choice the peer is the DTLS client
  };

  /// It stands in the node's directory as long as it lives, and begins with the candidates that the node has.
  Attempt(Instant now, Shared& shared, Role role);
  Attempt(const Attempt&) = delete;
  Attempt& operator=(const Attempt&) = delete;
  /// What it counted is added to Shared::ended.
  ~Attempt();

  /// Ends the connection and leaves its last words among the farewells.
  void say_goodbye(Instant now);

  // ICE restart, with all that the node knows by then; see peer::PeerConnection.

  /// The offer to send. While an offer of ours is unanswered, the same once more.
  std::expected<std::string, peer::Error> restart(Instant now);
  /// A later offer of this connection, which is_own(); the answer to send.
  std::expected<std::string, peer::Error> accept_later_offer(Instant now, std::string_view sdp);
  /// The answer to our offer to restart. An error ends the restart and nothing else.
  std::expected<void, peer::Error> accept_restart_answer(Instant now, std::string_view sdp);
  /// Whether a description that comes while this attempt lives is of its session, and not of a new one.
  bool is_own(const peer::Description& remote) const { return connection_.is_same_association(remote); }
  bool awaits_restart_answer() const { return connection_.awaits_restart_answer(); }
  /// A restart is under way, offered by whichever side.
  bool is_restarting() const { return connection_.is_restarting(); }

  /// What the node has found since.
  void learn(Instant now, const Node::Event& event);

  /// True when no data can travel on what this attempt has: the socket of the selected path is gone with its address,
  /// or its remote address is routed into the tunnel now; and while there is no path yet, when all sockets that it had
  /// are gone. Not so while a restart is under way, which finds another path or fails.
  bool is_stale() const;

  /// ICE forgets the sockets that are gone; for an attempt that is not stale.
  void forget_gone_sockets(Instant now);

  /// One STUN datagram; when ICE takes it, its path may be this attempt's own now.
  void handle_stun(Instant now, const Received& received);
  /// Any other. False: it is not ours, or of no use.
  bool handle_record(Instant now, const Received& received);
  std::optional<Transmit> poll_transmit(Instant now, MutableBytes buffer);
  /// What became of the connection. Whoever owns the attempt takes events here, and not from the connection.
  std::optional<peer::PeerConnection::Event> poll_event();

  /// The channel over which messages go from now on.
  void set_channel(sctp::ChannelId channel) { channel_ = channel; }
  std::optional<sctp::ChannelId> channel() const { return channel_; }

  /// Carries one WireGuard message, after those that wait there for SCTP's window. Dropped when there is no channel.
  void send(Instant now, PacketBuffer message);
  /// Carries a handshake or keepalive, behind a full window like the rest. It does not count as unanswered data: a
  /// keepalive asks for no answer, and a handshake without one is WireGuard's own business.
  void send_control(Instant now, Bytes message);
  /// A message came on another channel than that.
  void note_stray() { ++counters_.messages_no_channel; }
  /// WireGuard has authenticated a message of the peer.
  void note_heard();
  /// Why the session counts as dead; nullopt while it does not.
  std::optional<std::string_view> check_silence(Instant now);

  AttemptId id() const { return id_; }
  bool offers() const { return offers_; }
  /// DTLS has authenticated the peer.
  bool is_secured() const { return connection_.state() >= peer::State::kAssociating; }
  /// Our offer is out, and no answer has come.
  bool awaits_answer() const { return offers_ && connection_.remote_ufrag().empty(); }
  peer::PeerConnection& connection() { return connection_; }
  const peer::PeerConnection& connection() const { return connection_; }
  Instant next_timeout() const { return std::min(connection_.next_timeout(), timers_.next()); }
  /// Its own, and those of the layers below.
  AttemptCounters counters() const;

 private:
  enum class Timer : std::uint8_t { kSilence, kTunnelSilence, kCount };

  void learn_all(Instant now);
  void learn_anew(Instant now);
  void update_directory();
  bool heard_since_armed() const;
  void note_sent(Instant now);

  Shared& shared_;
  AttemptId id_;
  bool offers_;
  peer::PeerConnection connection_;
  std::vector<SocketId> sockets_;  // that it may use, those of relays included
  std::optional<sctp::ChannelId> channel_;
  TimerTable<Timer> timers_;
  ChannelCounters counters_;
};

}  // namespace bamgate::agent
