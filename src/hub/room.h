// The devices that are connected now: who they are, how to reach them, and what each of them is told about the others
// (protocol.md, "Signaling"). A hub has one room. It pushes effects; who may join is decided in connections.h.
//
// Nobody is told faster than it reads. kMaxUnsent bytes may be on their way to a reader; from then on the rest of its
// list waits, and of what changes meanwhile the room keeps the names alone (it *owes* them), until the host says that
// all has been sent. Then the list goes on, and each owed name is told as it is by then: there, or gone.
//
// A list follows the order of the names, so what is told and what is still to come is one name, the last that was told.
// A change behind it is owed until the list has ended; a change before it will stand in the list.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/deadline_index.h"
#include "core/time.h"
#include "hub/effect.h"
#include "hub/options.h"
#include "hub/rate_limit.h"
#include "signaling/message.h"

namespace bamgate::hub {

/// Bytes of lists and announcements on their way to one reader. The host's own bound for what waits must be larger by a
/// list message and by what others may send to it.
inline constexpr std::size_t kMaxUnsent = 128 * 1024;
/// Names that may be owed to one reader; beyond it is closed when it reads again, and joins anew.
inline constexpr std::size_t kMaxOwed = 2 * kMaxRoom;
/// How often the others are told of one device: that it came, changed, or left. What comes faster is told together, as
/// it stands when the turn comes. A device of 24 KiB costs a room of 1,024 at most 8 MiB a second then.
inline constexpr Pace kAnnouncePace{10, std::chrono::seconds(3)};

class Room {
 public:
  using Revoked = std::vector<signaling::PeerRevoked>;

  /// `effects` must outlive the room.
  explicit Room(std::deque<Effect>& effects) : effects_(effects) {}

  /// Tells the newcomer of `revoked` and of all others, and the others of the newcomer. `entry`: what write_entry()
  /// made of it; needs fits_in_list(entry). Again on the same connection: the others are told when the entry differs.
  /// Returns the connection that it replaces, if another one held the place; that one is told nothing here.
  std::optional<ConnectionId> join(Instant now, ConnectionId connection, const std::string& peer_id, std::string entry,
                                   const Revoked& revoked);
  /// Takes the peer out and tells the others; nothing when `connection` does not hold the place (any more).
  void leave(Instant now, const std::string& peer_id, ConnectionId connection);
  /// Sends `text` of the peer `from` to one peer, which knows it by then; false when it is not there.
  bool forward(const std::string& from, std::string_view to, std::string text);
  /// Tells everybody but the peer itself, at once.
  void announce_revoked(const signaling::PeerRevoked& revoked);
  /// All that was sent to this peer has left, as the effect WhenSent asked. False: it was owed too much meanwhile, and
  /// must be closed.
  [[nodiscard]] bool on_sent(const std::string& peer_id, ConnectionId connection);

  /// Tells what had to wait for its pace. `revoked` for those that joined again.
  void handle_timeout(Instant now, const Revoked& revoked);
  Instant next_timeout() const { return turns_.next(); }

  bool contains(std::string_view peer_id) const { return members_.find(peer_id) != members_.end(); }
  std::optional<ConnectionId> connection_of(std::string_view peer_id) const;
  std::size_t size() const { return members_.size(); }

 private:
  enum class List : std::uint8_t {
    kDone,
    kFirst,  // under way, and whoever is not in it counts as gone
    kAgain,  // under way to a peer that joined again: it has been told of others before
  };
  struct Member {
    ConnectionId connection{};
    std::string entry;
    bool changed = false;     // the others have not been told of this entry
    bool wants_list = false;  // it joined again
    std::size_t ahead = 0;    // bytes sent since the last on_sent()
    bool awaits_sent = false;
    List list = List::kDone;
    std::string listed;  // the last name of the list that it was told
    std::set<std::string, std::less<>> owed;
  };
  using Members = std::map<std::string, Member, std::less<>>;
  using Waiting = std::map<std::string, DeadlineSlot, std::less<>>;  // peers whose change waits for its turn

  void change(Instant now, const std::string& peer_id, const Revoked& revoked);
  void take_turn(const std::string& peer_id, const Revoked& revoked);
  void begin_list(Member& reader, List kind, const Revoked& revoked);
  void go_on(Member& reader, signaling::ListPart part);
  void feed(Member& reader);
  void tell_others(std::string_view peer_id, std::string text);
  bool may_be_told(Member& reader, std::string_view peer_id, std::size_t size);
  void tell_owed(Member& reader, std::string_view peer_id, bool more);
  void send(Member& reader, std::string text);

  std::deque<Effect>& effects_;
  Members members_;  // by peer id: lists come in this order
  RateLimit announcements_{kAnnouncePace};
  Waiting waiting_;
  DeadlineIndex<Waiting::iterator> turns_;  // of all in waiting_
};

}  // namespace bamgate::hub
