// A database of the version before roles, made by that version's program (tests/vectors/hub_version_2.sql): its
// devices, tokens and revocations go on, and administer.
#include <gmock/gmock.h>

#include <fstream>

#include "hub_fixture.h"
#include "support/source_tree.h"

namespace bamgate::hub {
namespace {

class HubOldDatabase : public HubTest {
 protected:
  void SetUp() override {
    sqlite = std::make_unique<os::Sqlite>(os::Sqlite::open(":memory:").value());
    inner_sql = std::make_unique<testing::SqliteHubSql>(*sqlite);
    sql = std::make_unique<BreakableSql>(*inner_sql);
    std::ifstream file(testing::vector_file("hub_version_2.sql"));
    ASSERT_TRUE(file);
    for (std::string line; std::getline(file, line);) {
      if (!line.starts_with("-- ")) {
        ASSERT_TRUE(sqlite->execute(line)) << line;
      } else if (const std::size_t blank = line.find(' ', 3); blank != std::string::npos) {
        noted[line.substr(3, blank - 3)] = line.substr(blank + 1);
      }
    }
    unix_now = UnixTime{std::stoll(noted["made_at"]) + 60};
    start();
  }
  std::string refreshed(const std::string& device) {
    const Answer reply = refresh(noted[device + "_id"], noted[device + "_refresh"]);
    EXPECT_EQ(reply.status, 200) << device << " " << reply.error();
    return reply.text("access_token");
  }

  std::map<std::string, std::string> noted;
};

TEST_F(HubOldDatabase, ItsDevicesComeInAndAreAdministrators) {
  const std::string access = refreshed("home");
  refreshed("laptop");
  const Answer reply = request("GET", "/auth/devices", {}, access);
  ASSERT_EQ(reply.body.get_array("devices")->size(), 4U);
  for (const json::Value& device : *reply.body.get_array("devices")) {
    EXPECT_EQ(*device.get_string("role"), "admin");
    EXPECT_EQ(device.get_bool("expired"), false);
  }
  EXPECT_EQ(try_register(join_token(), "next", key_of(1)).status, 200);
  EXPECT_EQ(*request("GET", "/auth/devices", {}, access).body.get_array("devices")->back().get_string("role"),
            "member");
}

TEST_F(HubOldDatabase, TheTokenBeforeTheLastOneServesAsItDid) {
  EXPECT_EQ(refresh(noted["home_id"], noted["home_previous"]).status, 200);
}

TEST_F(HubOldDatabase, ADeviceThatWasAwayForLongerThanTheOldLifetimeIsLetIn) {
  advance(31 * 24h);
  refreshed("laptop");
  advance(181 * 24h);
  EXPECT_EQ(refresh(noted["home_id"], noted["home_refresh"]).error(), "refresh_token_expired");
}

TEST_F(HubOldDatabase, AWrongClockAtTheUpgradeExpiresNobody) {
  advance(400 * 24h);
  TearDown();
  SetUp();
  unix_now.seconds += std::int64_t{400} * 24 * 3600;
  start();
  refreshed("home");
}

TEST_F(HubOldDatabase, ItsJoinTokensLetMembersInUntilADeviceOfThatTimeIsRevoked) {
  const std::string access = refreshed("home");
  EXPECT_EQ(try_register(noted["hub_token"], "a", key_of(1)).status, 200);
  EXPECT_EQ(try_register(noted["laptop_token"], "b", key_of(2)).status, 200);
  const auto tokens = *request("GET", "/auth/tokens", {}, access).body.get_array("tokens");
  EXPECT_EQ(tokens.size(), 6U);
  for (const json::Value& token : tokens) EXPECT_EQ(*token.get_string("made_by"), "unknown");
  // Nobody wrote down whose they are, so they end with whoever may have made them.
  EXPECT_EQ(request("DELETE", "/auth/devices/" + noted["laptop_id"], {}, access).status, 200);
  EXPECT_EQ(try_register(noted["laptop_token"], "thief", key_of(3)).error(), "invalid_join_token");
  EXPECT_TRUE(request("GET", "/auth/tokens", {}, access).body.get_array("tokens")->empty());
}

TEST_F(HubOldDatabase, NamesAndAddressesOfItsRevokedDevicesRest) {
  EXPECT_EQ(try_register(join_token(), "gone", key_of(1)).error(), "name_taken");
  const Answer reply = try_register(join_token({.name = "gone"}), "gone", key_of(1));
  EXPECT_EQ(reply.text("address"), "10.100.0.5/16");
  const auto order = sqlite->execute("SELECT host FROM addresses WHERE rest IS NOT NULL ORDER BY rest").value();
  ASSERT_EQ(order.size(), 2U);
  EXPECT_EQ(std::get<std::int64_t>(order[0][0]), 3) << "`gone` was revoked before `early`";
  EXPECT_EQ(std::get<std::int64_t>(order[1][0]), 4);
}

TEST_F(HubOldDatabase, ItsRevocationsAreStillTold) {
  Member home{.name = "home",
              .public_key = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=",
              .id = {},
              .access_token = refreshed("home"),
              .refresh_token = {},
              .address = {},
              .address6 = {}};
  const auto told = take(connect(home));
  ASSERT_FALSE(told.empty());
  EXPECT_EQ(told.front().get_array("revoked")->size(), 2U);
}

}  // namespace
}  // namespace bamgate::hub
