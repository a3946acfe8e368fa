// The virtual clock of a simulated world, and what is to happen when. Time moves only from one entry to the next, so an
// hour of silence costs nothing. Entries of the same instant run in the order in which they were made.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <utility>

#include "core/time.h"

namespace bamgate::sim {

class Agenda {
 public:
  using Action = std::function<void()>;

  Instant now() const { return now_; }
  /// The time of day that belongs to now().
  UnixTime unix_now() const { return {kUnixStart + std::chrono::floor<std::chrono::seconds>(now_ - kStart).count()}; }

  void at(Instant when, Action action) {
    entries_.emplace(std::pair(std::max(when, now_), sequence_++), std::move(action));
  }
  void after(Duration delay, Action action) { at(now_ + delay, std::move(action)); }

  /// When the next entry is due; kNever when there is none.
  Instant next() const { return entries_.empty() ? kNever : entries_.begin()->first.first; }
  /// Moves the clock; never back.
  void advance(Instant to) { now_ = std::max(now_, to); }
  /// Moves the clock to the next entry and runs it. Needs one.
  void run_next() {
    auto entry = entries_.extract(entries_.begin());
    advance(entry.key().first);
    entry.mapped()();
  }
  /// Drops all entries, as at the end of a world.
  void clear() { entries_.clear(); }
  /// How much is still to happen.
  std::size_t pending() const { return entries_.size(); }

  /// When every world begins.
  static constexpr Instant kStart = Instant(std::chrono::hours(1));

 private:
  static constexpr std::int64_t kUnixStart = 1'800'000'000;

  Instant now_ = kStart;
  std::uint64_t sequence_ = 0;
  std::map<std::pair<Instant, std::uint64_t>, Action> entries_;
};

}  // namespace bamgate::sim
