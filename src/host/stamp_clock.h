// The clock from which WireGuard's stamps are made, which must grow from one run of a device to the next: a peer drops
// every initiation whose stamp is not greater than the last one (paper §5.1). The machine's own clock does not grow so
// everywhere: a board without a battery starts in the past, and somebody sets a clock back that was wrong. So the last
// time is kept in a file, and a run begins with the later of both.
#pragma once

#include <filesystem>

#include "core/time.h"
#include "wg/tai64n.h"

namespace bamgate::host {

class StampClock {
 public:
  /// How often it is written: after a crash and with a clock that went back, peers may refuse this device for so long.
  static constexpr auto kInterval = std::chrono::minutes(10);

  /// `wall`: what the machine says now. A file that cannot be read is as good as none.
  StampClock(std::filesystem::path file, wg::WallClock wall);

  /// The same for all agents of this process.
  const wg::WallClock& clock() const { return clock_; }
  /// Writes down how late it is. On a disk that takes nothing the one before stays.
  void note(Instant now) const;

 private:
  std::filesystem::path file_;
  wg::WallClock clock_;
};

}  // namespace bamgate::host
