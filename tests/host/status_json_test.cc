// What `bamgate status --json` and `status -v` say of counters.
#include "host/status_json.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <set>
#include <string>

#include "net/udp_socket.h"
#include "os/tun.h"
#include "support/source_tree.h"

namespace bamgate::host {
namespace {

TEST(StatusJson, CountersStandByTheirNames) {
  agent::Status status;
  agent::write_counters(net::UdpCounters{.received = 5, .send_errors = 2}, status.counters);
  agent::write_counters(os::TunCounters{.write_failures = 3}, status.counters);
  const json::Value value = status_json({}, "", status);
  const json::Value* counters = value.find("counters");
  ASSERT_NE(counters, nullptr);
  const auto count = [&](std::string_view name) { return counters->find(name)->as_int().value(); };
  EXPECT_EQ(count("udp_received"), 5);
  EXPECT_EQ(count("udp_send_errors"), 2);
  EXPECT_EQ(count("udp_sent"), 0);
  EXPECT_EQ(count("tun_write_failures"), 3);
}

TEST(StatusJson, NoTwoCountersHaveTheSameNameOrTheSameWords) {
  std::set<std::string_view> names;
  std::set<std::string> words;
  for (const agent::CounterGroup& group : counter_groups()) {
    for (const auto& entry : group.entries) {
      EXPECT_TRUE(names.insert(entry.name).second) << entry.name;
      EXPECT_TRUE(words.insert(std::string(group.title) + ": " + std::string(entry.words)).second) << entry.words;
    }
  }
  for (const std::string_view name : {"udp_sent", "tun_write_failures", "datagrams_socket_gone", "packets_no_peer",
                                      "wg_bad_tag", "hub_losses", "ice_checks_sent", "dtls_not_records"}) {
    EXPECT_TRUE(names.contains(name)) << name;
  }
}

TEST(StatusJson, TheDocumentationNamesEachCounter) {
  const auto path = testing::source_tree() / "docs" / "agent.md";
  std::ifstream file(path);
  ASSERT_TRUE(file) << path;
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  for (const agent::CounterGroup& group : counter_groups()) {
    for (const auto& entry : group.entries) {
      EXPECT_NE(text.find("`" + std::string(entry.name) + "`"), std::string::npos) << entry.name;
    }
  }
}

}  // namespace
}  // namespace bamgate::host
