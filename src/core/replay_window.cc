#include "core/replay_window.h"

#include <algorithm>

namespace bamgate::inline core {

bool ReplayWindow::is_fresh(std::uint64_t counter) const {
  if (counter > greatest_) return true;
  if (greatest_ - counter > kReach) return false;
  return (word(counter) & bit(counter)) == 0;
}

bool ReplayWindow::accept(std::uint64_t counter) {
  if (!is_fresh(counter)) return false;
  if (counter > greatest_) {
    const std::uint64_t old_word = greatest_ / kWordBits;
    const std::uint64_t steps = std::min(counter / kWordBits - old_word, kWords);
    for (std::uint64_t i = 1; i <= steps; ++i) ring_[(old_word + i) % kWords] = 0;
    greatest_ = counter;
  }
  ring_[counter / kWordBits % kWords] |= bit(counter);
  return true;
}

}  // namespace bamgate::inline core
