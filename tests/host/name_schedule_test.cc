// When the names of servers are asked for.
#include "host/name_schedule.h"

#include <gtest/gtest.h>

namespace bamgate::host {
namespace {

using namespace std::chrono_literals;

constexpr Instant kAsked = Instant(1h);

TEST(NameSchedule, AsksAtOnceAndNowAndThen) {
  NameSchedule schedule;
  EXPECT_LE(schedule.next(), kAsked);
  schedule.asked(kAsked);
  EXPECT_EQ(schedule.next(), kNever);
  schedule.answered(kAsked);
  EXPECT_EQ(schedule.next(), kAsked + NameSchedule::kNowAndThen);
}

TEST(NameSchedule, FailuresAreFollowedByGrowingPatience) {
  NameSchedule schedule;
  Instant now = kAsked;
  Duration last{};
  for (int i = 0; i < 12; ++i) {
    schedule.asked(now);
    schedule.failed(now);
    EXPECT_GE(schedule.next() - now, last);
    last = schedule.next() - now;
    now = schedule.next();
  }
  EXPECT_EQ(last, NameSchedule::kNowAndThen);
  schedule.ask_again(now - 1min);
  EXPECT_EQ(schedule.next(), now - 1min) << "another network may have a resolver that knows";
}

TEST(NameSchedule, ASilentServerIsDoubtedButNotAllTheTime) {
  NameSchedule schedule;
  schedule.asked(kAsked);
  schedule.answered(kAsked);
  schedule.doubt(kAsked + 1s);
  EXPECT_EQ(schedule.next(), kAsked + NameSchedule::kShortest);
  schedule.asked(kAsked + NameSchedule::kShortest);
  schedule.doubt(kAsked + NameSchedule::kShortest);
  EXPECT_EQ(schedule.next(), kNever) << "a question is under way";
  schedule.answered(kAsked + 11s);
  EXPECT_EQ(schedule.next(), kAsked + 2 * NameSchedule::kShortest);
}

}  // namespace
}  // namespace bamgate::host
