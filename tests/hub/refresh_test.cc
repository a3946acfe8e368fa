// POST /auth/refresh: rotation, and the rule of the lost reply.
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "hub_fixture.h"

namespace bamgate::hub {
namespace {

class HubRefresh : public HubTest {
 protected:
  void SetUp() override {
    options.device_lifetime = 30 * 24 * 3600;
    HubTest::SetUp();
    home = enroll("home");
  }
  void TearDown() override {
    hub.reset();
    sql.reset();
    inner_sql.reset();
    sqlite.reset();
    std::filesystem::remove(path);
  }
  /// Ends the hub and starts one on `backup`.
  void bring_back(const std::string& backup) {
    {
      std::ofstream file(path, std::ios::binary);
      file << backup;
    }
    hub.reset();
    sqlite = std::make_unique<os::Sqlite>(os::Sqlite::open(path.string()).value());
    inner_sql = std::make_unique<testing::SqliteHubSql>(*sqlite);
    sql = std::make_unique<BreakableSql>(*inner_sql);
    start();
  }
  int use_access(const Answer& reply) { return request("GET", "/auth/devices", {}, reply.text("access_token")).status; }

  Member home;
  const std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("bamgate-refresh-" + std::to_string(getpid()) + ".db");
};

/// One device whose replies may be lost, and what the rules say of its tokens.
class HubRefreshOrders : public HubTest {
 protected:
  enum class Step : std::uint8_t { kRefresh, kRefreshLost, kUseAccess, kReplayOld };

  /// A hub without devices: each that a hub has seen makes all further lists longer.
  void begin_hub() {
    hub.reset();
    sql.reset();
    inner_sql.reset();
    SetUp();
    tokens_left = 0;
  }

  void begin(const std::string& name) {
    if (tokens_left == 0) {
      token = join_token(1000);
      tokens_left = 1000;
    }
    --tokens_left;
    const Answer reply = try_register(token, name, key_of(std::hash<std::string>{}(name)));
    ASSERT_EQ(reply.status, 200);
    id = reply.text("device_id");
    held = reply.text("refresh_token");
    access = reply.text("access_token");
    access_is_current = true;
    previous.clear();
    current = held;
    retired.clear();
  }

  /// The device presents what it holds; it must never be refused.
  void refresh_held(bool reply_arrives) {
    const Answer reply = refresh(id, held);
    ASSERT_EQ(reply.status, 200);
    for (std::string* end : {&current, &previous}) {
      if (!end->empty() && *end != held) retired.push_back(*end);
    }
    previous = held;
    current = reply.text("refresh_token");
    access_is_current = reply_arrives;
    if (!reply_arrives) return;
    held = current;
    access = reply.text("access_token");
  }

  void take_step(Step step) {
    advance(10ms);
    client = IpAddress::v4(client.v4_value() + 1);
    switch (step) {
      case Step::kRefresh:
        return refresh_held(true);
      case Step::kRefreshLost:
        return refresh_held(false);
      case Step::kUseAccess:
        ASSERT_EQ(request("GET", "/auth/devices", {}, access).status, 200);
        if (access_is_current && !previous.empty()) retired.push_back(std::exchange(previous, {}));
        return;
      case Step::kReplayOld:
        for (const std::string& old : retired) {
          client = IpAddress::v4(client.v4_value() + 1);
          ASSERT_EQ(refresh(id, old).error(), "refresh_token_invalid");
        }
        return;
    }
  }

