// Which counters of a keypair have been seen: a sliding window over a ring of words (RFC 6479), so that a step forward
// clears whole words instead of shifting bits. The window is larger than RFC 6479's examples, as in other WireGuards.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace bamgate::inline core {

/// One window for one receiving key. 1 KiB.
class ReplayWindow {
 public:
  // Paper §5.4.6 asks for a sliding window; 2^13, as in REJECT_AFTER_MESSAGES, bears the reordering of fast paths.
  static constexpr std::uint64_t kBits = 8192;
  static constexpr std::uint64_t kWordBits = 64;
  /// Counters that lie further than this behind the greatest one are refused. One word of the ring is being refilled.
  static constexpr std::uint64_t kReach = kBits - kWordBits;

  /// True when `counter` is neither seen nor too old. Changes nothing, so it may be asked before the tag is checked.
  bool is_fresh(std::uint64_t counter) const;
  /// Marks `counter` as seen, only after its tag was checked. False when it was not fresh.
  bool accept(std::uint64_t counter);

 private:
  static constexpr std::uint64_t kWords = kBits / kWordBits;
  static std::uint64_t bit(std::uint64_t counter) { return std::uint64_t{1} << (counter % kWordBits); }
  std::uint64_t word(std::uint64_t counter) const { return ring_[counter / kWordBits % kWords]; }

  std::uint64_t greatest_ = 0;
  std::array<std::uint64_t, kWords> ring_{};
};

}  // namespace bamgate::inline core
