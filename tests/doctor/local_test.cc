// Networks that are in each other's way, and the time in a token.
#include "doctor/local.h"

#include <gtest/gtest.h>

#include "core/encoding.h"

namespace bamgate::doctor {
namespace {

std::string token(std::string_view claims) { return "e30." + to_base64url(as_bytes(claims)) + ".c2ln"; }

TEST(ClockOff, IsReadFromTheToken) {
  const std::string made = token(R"({"iat":1000,"exp":4600})");
  EXPECT_EQ(clock_off(made, {1000}, true), 0);
  EXPECT_EQ(clock_off(made, {1500}, true), 500);
  EXPECT_EQ(clock_off(made, {1500}, false), 0) << "a token in use may be as old";
  EXPECT_EQ(clock_off(made, {5000}, false), 400);
  EXPECT_EQ(clock_off(made, {900}, false), -100);
}

TEST(ClockOff, OfWhatIsNoTokenIsUnknown) {
  for (const std::string& text : {std::string(), std::string("a.b.c"), std::string("..."), token("{}"), token("[1]"),
                                  token(R"({"iat":"x","exp":1})"), std::string("no dots")}) {
    EXPECT_EQ(clock_off(text, {1000}, true), std::nullopt) << text;
  }
}

TEST(Conflicts, AreNetworksThatOverlap) {
  config::Config config;
  config.device.address = *IpPrefix::parse("10.100.0.1/16");
  config.peers["home"].routes = {*IpPrefix::parse("192.168.1.0/24")};
  const auto local = [](std::string_view prefix, std::string interface) {
    const IpPrefix parsed = *IpPrefix::parse(prefix);
    return os::LocalAddress{.address = parsed.address, .length = parsed.length, .interface = std::move(interface)};
  };
  EXPECT_TRUE(find_conflicts(config, {local("192.168.2.5/24", "lan"), local("fd00::1/64", "lan")}).empty());
  const auto found = find_conflicts(
      config, {local("192.168.1.5/24", "wifi"), local("10.0.0.1/8", "vpn"), local("10.100.9.9/32", "c")});
  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(found[0], "the network of bamgate, 10.100.0.0/16, overlaps with 10.0.0.0/8 of vpn");
  EXPECT_EQ(found[1], "the network of bamgate, 10.100.0.0/16, overlaps with 10.100.9.9/32 of c");
  EXPECT_EQ(found[2], "the route accepted from 'home', 192.168.1.0/24, overlaps with 192.168.1.0/24 of wifi");
}

}  // namespace
}  // namespace bamgate::doctor
