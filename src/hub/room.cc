#include "hub/room.h"

namespace bamgate::hub {
namespace {

/// What the others are told of one that has come or changed.
std::string announcement(std::string_view entry, bool more = false) {
  signaling::ListPart part;
  part.add_peer(entry);
  return part.take(more);
}

std::string farewell(std::string_view peer_id) { return signaling::write(signaling::PeerLeft{std::string(peer_id)}); }

}  // namespace

std::optional<ConnectionId> Room::join(Instant now, ConnectionId connection, const std::string& peer_id,
                                       std::string entry, const Revoked& revoked) {
  const auto [at, inserted] = members_.try_emplace(peer_id);
  Member& member = at->second;
  std::optional<ConnectionId> replaced;
  if (!inserted && member.connection == connection) {
    member.wants_list = true;
    member.changed = member.changed || member.entry != entry;
    member.entry = std::move(entry);
  } else {
    if (!inserted) replaced = member.connection;
    // A new connection may be a new run of the device, which the others must hear of.
    member = Member{};
    member.connection = connection;
    member.entry = std::move(entry);
    member.changed = true;
    begin_list(member, List::kFirst, revoked);
  }
  change(now, peer_id, revoked);
  return replaced;
}

void Room::leave(Instant now, const std::string& peer_id, ConnectionId connection) {
  const auto held = members_.find(peer_id);
  if (held == members_.end() || held->second.connection != connection) return;
  members_.erase(held);
  change(now, peer_id, {});
}

bool Room::forward(const std::string& from, std::string_view to, std::string text) {
  const auto held = members_.find(to);
  if (held == members_.end()) return false;
  Member& reader = held->second;
  // Devices refuse what comes from a name that they were not told. What comes amid a first list waits for its end.
  if (reader.owed.contains(from)) tell_owed(reader, from, reader.list == List::kFirst);
  send(reader, std::move(text));
  return true;
}

void Room::announce_revoked(const signaling::PeerRevoked& revoked) {
  Broadcast broadcast{{}, signaling::write(revoked)};
  for (auto& [peer_id, reader] : members_) {
    if (peer_id == revoked.peer_id) continue;
    reader.ahead += broadcast.text.size();
    broadcast.connections.push_back(reader.connection);
  }
  if (!broadcast.connections.empty()) effects_.emplace_back(std::move(broadcast));
}

bool Room::on_sent(const std::string& peer_id, ConnectionId connection) {
  const auto held = members_.find(peer_id);
  if (held == members_.end() || held->second.connection != connection || !held->second.awaits_sent) return true;
  Member& reader = held->second;
  if (reader.owed.size() > kMaxOwed) return false;
  reader.awaits_sent = false;
  reader.ahead = 0;
  feed(reader);
  return true;
}

void Room::handle_timeout(Instant now, const Revoked& revoked) {
  while (const auto due = turns_.take_due(now)) {
    const auto waited = waiting_.extract(*due);
    turns_.remove(waited.mapped());
    change(now, waited.key(), revoked);
  }
}

std::optional<ConnectionId> Room::connection_of(std::string_view peer_id) const {
  const auto held = members_.find(peer_id);
  if (held == members_.end()) return std::nullopt;
  return held->second.connection;
}

// Lets the peer's change be told, now or when its pace allows.
void Room::change(Instant now, const std::string& peer_id, const Revoked& revoked) {
  if (waiting_.contains(peer_id)) return;
  const Instant turn = announcements_.next(peer_id);
  if (turn <= now) {
    announcements_.count(now, peer_id);
    return take_turn(peer_id, revoked);
  }
  const auto at = waiting_.emplace(peer_id, DeadlineSlot{}).first;
  at->second = turns_.add(at);
  turns_.set(at->second, turn);
}

void Room::take_turn(const std::string& peer_id, const Revoked& revoked) {
  const auto held = members_.find(peer_id);
  if (held == members_.end()) return tell_others(peer_id, farewell(peer_id));
  Member& member = held->second;
  // A list that is under way answers this join too.
  if (std::exchange(member.wants_list, false) && member.list == List::kDone) begin_list(member, List::kAgain, revoked);
  if (std::exchange(member.changed, false)) tell_others(peer_id, announcement(member.entry));
}

void Room::begin_list(Member& reader, List kind, const Revoked& revoked) {
  signaling::ListPart part;
  for (const signaling::PeerRevoked& one : revoked) {
    if (part.add_revoked(one)) continue;
    send(reader, part.take(true));
    part.add_revoked(one);
  }
  reader.list = kind;
  reader.listed.clear();
  go_on(reader, std::move(part));
  feed(reader);
}

// Sends the next part of a list, in which `part` holds what stands in it already.
void Room::go_on(Member& reader, signaling::ListPart part) {
  auto next = members_.upper_bound(reader.listed);
  for (; next != members_.end(); ++next) {
    if (&next->second != &reader && !part.add_peer(next->second.entry)) break;
  }
  const bool more = next != members_.end();
  if (more && next != members_.begin()) reader.listed = std::prev(next)->first;
  if (!more) reader.list = List::kDone;
  send(reader, part.take(more));
}

// Tells the reader what waits for it, as much as may be on its way.
void Room::feed(Member& reader) {
  while (reader.list != List::kDone && reader.ahead < kMaxUnsent) go_on(reader, signaling::ListPart());
  while (reader.list == List::kDone && !reader.owed.empty() && reader.ahead < kMaxUnsent) {
    const std::string peer_id = *reader.owed.begin();
    tell_owed(reader, peer_id, false);
  }
  if ((reader.list == List::kDone && reader.owed.empty()) || reader.awaits_sent) return;
  reader.awaits_sent = true;
  effects_.emplace_back(WhenSent{reader.connection});
}

void Room::tell_others(std::string_view peer_id, std::string text) {
  Broadcast broadcast{{}, std::move(text)};
  broadcast.connections.reserve(members_.size());
  for (auto& [name, reader] : members_) {
    if (name != peer_id && may_be_told(reader, peer_id, broadcast.text.size())) {
      reader.ahead += broadcast.text.size();
      broadcast.connections.push_back(reader.connection);
    }
  }
  if (!broadcast.connections.empty()) effects_.emplace_back(std::move(broadcast));
}

// False: not now; the reader is owed it, or its list will say it.
bool Room::may_be_told(Member& reader, std::string_view peer_id, std::size_t size) {
  if (reader.list == List::kFirst && reader.listed < peer_id) return false;
  if (reader.list == List::kDone && reader.owed.empty() && reader.ahead + size <= kMaxUnsent) return true;
  if (reader.owed.size() <= kMaxOwed) reader.owed.emplace(peer_id);
  if (!reader.awaits_sent) {
    reader.awaits_sent = true;
    effects_.emplace_back(WhenSent{reader.connection});
  }
  return false;
}

// Tells the reader how it stands with one name.
void Room::tell_owed(Member& reader, std::string_view peer_id, bool more) {
  const auto held = members_.find(peer_id);
  send(reader, held == members_.end() ? farewell(peer_id) : announcement(held->second.entry, more));
  reader.owed.erase(reader.owed.find(peer_id));
}

void Room::send(Member& reader, std::string text) {
  reader.ahead += text.size();
  effects_.emplace_back(SendText{reader.connection, std::move(text)});
}

}  // namespace bamgate::hub
