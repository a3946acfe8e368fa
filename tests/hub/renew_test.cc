// A device that was away for too long, and an administrator who lets it in again (protocol.md, "HTTP API").
#include "hub_fixture.h"

namespace bamgate::hub {
namespace {

class HubRenew : public HubTest {
 protected:
  void SetUp() override {
    HubTest::SetUp();
    admin = enroll("admin");
    shelf = enroll_member("shelf");
  }
  /// The administrator stays: it refreshes now and then.
  void months(int count) {
    for (int month = 0; month < count; ++month) {
      advance(30 * 24h);
      const Answer reply = refresh(admin.id, admin.refresh_token);
      ASSERT_EQ(reply.status, 200);
      admin.refresh_token = reply.text("refresh_token");
      admin.access_token = reply.text("access_token");
      request("GET", "/auth/devices", {}, admin.access_token);
    }
  }
  Answer renew(const Member& device) {
    return request("POST", "/auth/devices/" + device.id + "/renew", {}, admin.access_token);
  }
  bool is_expired() {
    const Answer reply = request("GET", "/auth/devices", {}, admin.access_token);
    for (const json::Value& device : *reply.body.get_array("devices")) {
      if (*device.get_string("device_name") == "shelf") return device.get_bool("expired").value_or(false);
    }
    return false;
  }

  Member admin;
  Member shelf;
};

TEST_F(HubRenew, ADeviceThatExpiredMonthsAgoComesInWithItsLastToken) {
  months(5);
  EXPECT_FALSE(is_expired());
  months(10);
  EXPECT_TRUE(is_expired());
  EXPECT_EQ(refresh(shelf.id, shelf.refresh_token).error(), "refresh_token_expired");
  ASSERT_EQ(renew(shelf).status, 200);
  EXPECT_FALSE(is_expired());
  const Answer back = refresh(shelf.id, shelf.refresh_token);
  ASSERT_EQ(back.status, 200);
  months(5);
  EXPECT_EQ(refresh(shelf.id, back.text("refresh_token")).status, 200) << "with its whole lifetime";
}

TEST_F(HubRenew, ItLastsForSevenDays) {
  months(7);
  ASSERT_EQ(renew(shelf).status, 200);
  advance(7 * 24h);
  EXPECT_EQ(refresh(shelf.id, shelf.refresh_token).error(), "refresh_token_expired");
  admin.access_token = refresh(admin.id, admin.refresh_token).text("access_token");
  ASSERT_EQ(renew(shelf).status, 200);
  advance(7 * 24h - 1s);
  EXPECT_EQ(refresh(shelf.id, shelf.refresh_token).status, 200);
}

TEST_F(HubRenew, ALostReplyDoesNotUseItUpAndAnArrivedOneDoes) {
  months(7);
  ASSERT_EQ(renew(shelf).status, 200);
  EXPECT_EQ(refresh(shelf.id, shelf.refresh_token).status, 200);
  const Answer second = refresh(shelf.id, shelf.refresh_token);
  ASSERT_EQ(second.status, 200);
  const Answer third = refresh(shelf.id, second.text("refresh_token"));
  ASSERT_EQ(third.status, 200);
  EXPECT_EQ(refresh(shelf.id, shelf.refresh_token).error(), "refresh_token_invalid");
}

TEST_F(HubRenew, OnceMoreIsOnce) {
  months(7);
  ASSERT_EQ(renew(shelf).status, 200);
  const Answer back = refresh(shelf.id, shelf.refresh_token);
  ASSERT_EQ(request("GET", "/auth/devices", {}, back.text("access_token")).status, 200);
  EXPECT_EQ(refresh(shelf.id, shelf.refresh_token).error(), "refresh_token_invalid");
  ASSERT_TRUE(sqlite->execute("UPDATE refresh_tokens SET issued_at = 1 WHERE device_id = '" + shelf.id + "'"));
  EXPECT_EQ(refresh(shelf.id, back.text("refresh_token")).error(), "refresh_token_expired");
}

TEST_F(HubRenew, AnotherTokenThanTheLastOneIsNotRenewed) {
  const Answer second = refresh(shelf.id, shelf.refresh_token);
  request("GET", "/auth/devices", {}, second.text("access_token"));
  months(7);
  ASSERT_EQ(renew(shelf).status, 200);
  EXPECT_EQ(refresh(shelf.id, shelf.refresh_token).error(), "refresh_token_invalid");
  EXPECT_EQ(refresh(shelf.id, second.text("refresh_token")).status, 200);
}

TEST_F(HubRenew, ARevokedOrUnknownDeviceIsNotRenewed) {
  ASSERT_EQ(revoke(shelf, admin).status, 200);
  EXPECT_EQ(renew(shelf).error(), "revoked");
  EXPECT_EQ(renew({.id = "none"}).status, 404);
  EXPECT_EQ(refresh(shelf.id, shelf.refresh_token).error(), "device not found or revoked");
}

}  // namespace
}  // namespace bamgate::hub
