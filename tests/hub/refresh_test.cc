// POST /auth/refresh: rotation, and the rule of the lost reply.
#include "hub_fixture.h"

namespace bamgate::hub {
namespace {

class HubRefresh : public HubTest {
 protected:
  void SetUp() override {
    HubTest::SetUp();
    home = enroll("home");
  }
  int use_access(const Answer& reply) { return request("GET", "/auth/devices", {}, reply.text("access_token")).status; }

  Member home;
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
  EXPECT_EQ(logs[0].find(home.refresh_token), std::string::npos);
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

TEST_F(HubRefresh, ThirtyDaysRollWithEachUse) {
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
