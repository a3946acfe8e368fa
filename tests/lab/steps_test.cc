// What a lab tool shows, for people and as JSON. The time in front is that of the real clock, and left out here.
#include "lab/steps.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "json/parse.h"

namespace bamgate::lab {
namespace {

/// The lines that `speak` shows.
template <typename Speak>
std::vector<std::string> shown(bool json, Speak speak) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::tmpfile(), std::fclose);
  Steps steps(file.get(), json);
  speak(steps);
  std::rewind(file.get());
  std::vector<std::string> lines;
  std::array<char, 512> line{};
  while (std::fgets(line.data(), line.size(), file.get()) != nullptr) lines.emplace_back(line.data());
  return lines;
}

TEST(LabSteps, ALineHasASignForEachKindAndItsSection) {
  const auto lines = shown(false, [](Steps& steps) {
    steps.say(StepKind::kSent, {"a", "RFC 1 §2"});
    steps.say(StepKind::kReceived, {"b"});
    steps.say(StepKind::kEvent, {"c"});
    steps.say(StepKind::kDropped, {"d"});
    steps.say(StepKind::kResult, {"e"});
  });
  ASSERT_EQ(lines.size(), 5U);
  EXPECT_TRUE(lines[0].ends_with(" s -> a  [RFC 1 §2]\n")) << lines[0];
  EXPECT_TRUE(lines[1].ends_with(" s <- b\n")) << lines[1];
  EXPECT_TRUE(lines[2].ends_with(" s  * c\n")) << lines[2];
  EXPECT_TRUE(lines[3].ends_with(" s  ! d\n")) << lines[3];
  EXPECT_TRUE(lines[4].ends_with(" s  = e\n")) << lines[4];
}

TEST(LabSteps, AMessageNamesTheOtherSide) {
  const auto lines = shown(false, [](Steps& steps) {
    steps.message(StepKind::kSent, "192.0.2.1:1", {"a"});
    steps.message(StepKind::kDropped, "192.0.2.1:1", {"b"});
  });
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_TRUE(lines[0].ends_with("-> to 192.0.2.1:1: a\n")) << lines[0];
  EXPECT_TRUE(lines[1].ends_with(" ! from 192.0.2.1:1: b\n")) << lines[1];
}

TEST(LabSteps, AJsonLineIsOneObjectWithTheFurtherFields) {
  const auto lines = shown(true, [](Steps& steps) {
    steps.say(StepKind::kResult, {"a \"quoted\"\nline", "RFC 1 §2"}, {{"count", 3}});
    steps.say(StepKind::kEvent, {"b"});
  });
  ASSERT_EQ(lines.size(), 2U);
  const auto first = json::parse(lines[0]);
  ASSERT_TRUE(first) << lines[0];
  EXPECT_EQ(*first->get_string("step"), "result");
  EXPECT_EQ(*first->get_string("text"), "a \"quoted\"\nline");
  EXPECT_EQ(*first->get_string("section"), "RFC 1 §2");
  EXPECT_EQ(first->get_int("count"), 3);
  EXPECT_NE(first->find("at_s"), nullptr);
  const auto second = json::parse(lines[1]);
  ASSERT_TRUE(second) << lines[1];
  EXPECT_EQ(second->find("section"), nullptr);
}

}  // namespace
}  // namespace bamgate::lab
