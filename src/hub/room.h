// The devices that are connected now: who they are, how to reach them, and what each of them is told about the others
// (protocol.md, "Signaling"). A hub has one room. It pushes effects; who may join is decided in connections.h.
#pragma once

#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hub/effect.h"
#include "signaling/message.h"

namespace bamgate::hub {

class Room {
 public:
  /// `effects` must outlive the room.
  explicit Room(std::deque<Effect>& effects) : effects_(effects) {}

  /// Tells the newcomer of all others and of `revoked`, and the others of the newcomer. Returns the connection that it
  /// replaces, if another one held the place; that one is told nothing here. Needs fits_in_list(self).
  std::optional<ConnectionId> join(ConnectionId connection, signaling::PeerInfo self,
                                   std::vector<signaling::PeerRevoked> revoked);
  /// Takes the peer out and tells the others; nothing when `connection` does not hold the place (any more).
  void leave(std::string_view peer_id, ConnectionId connection);
  /// Sends `text` to one peer; false when it is not there.
  bool forward(std::string_view peer_id, std::string text);
  /// Tells everybody but the peer itself.
  void announce_revoked(const signaling::PeerRevoked& revoked);

  bool contains(std::string_view peer_id) const { return members_.find(peer_id) != members_.end(); }
  std::optional<ConnectionId> connection_of(std::string_view peer_id) const;
  std::size_t size() const { return members_.size(); }

 private:
  struct Member {
    ConnectionId connection{};
    signaling::PeerInfo info;
  };

  void tell_others(std::string_view peer_id, const std::string& text);

  std::deque<Effect>& effects_;
  std::map<std::string, Member, std::less<>> members_;  // by peer id: lists come in this order
};

}  // namespace bamgate::hub
