#include "wg/tai64n.h"

#include <algorithm>

#include "core/writer.h"

namespace bamgate::wg {
namespace {

// TAI64: second 2^62 is the start of 1970 TAI, which was 10 s before 1970 UTC. Leap seconds since then are ignored, as
// other implementations do: the stamp only has to grow.
constexpr std::uint64_t kTaiOfUnixEpoch = 0x4000000000000000U + 10;

// Paper §5.1 asks only that stamps grow. Coarse ones tell an observer less about the machine's clock; 2^24 ns are 17
// ms.
constexpr Duration kGranule{std::int64_t{1} << 24};

// A duration of nanoseconds ends in the year 2262.
constexpr std::int64_t kLastSecond = 9'000'000'000;

}  // namespace

Tai64n Tai64n::from_unix(std::int64_t seconds, std::uint32_t nanoseconds) {
  Tai64n stamp;
  Writer writer(stamp.bytes);
  writer.u64(kTaiOfUnixEpoch + static_cast<std::uint64_t>(seconds));
  writer.u32(nanoseconds);
  return stamp;
}

Tai64n StampSource::next(Instant now) {
  const std::int64_t seconds = std::clamp<std::int64_t>(clock_.unix.seconds, 0, kLastSecond);
  Duration stamp = std::chrono::seconds(seconds) + Duration(clock_.nanoseconds) + (now - clock_.at);
  stamp -= stamp % kGranule;
  if (last_ && stamp <= *last_) stamp = *last_ + kGranule;
  last_ = stamp;
  const auto whole = std::chrono::floor<std::chrono::seconds>(stamp);
  return Tai64n::from_unix(whole.count(), static_cast<std::uint32_t>((stamp - whole).count()));
}

}  // namespace bamgate::wg
