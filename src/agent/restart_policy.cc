#include "agent/restart_policy.h"

#include <algorithm>

namespace bamgate::agent {

Duration RestartPolicy::next(Random& random) {
  // 500 ms · 2^6 is beyond the cap already, so the shift can never overflow.
  constexpr unsigned kMaxDoublings = 6;
  const auto base = std::min<Duration>(kFirst * (1U << std::min(failures_, kMaxDoublings)), kLongest);
  if (failures_ < kMaxDoublings) ++failures_;
  const auto quarter = std::chrono::duration_cast<std::chrono::milliseconds>(base / 4);
  return base - std::chrono::milliseconds(random.below(static_cast<std::uint32_t>(quarter.count()) + 1));
}

}  // namespace bamgate::agent
