// What time it is, for a hub that may not trust its machine: clocks jump by months when a battery is empty, a virtual
// machine wakes up, or somebody corrects them. So lifetimes count only the time that a hub has lived through, measured
// by the monotonic clock; the last time that it saw is a row in the database (coarse: at most every ten minutes).
//
//   lived   never goes back and never jumps: begins as Unix time at the first start, and falls behind it by whatever a
//           hub did not see pass, be it that it was off or that the clock jumped
//   wall    the later of the machine's Unix time and `lived`: what join tokens say of their end
//
// A device that could not ask, because the hub was off, loses nothing by that; a wrong clock destroys nothing, because
// nothing that is kept was counted by it. Access tokens and times that are only shown use the machine's clock as it is.
#pragma once

#include <cstdint>
#include <optional>

#include "core/time.h"
#include "hub/database.h"

namespace bamgate::hub {

/// How much time may pass between two notes; of what follows the last one, a later start counts at most this.
inline constexpr std::int64_t kClockNoteInterval = 600;  // seconds
/// Unix time that goes by this much faster or slower than the monotonic clock has jumped.
inline constexpr std::int64_t kClockJump = 300;  // seconds
/// A hub that begins so much later than the last time it saw says so.
inline constexpr std::int64_t kClockGap = 24 * 3600;  // seconds

class HubClock {
 public:
  /// Reads the last note; the first one of a network is written here.
  HubClock(Database& database, Instant now, UnixTime unix_now);

  /// To be called with each input. Returns by how many seconds Unix time has jumped since the last call, if it has.
  std::optional<std::int64_t> observe(Database& database, Instant now, UnixTime unix_now);

  /// Seconds from the last time that an earlier hub saw to this start; negative: the clock has gone back.
  std::int64_t gap() const { return gap_; }
  UnixTime lived() const { return UnixTime{lived_}; }
  UnixTime wall() const { return unix_.seconds > lived_ ? unix_ : UnixTime{lived_}; }

 private:
  void note(Database& database);

  std::int64_t lived_ = 0;  // seconds
  UnixTime unix_;           // at the last call
  Instant at_;              // likewise
  Duration rest_{};         // less than a second, lived but not counted yet
  std::int64_t noted_ = 0;  // lived at the last note
  std::int64_t gap_ = 0;
};

}  // namespace bamgate::hub
