// What follows from findings, in words.
#include "doctor/conclusions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace bamgate::doctor {
namespace {

using ::testing::HasSubstr;

constexpr Endpoint kServer{IpAddress::v4(198, 51, 100, 1), 3478};
constexpr Endpoint kMapped{IpAddress::v4(203, 0, 113, 7), 50'000};

NatFindings nat(stun::Mapping mapping, bool answers = true) {
  NatFindings found{.family = Family::kV4, .local = {IpAddress::v4(192, 168, 1, 2), 40'000}, .mapping = mapping};
  found.answers.push_back({.server = kServer, .mapped = answers ? std::optional(kMapped) : std::nullopt});
  return found;
}

Findings home() {
  Findings findings;
  findings.set_up = findings.running = true;
  findings.network.addresses.push_back({.address = IpAddress::v4(192, 168, 1, 2), .length = 24, .interface = "lan"});
  findings.network.v4 = os::DefaultRoute{.interface = "lan", .gateway = IpAddress::v4(192, 168, 1, 1)};
  findings.nat.push_back(nat(stun::Mapping::kEndpointIndependent));
  return findings;
}

std::optional<Conclusion> about(const Findings& findings, std::string_view topic) {
  const auto all = conclude(findings);
  const auto found = std::ranges::find(all, topic, &Conclusion::topic);
  return found == all.end() ? std::nullopt : std::optional(*found);
}

TEST(Conclusions, AreAllGoodInAnOrdinaryHome) {
  const Findings findings = home();
  EXPECT_TRUE(direct_is_possible(findings));
  for (const Conclusion& one : conclude(findings)) EXPECT_EQ(one.level, Level::kGood) << one.topic << ": " << one.text;
}

TEST(Conclusions, SayWhetherADirectPathIsPossible) {
  const std::vector<std::pair<stun::Mapping, bool>> table = {
      {stun::Mapping::kNone, true},
      {stun::Mapping::kEndpointIndependent, true},
      {stun::Mapping::kUnknown, true},
      {stun::Mapping::kAddressDependent, false},
      {stun::Mapping::kAddressAndPortDependent, false},
      {stun::Mapping::kDependent, false},
  };
  for (const auto& [mapping, possible] : table) {
    Findings findings = home();
    findings.nat = {nat(mapping)};
    EXPECT_EQ(direct_is_possible(findings), possible) << stun::to_string(mapping);
    EXPECT_EQ(about(findings, "direct path")->level, possible ? Level::kGood : Level::kBad);
  }
  Findings blocked = home();
  blocked.nat = {nat(stun::Mapping::kUnknown, false)};
  EXPECT_FALSE(direct_is_possible(blocked));
  EXPECT_THAT(about(blocked, "UDP")->text, HasSubstr("blocks UDP"));
  Findings one_family = home();
  one_family.nat = {nat(stun::Mapping::kDependent), nat(stun::Mapping::kNone)};
  EXPECT_TRUE(direct_is_possible(one_family)) << "one family is enough";
  EXPECT_FALSE(direct_is_possible(Findings{}));
}

TEST(Conclusions, EachThatIsNotGoodSaysWhatToDoOrWhy) {
  Findings findings = home();
  findings.running = false;
  findings.conflicts = {"the network of bamgate overlaps with another one"};
  findings.path_mtu = 1400;
  findings.names = {{.what = "stun:nowhere:3478", .why = "no such name"}};
  findings.hub.emplace();
  findings.hub->reached = {.what = "hub:8443"};
  findings.hub->login = HubLogin::kRefused;
  findings.hub->login_why = "this device was revoked";
  findings.hub->clock_off_s = -4000;
  findings.relays_tried = true;
  findings.peers = {
      {.id = "nas", .state = "connected", .path = "relayed", .why_relayed = "its NAT", .transport = "udp"},
      {.id = "tv", .state = "failed", .last_error = "no path: none got through"},
      {.id = "car", .state = "new"}};
  std::vector<std::string> topics;
  for (const Conclusion& one : conclude(findings)) {
    EXPECT_FALSE(one.text.empty());
    if (one.level == Level::kGood) continue;
    topics.push_back(one.topic);
    EXPECT_TRUE(!one.todo.empty() || one.topic.starts_with("peer ")) << one.topic;
  }
  EXPECT_THAT(topics, ::testing::ElementsAre("device", "permissions", "routes", "STUN", "path MTU", "hub", "clock",
                                             "relay", "peer nas", "peer tv", "peer car"));
  EXPECT_THAT(about(findings, "clock")->text, HasSubstr("4000 s behind the hub's"));
  EXPECT_THAT(about(findings, "peer nas")->text, HasSubstr("relayed by udp: its NAT"));
  EXPECT_THAT(about(findings, "peer tv")->text, HasSubstr("none got through"));
}

TEST(Conclusions, AHubThatIsAwayIsNoReasonAgainstADirectPath) {
  Findings findings = home();
  findings.hub.emplace();
  findings.hub->reached = {.what = "hub:8443", .why = "connect to 192.0.2.1:8443: refused"};
  EXPECT_EQ(about(findings, "hub")->level, Level::kBad);
  EXPECT_TRUE(direct_is_possible(findings));
}

}  // namespace
}  // namespace bamgate::doctor
