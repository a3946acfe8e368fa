// The deadlines of many owners in one ordered structure: a binary heap that knows where each of them stands. So the
// next one costs nothing to know, and whoever has none costs nobody anything.
// TimerTable holds the few named deadlines of one machine; this holds the one next deadline of each of many machines.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "core/time.h"

namespace bamgate::inline core {

/// The place of one owner in a DeadlineIndex.
enum class DeadlineSlot : std::uint32_t {};

/// `Owner` is a small value that says whose deadline it is. Movable. set() and take_due() allocate nothing.
template <typename Owner>
class DeadlineIndex {
 public:
  /// A place without a deadline, until remove().
  DeadlineSlot add(Owner owner);
  /// Gives the place up; another owner may get it.
  void remove(DeadlineSlot slot);

  /// Replaces the deadline of this place; kNever: it waits for nothing. O(log n), and O(1) when it stays the same.
  void set(DeadlineSlot slot, Instant deadline);
  void cancel(DeadlineSlot slot) { set(slot, kNever); }
  Instant deadline(DeadlineSlot slot) const { return heap_[place(slot)].deadline; }

  /// The earliest of all; kNever when nobody waits. O(1).
  Instant next() const { return heap_.empty() ? kNever : heap_.front().deadline; }
  /// An owner whose deadline has come, which is cancelled by that: the earliest first, of equal ones that of the lower
  /// slot. nullopt when none has come.
  std::optional<Owner> take_due(Instant now);

  /// How many places are given out.
  std::size_t size() const { return heap_.size(); }

 private:
  struct Entry {
    Instant deadline;
    DeadlineSlot slot;
    auto operator<=>(const Entry&) const = default;
  };
  struct Place {
    Owner owner;
    std::size_t at;  // in heap_
  };

  std::size_t place(DeadlineSlot slot) const { return places_[std::to_underlying(slot)].at; }
  void put(std::size_t at, const Entry& entry);
  void move_up(std::size_t at);
  void move_down(std::size_t at);

  std::vector<Entry> heap_;  // no entry is before that at (its own - 1) / 2
  std::vector<Place> places_;
  std::vector<DeadlineSlot> free_;
};

template <typename Owner>
DeadlineSlot DeadlineIndex<Owner>::add(Owner owner) {
  const Place place{std::move(owner), heap_.size()};
  DeadlineSlot slot{static_cast<std::uint32_t>(places_.size())};
  if (free_.empty()) {
    places_.push_back(place);
  } else {
    slot = free_.back();
    free_.pop_back();
    places_[std::to_underlying(slot)] = place;
  }
  heap_.push_back({kNever, slot});
  move_up(place.at);
  return slot;
}

template <typename Owner>
void DeadlineIndex<Owner>::remove(DeadlineSlot slot) {
  const std::size_t at = place(slot);
  const Entry last = heap_.back();
  heap_.pop_back();
  free_.push_back(slot);
  if (at == heap_.size()) return;
  put(at, last);
  move_up(at);
  move_down(place(last.slot));
}

template <typename Owner>
void DeadlineIndex<Owner>::set(DeadlineSlot slot, Instant deadline) {
  const std::size_t at = place(slot);
  const Instant before = std::exchange(heap_[at].deadline, deadline);
  if (deadline < before) move_up(at);
  if (deadline > before) move_down(at);
}

template <typename Owner>
std::optional<Owner> DeadlineIndex<Owner>::take_due(Instant now) {
  if (next() > now || next() == kNever) return std::nullopt;
  const DeadlineSlot slot = heap_.front().slot;
  cancel(slot);
  return places_[std::to_underlying(slot)].owner;
}

template <typename Owner>
void DeadlineIndex<Owner>::put(std::size_t at, const Entry& entry) {
  heap_[at] = entry;
  places_[std::to_underlying(entry.slot)].at = at;
}

template <typename Owner>
void DeadlineIndex<Owner>::move_up(std::size_t at) {
  const Entry moving = heap_[at];
  while (at > 0) {
    const std::size_t parent = (at - 1) / 2;
    if (heap_[parent] <= moving) break;
    put(at, heap_[parent]);
    at = parent;
  }
  put(at, moving);
}

template <typename Owner>
void DeadlineIndex<Owner>::move_down(std::size_t at) {
  const Entry moving = heap_[at];
  while (true) {
    std::size_t child = 2 * at + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && heap_[child + 1] < heap_[child]) ++child;
    if (moving <= heap_[child]) break;
    put(at, heap_[child]);
    at = child;
  }
  put(at, moving);
}

}  // namespace bamgate::inline core
