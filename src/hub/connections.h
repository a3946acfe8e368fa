// The WebSockets of GET /connect: each belongs to the device of its access token, must join in time, keeps to its pace,
// and says nothing in another's name (protocol.md, "Signaling").
//
//   open -> joined -> gone      The first message that counts is a join; a later join on the same connection says anew
//     \-----------------/       who one is. Every violation closes, and then the connection is forgotten at once.
// Left out: the WebSockets of GET /turn (relay.h), whose messages are binary.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/deadline_index.h"
#include "core/time.h"
#include "hub/authentication.h"
#include "hub/context.h"
#include "hub/devices.h"
#include "hub/effect.h"
#include "hub/http.h"
#include "hub/options.h"
#include "hub/rate_limit.h"
#include "hub/relay.h"
#include "hub/room.h"
#include "json/value.h"
#include "signaling/message.h"

namespace bamgate::hub {

/// A connection that does not join within this time is closed with 4400.
inline constexpr Duration kJoinTimeout = std::chrono::seconds(10);
/// Connections that are open at one time, joined or not. A device has at most two: one joined, one about to.
inline constexpr std::size_t kMaxConnections = 4096;
/// The same from one client (client.h).
inline constexpr std::size_t kMaxConnectionsOfClient = 2048;
/// What may wait of one connection that sends more than 200 messages a second; beyond it is closed with 4429.
inline constexpr std::size_t kMaxWaiting = 2000;
inline constexpr std::size_t kMaxWaitingBytes = 1024 * 1024;

class Connections {
 public:
  /// `context` and `relay` must outlive this object.
  Connections(Context& context, Relay& relay) : context_(context), relay_(relay), room_(context.effects) {}

  /// The upgrade was granted to `login`; nullopt: the connection counts as open. Otherwise the reply to give: 429.
  /// `client` as client_key() says it.
  std::optional<HttpReply> open(Instant now, ConnectionId id, const Login& login, const std::string& client);
  void on_text(Instant now, UnixTime unix_now, ConnectionId id, std::string_view text);
  /// Nothing binary is understood here: closes with 4400.
  void on_binary(Instant now, UnixTime unix_now, ConnectionId id);
  void on_close(Instant now, UnixTime unix_now, ConnectionId id);
  void on_sent(Instant now, UnixTime unix_now, ConnectionId id);
  void handle_timeout(Instant now, UnixTime unix_now);
  Instant next_timeout() const;

  /// Tells all others that `keys` of `device` are worth nothing any more, and closes what it has open, with 4410.
  void revoke(Instant now, UnixTime unix_now, const Device& device, const std::vector<std::string>& keys,
              std::string_view reason);

  /// Closes what a device of this old name has open, with 4401: it comes again, and its new name with it. The others
  /// hear that the old name has left.
  void rename(Instant now, UnixTime unix_now, const Device& device);

  bool is_online(std::string_view name) const { return room_.contains(name); }
  std::size_t peers() const { return room_.size(); }

 private:
  struct Connection {
    std::string device_id;
    std::string name;
    std::string client;
    std::string public_key;  // after the join
    UnixTime expires_at;     // of the access token
    bool joined = false;
    Instant join_deadline = kNever;
    MessageRate rate;
    std::deque<std::string> waiting;  // messages over the pace
    std::size_t waiting_bytes = 0;
    DeadlineSlot slot{};  // in deadlines_
  };
  using Map = std::map<ConnectionId, Connection>;

  void process(Instant now, UnixTime unix_now, Map::iterator at, std::string_view text);
  void join(Instant now, UnixTime unix_now, Map::iterator at, signaling::PeerInfo self);
  bool check_identity(Instant now, UnixTime unix_now, Map::iterator at, const Device& device,
                      signaling::PeerInfo& self);
  bool bind_key(Instant now, UnixTime unix_now, Map::iterator at, const Device& device, const std::string& public_key);
  void forward(Instant now, UnixTime unix_now, Map::iterator at, json::Value message, const std::string& to,
               const std::string& public_key);
  void delay(Instant now, UnixTime unix_now, Map::iterator at, std::string_view text);
  void process_waiting(Instant now, UnixTime unix_now, ConnectionId id);
  /// Closes, and tells the others when the peer is gone with it.
  void close(Instant now, UnixTime unix_now, Map::iterator at, CloseCode code, std::string_view reason);
  void close_all_of(Instant now, UnixTime unix_now, const Device& device, CloseCode code, std::string_view reason);
  /// Closes what another connection of the same device replaces: the others hear nothing.
  void end(Map::iterator at, CloseCode code, std::string_view reason);
  void announce_close(Map::iterator at, CloseCode code, std::string_view reason);
  void forget(Instant now, UnixTime unix_now, Map::iterator at);
  void erase(Map::iterator at);
  void schedule(Map::iterator at);

  Context& context_;
  Relay& relay_;
  Room room_;
  Map connections_;
  std::map<std::string, ConnectionId> unjoined_;     // by device id
  std::map<std::string, std::size_t> from_clients_;  // connections of each client; none is 0
  DeadlineIndex<ConnectionId> deadlines_;            // when each must have joined, or may say what waits
};

}  // namespace bamgate::hub
