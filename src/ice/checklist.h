// The pairs of one session, and which of them is checked next (RFC 8445 §6.1.2, §6.1.4; RFC 8838 §12).
// With one component and one stream there is one checklist, and freezing only orders pairs of equal foundation.
#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "ice/pair.h"

namespace bamgate::ice {

class Checklist {
 public:
  // RFC 8445 §6.1.2.5: an upper limit on pairs is needed; 100 is the recommended one.
  static constexpr std::size_t kMaxPairs = 100;

  /// Adds a pair for `path`, or returns the one that exists. Beyond kMaxPairs a failed pair gives way, or the worst
  /// one that is not valid if the new one is better; otherwise nullptr. References to pairs end with the next add() or
  /// remove.
  Pair* add(Pair pair, Role role);
  /// Forgets the pairs of a local socket that is gone.
  void remove(SocketId socket);
  Pair* find(const Path& path);
  const Pair* find(const Path& path) const;
  Pair* find(Pair::Id id);
  /// The pair with a check of this id, in flight or cancelled.
  Pair* find_check(const stun::TransactionId& id);
  const Pair* find_check(const stun::TransactionId& id) const;

  /// The remote candidate at this endpoint is known better now: the pairs follow.
  void update_remote(const Candidate& remote, Role role);
  /// RFC 8445 §7.3.1.1: the priorities of all pairs change with the role.
  void set_role(Role role);

  /// Puts the pair at the end of the triggered-check queue unless it stands there (RFC 8445 §6.1.4.1).
  void trigger(Pair& pair);
  void untrigger(const Pair& pair) { std::erase(triggered_, pair.id); }
  bool has_triggered() const { return !triggered_.empty(); }
  Pair* take_triggered();
  /// RFC 8445 §6.1.4.2: the best waiting pair; where none waits, the best frozen one of a foundation that is not busy.
  Pair* take_ordinary();
  bool has_ordinary() const;
  /// RFC 8445 §7.2.5.3.3: a success unfreezes the pairs of its foundation.
  void unfreeze(const std::string& foundation);

  /// RFC 8445 §8.1.2: after a nomination nothing below `priority` is checked any more.
  void stop_below(std::uint64_t priority);
  /// Forgets queue and transactions; the pairs stay for status.
  void stop_all();

  bool any_open() const;
  /// Whether a pair better than `pair` may still become valid.
  bool any_open_above(const Pair& pair) const;
  /// Waiting and in flight, for the retransmission timeout (RFC 8445 §14.3).
  std::size_t busy() const;
  std::vector<Pair>& pairs() { return pairs_; }
  const std::vector<Pair>& pairs() const { return pairs_; }
  std::size_t size() const { return pairs_.size(); }

 private:
  bool foundation_busy(const std::string& foundation) const;
  bool make_room(std::uint64_t priority);

  std::vector<Pair> pairs_;
  std::deque<Pair::Id> triggered_;
  Pair::Id next_id_ = 1;
};

}  // namespace bamgate::ice
