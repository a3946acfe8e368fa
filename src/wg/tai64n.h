// Timestamps of initiations (paper §5.1, §5.4.2): TAI64N, 12 bytes, big-endian, so that they compare as bytes.
// They only have to grow from one initiation to the next; that they name a date at all serves a peer that lost its
// state.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>

#include "core/bytes.h"
#include "core/time.h"
#include "wg/messages.h"

namespace bamgate::wg {

/// Unix time at an instant, so that no clock is read here.
struct WallClock {
  UnixTime unix;
  Instant at;
  std::uint32_t nanoseconds =
      0;  // past `unix.seconds`; worth giving, so that a quick restart does not look like a replay
};

struct Tai64n {
  std::array<std::byte, kStampSize> bytes{};

  /// `nanoseconds` below 10^9.
  static Tai64n from_unix(std::int64_t seconds, std::uint32_t nanoseconds);
  auto operator<=>(const Tai64n&) const = default;
};

/// Makes the stamps of one tunnel; each is greater than the one before, whatever the clock does.
class StampSource {
 public:
  explicit StampSource(WallClock clock) : clock_(clock) {}
  void set_clock(WallClock clock) { clock_ = clock; }
  Tai64n next(Instant now);

 private:
  WallClock clock_;
  std::optional<Duration> last_;  // since 1970
};

}  // namespace bamgate::wg
