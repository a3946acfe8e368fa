// Who reaches whom: every pair of the networks that people have, against the committed table nat_grid.txt.
// BAMGATE_VERBOSE=1 prints what was found, as a table of the same form.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <iomanip>
#include <iostream>
#include <map>
#include <set>

#include "scenario/nat_grid.h"
#include "sim/replay.h"
#include "support/sanitized.h"

namespace bamgate::sim {
namespace {

using namespace std::chrono_literals;

class NatGrid : public ::testing::TestWithParam<GridCell> {
 protected:
  static void TearDownTestSuite() {
    if (std::getenv("BAMGATE_VERBOSE") != nullptr) print();
  }
  static void print();

  static inline std::map<std::string, std::map<std::string, bool>> found_;
};

std::string cell_name(const ::testing::TestParamInfo<GridCell>& info) {
  std::string name;
  for (const char letter : info.param.name()) {
    if (letter != '-') name += letter == ' ' ? '_' : letter;
  }
  return name;
}

INSTANTIATE_TEST_SUITE_P(Cell, NatGrid, ::testing::ValuesIn(read_grid()), cell_name);

void NatGrid::print() {
  std::set<std::string> kinds;
  for (const auto& [one, row] : found_) {
    if (!row.contains("")) kinds.insert(one);
  }
  std::cout << std::left << std::setw(18) << "";
  for (const std::string& kind : kinds) std::cout << std::setw(10) << kind;
  for (const auto& [one, row] : found_) {
    std::cout << '\n' << std::setw(18) << one;
    for (const auto& [other, connects] : row) std::cout << std::setw(10) << (connects ? "yes" : "no");
  }
  std::cout << '\n';
}

/// How often a person read on this device that there is no path to the other one, with this reason.
std::ptrdiff_t reasons(const Device& device, const std::string& other, const std::string& reason) {
  return std::ranges::count_if(device.notices, [&](const std::string& notice) {
    const bool tells = notice.find("trying again") != std::string::npos || notice.find("waiting") != std::string::npos;
    return notice.starts_with(other + ": no path: ") && notice.find(reason) != std::string::npos && tells;
  });
}

/// What a device in a place of this kind must say of its failures with one of the `other` kind.
std::string expected_reason(const std::string& kind, const std::string& other) {
  const auto has_only_v6 = [](const std::string& name) { return name == "v6"; };
  const auto has_v6 = [](const std::string& name) { return name == "v6" || name == "dual" || name == "open"; };
  if ((has_only_v6(kind) && !has_v6(other)) || (has_only_v6(other) && !has_v6(kind))) return "IPv4 against IPv6";
  return kind == "no-udp" ? "this network probably blocks UDP" : "pairs of addresses";
}

void expect_direct(World& world, Device& anna, Device& bert) {
  for (const Family family : {Family::kV4, Family::kV6}) {
    EXPECT_TRUE(world.ping(anna, bert, family));
    EXPECT_TRUE(world.ping(bert, anna, family));
  }
  const int attempts = anna.attempts();
  world.run_for(testing::kSanitized ? 1min : 5min);
  EXPECT_TRUE(world.all_connected());
  EXPECT_EQ(anna.attempts(), attempts) << "the connection was made anew";
  EXPECT_EQ(anna.peer("bert").ice_remote.find("relay"), std::string::npos);
}

// So long two devices without a path try, and so often at least and at most.
constexpr std::chrono::minutes kPatience = testing::kSanitized ? 10min : 60min;
constexpr int kFewestAttempts = testing::kSanitized ? 7 : 50;
constexpr int kMostAttempts = testing::kSanitized ? 30 : 130;

// Both say why, and both try on at a bearable rate: an attempt takes 40 s and the wait after it grows to 30 s.
void expect_patience(World& world, Device& anna, Device& bert, const GridCell& cell) {
  for (Device* device : {&anna, &bert}) {
    EXPECT_GE(device->attempts(), kFewestAttempts) << device->registration().name << " has given up";
    EXPECT_LE(device->attempts(), kMostAttempts) << device->registration().name;
    EXPECT_TRUE(device->agent().status(world.agenda.now()).hub_connected);
    EXPECT_FALSE(device->given_up);
  }
  EXPECT_GE(reasons(anna, "bert", expected_reason(cell.one, cell.other)), kFewestAttempts)
      << "it keeps the reason to itself";
  EXPECT_GE(reasons(bert, "anna", expected_reason(cell.other, cell.one)), kFewestAttempts)
      << "it keeps the reason to itself";
  // A check takes 7 datagrams at most (RFC 8489 §6.2.1), an attempt has few pairs.
  EXPECT_LE(world.network.counters().delivered + world.network.counters().filtered, 30'000U);
  EXPECT_LE(world.hub.requests["/connect"], 4);
}

TEST_P(NatGrid, ConnectsDirectlyExactlyWhereTheTableSaysSo) {
  const GridCell& cell = GetParam();
  World world(first_seed());
  add_pair(world, cell);
  Device& anna = world.device("anna");
  Device& bert = world.device("bert");
  const bool connects = world.start_all(cell.connects ? Duration(10s) : Duration(kPatience));
  found_[cell.one][cell.other] = connects;
  EXPECT_EQ(connects, cell.connects) << cell.name();
  if (connects) {
    expect_direct(world, anna, bert);
  } else {
    expect_patience(world, anna, bert, cell);
  }
}

TEST(NatGridTable, NamesEveryPairInBothOrders) {
  std::map<std::pair<std::string, std::string>, bool> pairs;
  std::set<std::string> kinds;
  for (const GridCell& cell : read_grid()) {
    if (cell.other.empty()) continue;
    EXPECT_TRUE(pairs.emplace(std::pair(cell.one, cell.other), cell.connects).second) << cell.name();
    kinds.insert(cell.one);
  }
  EXPECT_EQ(kinds.size(), 11U);
  for (const std::string& one : kinds) {
    for (const std::string& other : kinds) {
      const auto there = pairs.find({one, other});
      const auto back = pairs.find({other, one});
      ASSERT_NE(there, pairs.end()) << one << " to " << other;
      ASSERT_NE(back, pairs.end());
      EXPECT_EQ(there->second, back->second) << "who offers must not matter: " << one << " and " << other;
    }
  }
}

}  // namespace
}  // namespace bamgate::sim
