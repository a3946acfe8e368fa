#include "host/stamp_clock.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <fstream>

#include "wg/tai64n.h"

namespace bamgate::host {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

constexpr std::int64_t kNow = 1'800'000'000;
constexpr std::int64_t kFortyDays = 40 * 86'400;

class StampClockTest : public ::testing::Test {
 protected:
  StampClockTest() {
    std::string name = (fs::temp_directory_path() / "bamgate-stamps-XXXXXX").string();
    folder_ = mkdtemp(name.data());
  }
  ~StampClockTest() override { fs::remove_all(folder_); }

  static wg::WallClock wall(std::int64_t unix, Instant at = Instant(5s)) {
    return {.unix = {unix}, .at = at, .nanoseconds = 700'000'000};
  }
  StampClock begin(std::int64_t unix) const { return StampClock(folder_ / "clock", wall(unix)); }
  static wg::Tai64n stamp(const StampClock& clock, Duration later) {
    return wg::StampSource(clock.clock()).next(Instant(5s) + later);
  }

  fs::path folder_;
};

TEST_F(StampClockTest, IsTheMachinesWhereThatGrows) {
  const StampClock first = begin(kNow);
  EXPECT_EQ(first.clock().unix.seconds, kNow);
  EXPECT_EQ(first.clock().nanoseconds, 700'000'000U);
  first.note(Instant(5s));
  EXPECT_EQ(begin(kNow + 60).clock().unix.seconds, kNow + 60);
}

TEST_F(StampClockTest, StampsGrowFromRunToRunWhereverTheMachinesClockGoes) {
  wg::Tai64n last{};
  for (const std::int64_t unix : {kNow, kNow + kFortyDays, kNow, kNow, std::int64_t{0}, kNow - kFortyDays}) {
    const StampClock clock = begin(unix);
    for (const Duration later : {Duration(0s), Duration(1h), Duration(1h + 900ms)}) {
      EXPECT_GT(stamp(clock, later), last) << unix;
      last = stamp(clock, later);
    }
    clock.note(Instant(5s) + 1h + 900ms);
  }
}

TEST_F(StampClockTest, AFileThatSaysNothingIsAsGoodAsNone) {
  for (const char* content : {"", "x", "-5", "99999999999999999999", "9223372036854775807"}) {
    std::ofstream(folder_ / "clock") << content;
    EXPECT_EQ(begin(kNow).clock().unix.seconds, kNow) << content;
  }
  fs::remove(folder_ / "clock");
  fs::create_directory(folder_ / "clock");
  const StampClock clock = begin(kNow);
  clock.note(Instant(5s));
  EXPECT_EQ(clock.clock().unix.seconds, kNow);
}

}  // namespace
}  // namespace bamgate::host
