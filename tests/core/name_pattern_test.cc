// Names with * and ?.
#include "core/name_pattern.h"

#include <gtest/gtest.h>

#include <string>

namespace bamgate {
namespace {

TEST(NamePattern, MatchesTheWholeName) {
  EXPECT_TRUE(matches_pattern("eth0", "eth0"));
  EXPECT_FALSE(matches_pattern("eth0", "eth01"));
  EXPECT_FALSE(matches_pattern("eth0", "eth"));
  EXPECT_FALSE(matches_pattern("", "eth0"));
  EXPECT_TRUE(matches_pattern("", ""));
}

TEST(NamePattern, StarIsAnyOrNoneAndQuestionMarkIsOne) {
  EXPECT_TRUE(matches_pattern("docker*", "docker0"));
  EXPECT_TRUE(matches_pattern("docker*", "docker"));
  EXPECT_FALSE(matches_pattern("docker*", "br-docker0"));
  EXPECT_TRUE(matches_pattern("*", "anything"));
  EXPECT_TRUE(matches_pattern("eth?", "eth7"));
  EXPECT_FALSE(matches_pattern("eth?", "eth"));
  EXPECT_FALSE(matches_pattern("eth?", "eth10"));
  EXPECT_TRUE(matches_pattern("*a*b?", "xaabbc"));
  EXPECT_FALSE(matches_pattern("*a*b?", "xaab"));
  EXPECT_TRUE(matches_pattern("veth**", "veth"));
}

TEST(NamePattern, TakesNoLongerThanBothLengthsTogether) {
  const std::string name(5000, 'a');
  EXPECT_FALSE(matches_pattern("a*a*a*a*a*a*a*a*a*a*b", name));
}

}  // namespace
}  // namespace bamgate
