// How any two of the networks that people have reach each other, against the committed table nat_grid.txt. Prints what
// was found as a table of the same form, and how long it took.
#include <gtest/gtest.h>

#include <algorithm>
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

constexpr const char* word(bool direct) { return direct ? "direct" : "relayed"; }

std::string cell_name(const ::testing::TestParamInfo<GridCell>& info) {
  std::string name;
  for (const char letter : info.param.name()) {
    if (letter != '-') name += letter == ' ' ? '_' : letter;
  }
  return name;
}

// ---- With the hub's relay: everybody connects ----

class NatGrid : public ::testing::TestWithParam<GridCell> {
 protected:
  static void TearDownTestSuite() {
    print_grid();
    for (const auto& [how, times] : times_) print_times(how, times);
  }
  static void print_grid();
  static void print_times(const std::string& how, std::vector<Duration> times);

  static inline std::map<std::string, std::map<std::string, std::string>> found_;
  static inline std::map<std::string, std::vector<Duration>> times_;  // until both had their path, by its kind
};

INSTANTIATE_TEST_SUITE_P(Cell, NatGrid, ::testing::ValuesIn(read_grid()), cell_name);

void NatGrid::print_grid() {
  constexpr int kWidth = 9;
  std::vector<std::string> kinds;
  for (const GridCell& cell : read_grid()) {
    const bool is_new = !cell.other.empty() && std::ranges::find(kinds, cell.one) == kinds.end();
    if (is_new && found_.contains(cell.one)) kinds.push_back(cell.one);
  }
  std::cout << std::left << std::setw(kWidth) << "";
  for (const std::string& kind : kinds) std::cout << std::setw(kWidth) << kind;
  for (const std::string& one : kinds) {
    std::cout << '\n' << std::setw(kWidth) << one;
    for (const std::string& other : kinds) std::cout << std::setw(kWidth) << found_[one][other];
  }
  std::cout << '\n';
  for (const auto& [one, row] : found_) {
    if (row.contains("")) std::cout << one << ' ' << row.at("") << '\n';
  }
}

void NatGrid::print_times(const std::string& how, std::vector<Duration> times) {
  std::ranges::sort(times);
  const auto seconds = [](Duration time) { return std::chrono::duration<double>(time).count(); };
  std::cout << how << ": " << times.size() << " pairs, connected after " << seconds(times[times.size() / 2])
            << " s (median), " << seconds(times.back()) << " s (longest)\n";
}

/// "direct", "relayed by udp", "relayed by websocket": how `device` sends to `peer`.
std::string path_of(const Device& device, const std::string& peer) {
  const agent::PeerStatus status = device.peer(peer);
  EXPECT_EQ(status.relay.empty(), status.why_relayed.empty());
  return status.relay.empty() ? "direct" : "relayed by " + status.relay;
}

/// A device of this kind reaches the relay so: by UDP where any passes.
std::string relayed_from(const std::string& kind) {
  const bool no_udp = kind == "no-udp" || kind == "tcp-443";
  return std::string("relayed by ") + (no_udp ? "websocket" : "udp");
}

TEST_P(NatGrid, ConnectsEveryPairAsTheTableSays) {
  const GridCell& cell = GetParam();
  World world(first_seed());
  add_pair(world, cell);
  Device& anna = world.device("anna");
  Device& bert = world.device("bert");
  const Instant began = world.agenda.now();
  ASSERT_TRUE(world.start_all(10s));
  const Duration took = world.agenda.now() - began;
  const auto both = [&] { return std::pair(path_of(anna, "bert"), path_of(bert, "anna")); };
  const auto expected = cell.direct ? std::pair<std::string, std::string>("direct", "direct")
                                    : std::pair(relayed_from(cell.one), relayed_from(cell.place_of_other()));
  // What began through the relay may find a better path while it carries packets.
  world.run_until([&] { return both() == expected; }, 10s);
  found_[cell.one][cell.other] = word(both().first == "direct");
  times_[both().first].push_back(took);
  EXPECT_EQ(both(), expected) << cell.name();

  for (const Family family : {Family::kV4, Family::kV6}) {
    EXPECT_TRUE(world.ping(anna, bert, family));
    EXPECT_TRUE(world.ping(bert, anna, family));
  }
  const int attempts = anna.attempts();
  world.run_for(testing::kSanitized ? 1min : 5min);
  EXPECT_TRUE(world.all_connected());
  EXPECT_EQ(both(), expected) << "it has changed";
  EXPECT_EQ(anna.attempts(), attempts) << "the connection was made anew";
}

TEST(NatGridTable, NamesEveryPairInBothOrders) {
  std::map<std::pair<std::string, std::string>, bool> pairs;
  std::set<std::string> kinds;
  for (const GridCell& cell : read_grid()) {
    if (cell.other.empty()) continue;
    EXPECT_TRUE(pairs.emplace(std::pair(cell.one, cell.other), cell.direct).second) << cell.name();
    kinds.insert(cell.one);
  }
  EXPECT_EQ(kinds.size(), 12U);
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

// ---- Without a relay: the pairs without a direct path say why, and try on ----

class NatGridWithoutRelay : public ::testing::TestWithParam<GridCell> {};

INSTANTIATE_TEST_SUITE_P(Pair, NatGridWithoutRelay,
                         ::testing::Values(GridCell{"sym", "sym"}, GridCell{"sym-addr", "port"}, GridCell{"v6", "port"},
                                           GridCell{"open", "no-udp"}, GridCell{"same-cgn", ""}),
                         cell_name);

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

// So long two devices without a path try, and so often at least and at most.
constexpr std::chrono::minutes kPatience = testing::kSanitized ? 10min : 60min;
constexpr int kFewestAttempts = testing::kSanitized ? 7 : 50;
constexpr int kMostAttempts = testing::kSanitized ? 30 : 130;

// Both say why, and both try on at a bearable rate: an attempt takes 40 s and the wait after it grows to 30 s.
TEST_P(NatGridWithoutRelay, TriesOnPatientlyAndSaysWhy) {
  const GridCell& cell = GetParam();
  World world(first_seed(), {.relay = false});
  add_pair(world, cell);
  EXPECT_FALSE(world.start_all(kPatience));
  Device& anna = world.device("anna");
  Device& bert = world.device("bert");
  for (Device* device : {&anna, &bert}) {
    EXPECT_GE(device->attempts(), kFewestAttempts) << device->registration().name << " has given up";
    EXPECT_LE(device->attempts(), kMostAttempts) << device->registration().name;
    EXPECT_TRUE(device->agent().status(world.agenda.now()).hub_connected);
    EXPECT_FALSE(device->given_up);
  }
  const std::string& other = cell.place_of_other();
  EXPECT_GE(reasons(anna, "bert", expected_reason(cell.one, other)), kFewestAttempts) << "it keeps it to itself";
  EXPECT_GE(reasons(bert, "anna", expected_reason(other, cell.one)), kFewestAttempts) << "it keeps it to itself";
  // A check takes 7 datagrams at most (RFC 8489 §6.2.1), an attempt has few pairs.
  EXPECT_LE(world.network.counters().delivered + world.network.counters().filtered, 30'000U);
  EXPECT_LE(world.hub.requests["/connect"], 4);
  EXPECT_EQ(world.hub.requests["/turn"], 0);
}

}  // namespace
}  // namespace bamgate::sim
