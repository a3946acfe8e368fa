#include "hub/room.h"

#include <utility>

namespace bamgate::hub {

std::optional<ConnectionId> Room::join(ConnectionId connection, signaling::PeerInfo self,
                                       std::vector<signaling::PeerRevoked> revoked) {
  signaling::Peers others;
  others.revoked = std::move(revoked);
  for (const auto& [peer_id, member] : members_) {
    if (peer_id != self.peer_id) others.peers.push_back(member.info);
  }
  for (std::string& part : signaling::write_list(others)) effects_.push_back(SendText{connection, std::move(part)});

  std::optional<ConnectionId> replaced;
  const std::string peer_id = self.peer_id;
  const auto held = members_.find(peer_id);
  if (held != members_.end() && held->second.connection != connection) replaced = held->second.connection;
  signaling::Peers newcomer;
  newcomer.peers.push_back(self);
  tell_others(peer_id, signaling::write(newcomer));
  members_.insert_or_assign(peer_id, Member{connection, std::move(self)});
  return replaced;
}

void Room::leave(std::string_view peer_id, ConnectionId connection) {
  const auto held = members_.find(peer_id);
  if (held == members_.end() || held->second.connection != connection) return;
  members_.erase(held);
  tell_others(peer_id, signaling::write(signaling::PeerLeft{std::string(peer_id)}));
}

bool Room::forward(std::string_view peer_id, std::string text) {
  const auto held = members_.find(peer_id);
  if (held == members_.end()) return false;
  effects_.push_back(SendText{held->second.connection, std::move(text)});
  return true;
}

void Room::announce_revoked(const signaling::PeerRevoked& revoked) {
  tell_others(revoked.peer_id, signaling::write(revoked));
}

std::optional<ConnectionId> Room::connection_of(std::string_view peer_id) const {
  const auto held = members_.find(peer_id);
  if (held == members_.end()) return std::nullopt;
  return held->second.connection;
}

void Room::tell_others(std::string_view peer_id, const std::string& text) {
  for (const auto& [other, member] : members_) {
    if (other != peer_id) effects_.push_back(SendText{member.connection, text});
  }
}

}  // namespace bamgate::hub
