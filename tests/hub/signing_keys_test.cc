// Signing keys that rotate while the hub runs.
#include "hub/signing_keys.h"

#include "hub_fixture.h"

namespace bamgate::hub {
namespace {

class HubSigningKeys : public HubTest {
 protected:
  void SetUp() override {
    HubTest::SetUp();
    home = enroll("home");
  }

  static std::string kid_of(const std::string& token) {
    const auto header = from_base64url(token.substr(0, token.find('.')));
    const auto value = header ? json::parse(as_text(*header)) : json::parse("{}");
    const auto* kid = value ? value->get_string("kid") : nullptr;
    return kid == nullptr ? "" : *kid;
  }
  /// As `bamgate hub rotate-keys` does it: by a second hub on the same database.
  std::string rotate() {
    auto second = Hub::create({}, *sql, crypto, random, now, unix_now);
    EXPECT_TRUE(second);
    const auto kid = (*second)->rotate_signing_key(now, unix_now);
    EXPECT_TRUE(kid);
    return kid.value_or("");
  }
  int status_of(const std::string& token) { return request("GET", "/auth/devices", {}, token).status; }
  std::int64_t kept() {
    const auto rows = sqlite->execute("SELECT COUNT(*) FROM signing_keys");
    return rows ? std::get<std::int64_t>(rows->front().front()) : -1;
  }
  std::string next_token() {
    const Answer reply = refresh(home.id, home.refresh_token);
    EXPECT_EQ(reply.status, 200);
    home.refresh_token = reply.text("refresh_token");
    return reply.text("access_token");
  }

  Member home;
};

TEST_F(HubSigningKeys, ANewKeySignsAtOnceInAHubThatRuns) {
  const std::string kid = rotate();
  EXPECT_NE(kid, kid_of(home.access_token));
  const std::string token = next_token();
  EXPECT_EQ(kid_of(token), kid);
  EXPECT_EQ(status_of(token), 200);
}

TEST_F(HubSigningKeys, TokensOfTheOldKeyStayGoodForTheRestOfTheirHour) {
  advance(30min);
  rotate();
  EXPECT_EQ(status_of(home.access_token), 200);
  advance(30min - 1s);
  EXPECT_EQ(status_of(home.access_token), 200);
  advance(1s);
  EXPECT_EQ(request("GET", "/auth/devices", {}, home.access_token).error(), "token_expired");
}

TEST_F(HubSigningKeys, WhatIsSignedWithAStolenOldKeyIsWorthNothingAnHourLater) {
  const auto keys = sqlite->execute("SELECT kid, secret FROM signing_keys");
  ASSERT_TRUE(keys);
  SigningKey stolen{std::get<std::string>(keys->front()[0]), {}};
  copy_bytes(std::get<std::vector<std::byte>>(keys->front()[1]), stolen.secret.mutable_bytes());
  const auto network = sqlite->execute("SELECT value FROM settings WHERE name = 'network_id'");
  ASSERT_TRUE(network);
  const std::string network_id = std::get<std::string>(network->front()[0]);
  const auto forge = [&] {
    return write_access_token(crypto, stolen,
                              {home.id, "hub", network_id, 1, unix_now, UnixTime{unix_now.seconds + 86'400}});
  };
  rotate();
  advance(1h - 1s);
  EXPECT_EQ(status_of(forge()), 200);
  advance(1s);
  EXPECT_EQ(request("GET", "/auth/devices", {}, forge()).error(), "invalid_token");
}

TEST_F(HubSigningKeys, AnOldKeyIsRemovedWhenItVerifiesNothingAnyMore) {
  rotate();
  EXPECT_EQ(kept(), 2);
  advance(1h - 1s);
  next_token();
  EXPECT_EQ(kept(), 2);
  advance(1s);
  EXPECT_EQ(status_of(next_token()), 200);
  EXPECT_EQ(kept(), 1);
}

TEST_F(HubSigningKeys, OnADiskThatTakesNothingTokensAreReadAndTheHubStartsThoughAKeyHasEnded) {
  rotate();
  advance(30min);
  const std::string token = next_token();
  advance(31min);
  for (const char* write : {"UPDATE", "DELETE"}) {
    sql->broken_statement = write;
    start();
    EXPECT_EQ(status_of(token), 200) << write;
    EXPECT_EQ(status_of(home.access_token), 401) << write;
  }
  EXPECT_EQ(kept(), 2);
}

TEST_F(HubSigningKeys, OfKeysMadeWithinOneSecondTheLastSignsAndAllVerify) {
  std::vector<std::string> tokens{home.access_token};
  for (int i = 0; i < 5; ++i) {
    const std::string kid = rotate();
    tokens.push_back(next_token());
    EXPECT_EQ(kid_of(tokens.back()), kid);
  }
  for (const std::string& token : tokens) EXPECT_EQ(status_of(token), 200);
}

TEST_F(HubSigningKeys, AClockThatWasWrongDoesNotKeepTheOldKeyInUse) {
  ASSERT_TRUE(sqlite->execute("UPDATE signing_keys SET created_at = created_at + 31536000"));
  const std::string kid = rotate();
  EXPECT_EQ(kid_of(next_token()), kid);
  start();
  EXPECT_EQ(kid_of(next_token()), kid);
}

TEST_F(HubSigningKeys, ADatabaseThatFailsRotatesNothingAndRefusesNobody) {
  sql->broken_statement = "signing_keys";
  EXPECT_FALSE(hub->rotate_signing_key(now, unix_now));
  EXPECT_EQ(status_of(home.access_token), 500);
  EXPECT_EQ(refresh(home.id, home.refresh_token).status, 500);
  sql->broken_statement.clear();
  EXPECT_EQ(kept(), 1);
  EXPECT_EQ(status_of(home.access_token), 200);
}

}  // namespace
}  // namespace bamgate::hub
