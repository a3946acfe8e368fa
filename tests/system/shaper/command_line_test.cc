// What the shaper takes from its command line and what it refuses.
#include "system/shaper/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <initializer_list>
#include <vector>

namespace bamgate::shaper {
namespace {

using namespace std::chrono_literals;

std::expected<CommandLine, std::string> parse(std::initializer_list<std::string_view> arguments) {
  return parse_command_line(std::vector(arguments));
}

TEST(ShaperCommandLine, OneValueIsForBothDirections) {
  const auto line =
      parse({"--delay", "12.5", "--loss", "2", "--rate", "100", "--mtu", "1400", "--seed", "7", "a", "b"});
  ASSERT_TRUE(line) << line.error();
  EXPECT_EQ(line->a, "a");
  EXPECT_EQ(line->b, "b");
  EXPECT_EQ(line->seed, 7u);
  for (const sim::LinkOptions& options : {line->to_b, line->to_a}) {
    EXPECT_EQ(options.latency, 12'500us);
    EXPECT_DOUBLE_EQ(options.loss, 0.02);
    EXPECT_EQ(options.rate, 100'000'000u);
    EXPECT_EQ(options.queue, 1'250'000u);  // 100 ms
    EXPECT_EQ(options.mtu, 1400u);
  }
}

TEST(ShaperCommandLine, TwoValuesAreOneForEachDirection) {
  const auto line = parse({"a", "b", "--delay", "1/20", "--rate", "100/10", "--queue", "50"});
  ASSERT_TRUE(line) << line.error();
  EXPECT_EQ(line->to_b.latency, 1ms);
  EXPECT_EQ(line->to_a.latency, 20ms);
  EXPECT_EQ(line->to_b.queue, 625'000u);
  EXPECT_EQ(line->to_a.queue, 62'500u);
}

TEST(ShaperCommandLine, BurstMovesTheLossIntoBadSpells) {
  const auto line = parse({"--loss", "1", "--burst", "4", "a", "b"});
  ASSERT_TRUE(line) << line.error();
  EXPECT_EQ(line->to_b.loss, 0);
  EXPECT_DOUBLE_EQ(line->to_b.burst.leave, 0.25);
  EXPECT_NEAR(line->to_b.burst.enter, 0.01 / 0.99 / 4, 1e-12);
}

TEST(ShaperCommandLine, RefusesWhatItDoesNotUnderstand) {
  using testing::HasSubstr;
  EXPECT_THAT(parse({"a"}).error(), HasSubstr("two TAP interfaces"));
  EXPECT_THAT(parse({"a", "b", "c"}).error(), HasSubstr("two TAP interfaces"));
  EXPECT_THAT(parse({"--speed", "1", "a", "b"}).error(), HasSubstr("'--speed' is no option"));
  EXPECT_THAT(parse({"a", "b", "--delay"}).error(), HasSubstr("'--delay' needs a value"));
  EXPECT_THAT(parse({"--seed", "x", "a", "b"}).error(), HasSubstr("no seed"));
  for (const std::string_view value : {"", "x", "1x", "-1", "101", "1/", "/1", "1/2/3", "nan", "inf"}) {
    const auto line = parse({"--loss", value, "a", "b"});
    ASSERT_FALSE(line) << value;
    EXPECT_THAT(line.error(), HasSubstr("no value of --loss")) << value;
  }
}

TEST(ShaperCommandLine, RefusesWhatContradictsItself) {
  EXPECT_FALSE(parse({"--queue", "10", "a", "b"})) << "a queue without a rate";
  EXPECT_FALSE(parse({"--rate", "1", "--queue", "10", "--queue-bytes", "10", "a", "b"}));
  EXPECT_FALSE(parse({"--burst", "3", "a", "b"})) << "bursts of no loss";
  EXPECT_FALSE(parse({"--burst", "1", "--loss", "60", "a", "b"})) << "more losses than good spells leave room for";
  EXPECT_TRUE(parse({"--loss", "100", "a", "b"})) << "a cut";
}

TEST(ShaperCommandLine, HelpNamesEveryOption) {
  const auto line = parse({"--help"});
  ASSERT_TRUE(line);
  EXPECT_TRUE(line->help);
  for (const char* option : {"--delay MS", "--jitter MS", "--loss PERCENT", "--burst PACKETS", "--reorder PERCENT",
                             "--duplicate PERCENT", "--rate MBIT", "--queue MS", "--mtu BYTES", "--seed N"}) {
    EXPECT_THAT(help_text(), ::testing::HasSubstr(option));
  }
}

}  // namespace
}  // namespace bamgate::shaper
