#include "hub/hub_clock.h"

#include <algorithm>
#include <chrono>

namespace bamgate::hub {

HubClock::HubClock(Database& database, Instant now, UnixTime unix_now) : unix_(unix_now), at_(now) {
  const auto row = database.one("SELECT lived, seen FROM clock");
  if (!row || row->integer(0) == 0) {
    lived_ = unix_now.seconds;
    note(database);
    return;
  }
  gap_ = unix_now.seconds - row->integer(1);
  lived_ = row->integer(0) + std::clamp(gap_, std::int64_t{0}, kClockNoteInterval);
  noted_ = row->integer(0);
}

std::optional<std::int64_t> HubClock::observe(Database& database, Instant now, UnixTime unix_now) {
  rest_ += now - at_;
  const auto passed = std::chrono::duration_cast<std::chrono::seconds>(rest_);
  rest_ -= passed;
  lived_ += passed.count();
  const std::int64_t jump = unix_now.seconds - unix_.seconds - passed.count();
  at_ = now;
  unix_ = unix_now;
  const bool jumped = jump > kClockJump || jump < -kClockJump;
  if (jumped || lived_ - noted_ >= kClockNoteInterval) note(database);
  if (!jumped) return std::nullopt;
  return jump;
}

void HubClock::note(Database& database) {
  database.try_run("INSERT OR REPLACE INTO clock(id, lived, seen) VALUES(1, ?1, ?2)", lived_, unix_.seconds);
  noted_ = lived_;
}

}  // namespace bamgate::hub
