// The file of pins: what is written is read again, and what is doubtful is never taken for "nothing is pinned".
#include "config/pins.h"

#include <gtest/gtest.h>

#include "core/encoding.h"

namespace bamgate::config {
namespace {

PinnedKey key_of(std::uint8_t number) {
  PinnedKey key{};
  key.fill(std::byte{number});
  return key;
}

Pins sample() {
  return {"hub.example:8443",
          {{"home", key_of(1), UnixTime{1'800'000'000}, PinnedBy::kHub},
           {"nas", key_of(2), UnixTime{1'800'000'001}, PinnedBy::kTrusted, Pin::Refused{key_of(3), UnixTime{5}}}}};
}

TEST(PinsFile, IsReadAsItWasWritten) {
  EXPECT_EQ(parse_pins(write_pins(sample())), sample());
  EXPECT_EQ(parse_pins(write_pins({})), Pins{});
  EXPECT_NE(write_pins(sample()).find("pin home " + to_base64(key_of(1)) + " 1800000000 hub\n"), std::string::npos);
}

TEST(PinsFile, HoldsAsManyAsAreKept) {
  Pins pins;
  for (std::size_t i = 0; i < kMaxPins; ++i) {
    const std::string name = "device-" + std::to_string(i) + std::string(50, 'x');
    pins.pins.push_back({name, key_of(1), UnixTime{1'800'000'000}, PinnedBy::kTrusted,
                         Pin::Refused{key_of(2), UnixTime{1'800'000'000}}});
  }
  std::string text = write_pins(pins);
  EXPECT_EQ(parse_pins(text), pins);
  text += "pin one-more " + to_base64(key_of(1)) + " 5 hub\n";
  EXPECT_FALSE(parse_pins(text));
}

TEST(PinsFile, TakesCommentsEmptyLinesAndCrlf) {
  const auto pins =
      parse_pins("# bamgate pins 1\r\n\r\n  # remark\r\npin  home\t" + to_base64(key_of(1)) + " 7 hub\r\n");
  ASSERT_TRUE(pins);
  EXPECT_EQ(pins->pins.size(), 1U);
}

TEST(PinsFile, RefusesEveryDoubtAndNamesTheLine) {
  const std::string header = "# bamgate pins 1\n";
  const std::string key = to_base64(key_of(1));
  const std::string good = "pin home " + key + " 7 hub\n";
  const struct {
    std::string text;
    unsigned line;
  } kCases[] = {{"", 0},
                {"\n", 1},
                {good, 1},
                {"# bamgate pins 2\n", 1},
                {header + "home\n", 2},
                {header + "pin home " + key + " 7\n", 2},
                {header + "pin home " + key + " 7 hub more\n", 2},
                {header + "pin Home " + key + " 7 hub\n", 2},
                {header + "pin home " + key.substr(1) + " 7 hub\n", 2},
                {header + "pin home " + key + " -7 hub\n", 2},
                {header + "pin home " + key + " 7x hub\n", 2},
                {header + "pin home " + key + " 99999999999999999999 hub\n", 2},
                {header + "pin home " + key + " 7 nobody\n", 2},
                {header + good + good, 3},
                {header + "refused home " + key + " 7\n", 2},
                {header + "network a\nnetwork b\n", 3},
                {header + std::string(2 << 20, '#'), 0}};
  for (const auto& entry : kCases) {
    const auto pins = parse_pins(entry.text);
    ASSERT_FALSE(pins) << entry.text.substr(0, 200);
    EXPECT_EQ(pins.error().line, entry.line) << entry.text.substr(0, 200);
    EXPECT_FALSE(pins.error().what_to_do.empty());
  }
}

}  // namespace
}  // namespace bamgate::config