  std::string token;
  int tokens_left = 0;
  std::string id;
  std::string held;    // what the device has stored
  std::string access;  // the newest access token that has arrived
  bool access_is_current = true;
  std::string current;
  std::string previous;
  std::vector<std::string> retired;
};

TEST_F(HubRefresh, ATokenIsExchangedForItsSuccessor) {
  const Answer reply = refresh(home.id, home.refresh_token);
  ASSERT_EQ(reply.status, 200);
  EXPECT_EQ(reply.number("expires_in"), 3600);
  EXPECT_EQ(reply.text("device_name"), "home");
  EXPECT_NE(reply.text("refresh_token"), home.refresh_token);
  EXPECT_EQ(use_access(reply), 200);
  EXPECT_EQ(refresh(home.id, reply.text("refresh_token")).status, 200);
}

TEST_F(HubRefresh, ALostReplyLocksNobodyOut) {
  for (int lost = 0; lost < 5; ++lost) EXPECT_EQ(refresh(home.id, home.refresh_token).status, 200) << lost;
  const Answer arrived = refresh(home.id, home.refresh_token);
  ASSERT_EQ(arrived.status, 200);
  EXPECT_EQ(refresh(home.id, arrived.text("refresh_token")).status, 200);
}

TEST_F(HubRefresh, UsingThePreviousTokenReplacesOnlyTheUndeliveredSuccessor) {
  const Answer lost = refresh(home.id, home.refresh_token);
  const Answer arrived = refresh(home.id, home.refresh_token);
  EXPECT_EQ(refresh(home.id, lost.text("refresh_token")).status, 401);
  EXPECT_EQ(use_access(lost), 200) << "access tokens live on until they expire";
  EXPECT_EQ(refresh(home.id, arrived.text("refresh_token")).status, 200);
}

TEST_F(HubRefresh, PresentingTheSuccessorEndsThePreviousToken) {
  const Answer second = refresh(home.id, home.refresh_token);
  const Answer third = refresh(home.id, second.text("refresh_token"));
  ASSERT_EQ(third.status, 200);
  logs.clear();
  const Answer old = refresh(home.id, home.refresh_token);
  EXPECT_EQ(old.status, 401);
  EXPECT_NE(old.error(), kRefreshTokenExpired);
  ASSERT_EQ(logs.size(), 1U);
  EXPECT_EQ(logs[0].event, "refresh_refused");
  EXPECT_EQ(json::write(logs[0].fields), R"({"device":"home","reason":"replaced or unknown","client":"192.0.2.0/24"})");
  EXPECT_EQ(refresh(home.id, third.text("refresh_token")).status, 200) << "nothing else is revoked by it";
}

TEST_F(HubRefresh, PresentingTheSuccessorsAccessTokenEndsThePreviousToken) {
  const Answer second = refresh(home.id, home.refresh_token);
  EXPECT_EQ(use_access(second), 200);
  EXPECT_EQ(refresh(home.id, home.refresh_token).status, 401);
  EXPECT_EQ(refresh(home.id, second.text("refresh_token")).status, 200);
}

TEST_F(HubRefresh, ConnectingWithTheSuccessorsAccessTokenEndsThePreviousToken) {
  const Answer second = refresh(home.id, home.refresh_token);
  home.access_token = second.text("access_token");
  connect(home);
  EXPECT_EQ(refresh(home.id, home.refresh_token).status, 401);
}

TEST_F(HubRefresh, TheAccessTokenBeforeConfirmsNothing) {
  refresh(home.id, home.refresh_token);
  EXPECT_EQ(request("GET", "/auth/devices", {}, home.access_token).status, 200);
  EXPECT_EQ(refresh(home.id, home.refresh_token).status, 200);
}

TEST_F(HubRefreshOrders, InNoOrderOfLostRepliesUsesAndReplaysIsADeviceLockedOutOrAnOldTokenGood) {
  constexpr std::array kSteps{Step::kRefresh, Step::kRefreshLost, Step::kUseAccess, Step::kReplayOld};
  constexpr int kLength = 5;
  for (int order = 0; order < 1024; ++order) {  // 4^5
    if (order % 32 == 0) begin_hub();
    begin("d" + std::to_string(order));
    for (int at = 0; at < kLength; ++at) {
      take_step(kSteps[static_cast<std::size_t>(order >> (2 * at)) % 4]);
      ASSERT_FALSE(HasFatalFailure()) << "order " << order << ", step " << at;
    }
    take_step(Step::kReplayOld);
    take_step(Step::kRefresh);
    ASSERT_FALSE(HasFatalFailure()) << "order " << order;
    request("DELETE", "/auth/devices/" + id, {}, access);
  }
}

TEST_F(HubRefresh, ADatabaseBroughtBackFromABackupTakesTheTokensThatWereIssuedSince) {
  const std::string backup = sqlite->snapshot().value();
  for (int hour = 0; hour < 40; ++hour) {
    advance(1h);
    const Answer reply = refresh(home.id, home.refresh_token);
    ASSERT_EQ(reply.status, 200);
    home.refresh_token = reply.text("refresh_token");
    home.access_token = reply.text("access_token");
    ASSERT_EQ(use_access(reply), 200);
  }
  bring_back(backup);
  EXPECT_FALSE(close_code(connect(home))) << "its access token is of this hub";
  const Answer reply = refresh(home.id, home.refresh_token);
  ASSERT_EQ(reply.status, 200);
  EXPECT_EQ(refresh(home.id, home.refresh_token).status, 200) << "a lost reply, also now";
  const Answer arrived = refresh(home.id, home.refresh_token);
  EXPECT_EQ(use_access(arrived), 200);
  EXPECT_EQ(refresh(home.id, home.refresh_token).error(), "refresh_token_invalid") << "from then on as always";
  EXPECT_EQ(refresh(home.id, arrived.text("refresh_token")).status, 200);
}

TEST_F(HubRefresh, AfterABackupCameBackOnlyTheHubsOwnTokensForThatDeviceInTimeAreTaken) {
  const Member other = enroll("other");
  const std::string backup = sqlite->snapshot().value();
  const Answer newer = refresh(home.id, home.refresh_token);
  const std::string good = newer.text("refresh_token");
  bring_back(backup);
  std::string forged = good;
  forged[3] = forged[3] == '1' ? '2' : '1';
  EXPECT_EQ(refresh(home.id, forged).error(), "refresh_token_invalid");
  forged = good.substr(0, 63) + (good.back() == '0' ? "1" : "0");
  EXPECT_EQ(refresh(home.id, forged).error(), "refresh_token_invalid");
  EXPECT_EQ(refresh(other.id, good).error(), "refresh_token_invalid");
  advance(30 * 24h - 1s);
  EXPECT_EQ(refresh(home.id, good).status, 200);
  bring_back(backup);
  advance(30 * 24h);
  EXPECT_EQ(refresh(home.id, good).error(), "refresh_token_expired");
}

TEST_F(HubRefresh, AWrongTokenCostsTheHubNoMoreThanARightOne) {
  const std::string old = home.refresh_token;
  std::string token = old;
  const auto digests_of = [&](const std::string& presented, int status) {
    const std::size_t before = crypto.digests;
    const Answer reply = refresh(home.id, presented);
    EXPECT_EQ(reply.status, status) << presented;
    if (status == 200) token = reply.text("refresh_token");
    return crypto.digests - before;
  };
  const std::size_t right = digests_of(token, 200);
  digests_of(token, 200);
  digests_of(token, 200);
  EXPECT_LE(digests_of(old, 401), right) << "one that is over";
  EXPECT_LE(digests_of(std::string(64, '0'), 401), right) << "one that never was";
  EXPECT_LE(digests_of("no token", 401), right);
}

TEST_F(HubRefresh, TheLifetimeRollsWithEachUse) {
  std::string token = home.refresh_token;
  for (int month = 0; month < 3; ++month) {
    advance(29 * 24h);
    const Answer reply = refresh(home.id, token);
    ASSERT_EQ(reply.status, 200);
    token = reply.text("refresh_token");
  }
  advance(30 * 24h);
  const Answer late = refresh(home.id, token);
  EXPECT_EQ(late.status, 401);
  EXPECT_EQ(late.error(), "refresh_token_expired");
}

TEST_F(HubRefresh, AnUndeliveredSuccessorDoesNotProlongThePreviousToken) {
  advance(20 * 24h);
  EXPECT_EQ(refresh(home.id, home.refresh_token).status, 200);
  advance(10 * 24h);
  EXPECT_EQ(refresh(home.id, home.refresh_token).error(), "refresh_token_expired");
}

TEST_F(HubRefresh, ARevokedOrUnknownDeviceHearsSo) {
  const Member other = enroll("other");
  EXPECT_EQ(request("DELETE", "/auth/devices/" + home.id, {}, other.access_token).status, 200);
  for (const std::string& id : {home.id, std::string("none"), std::string()}) {
    const Answer reply = refresh(id, home.refresh_token);
    EXPECT_EQ(reply.status, 401);
    EXPECT_EQ(reply.error(), "device not found or revoked");
  }
}

TEST_F(HubRefresh, AnothersTokenOrNoneIsRefused) {
  const Member other = enroll("other");
  EXPECT_EQ(refresh(home.id, other.refresh_token).status, 401);
  EXPECT_EQ(refresh(home.id, "").status, 401);
  EXPECT_EQ(request("POST", "/auth/refresh", R"({"device_id":"x"})").status, 400);
  EXPECT_EQ(refresh(home.id, home.refresh_token).status, 200);
}

}  // namespace
}  // namespace bamgate::hub
