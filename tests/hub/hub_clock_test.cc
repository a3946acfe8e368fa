// A hub whose clock is wrong, and one that was off: nobody is refused for good (hub/hub_clock.h).
#include "hub/hub_clock.h"

#include <gmock/gmock.h>

#include "hub_fixture.h"

namespace bamgate::hub {
namespace {

constexpr std::int64_t kDay = 24 * 3600;

class HubClockTest : public HubTest {
 protected:
  void SetUp() override {
    options.device_lifetime = 30 * kDay;
    HubTest::SetUp();
    admin = enroll("admin");
    device = enroll_member("device");
    gone = enroll_member("gone");
    token = join_token(5, kDay);
    revoke(gone, admin);
  }
  void set_clock(std::int64_t days) { unix_now.seconds += days * kDay; }
  /// The next refresh of `device`, as a device does it.
  Answer come_again() {
    Answer reply = refresh(device.id, device.refresh_token);
    if (reply.status == 200) device.refresh_token = reply.text("refresh_token");
    return reply;
  }
  std::size_t revocations_told() {
    const Answer fresh = refresh(admin.id, admin.refresh_token);
    EXPECT_EQ(fresh.status, 200);
    admin.access_token = fresh.text("access_token");
    admin.refresh_token = fresh.text("refresh_token");
    const ConnectionId id = connect(admin);
    const auto told = take(id);
    if (told.empty()) return 0;
    const auto* revoked = told.front().get_array("revoked");
    return revoked == nullptr ? 0 : revoked->size();
  }

  Member admin;
  Member device;
  Member gone;
  std::string token;
};

TEST_F(HubClockTest, AJumpAheadIsSaidAndNothingIsDestroyedByIt) {
  for (const int days : {40, 400, 40'000}) {
    const std::int64_t right = unix_now.seconds;
    logs.clear();
    set_clock(days);
    EXPECT_EQ(come_again().status, 200) << days;
    EXPECT_EQ(logged("clock_jumped"), 1);
    EXPECT_EQ(try_register(token, "x" + std::to_string(days), key_of(static_cast<std::uint64_t>(days))).error(),
              "join_token_expired")
        << "as long as the clock says so";
    EXPECT_EQ(revocations_told(), 1U);
    join_token();  // making one cleans up
    unix_now.seconds = right;
    EXPECT_EQ(come_again().status, 200) << days;
    EXPECT_EQ(logged("clock_jumped"), 2);
    EXPECT_EQ(try_register(token, "x" + std::to_string(days), key_of(static_cast<std::uint64_t>(days))).status, 200)
        << days;
    EXPECT_EQ(revocations_told(), 1U);
    EXPECT_EQ(revoke(gone, admin).status, 200);
    EXPECT_EQ(try_register(join_token(), "gone", gone.public_key).error(), "name_taken");
  }
}

TEST_F(HubClockTest, AHubThatStartsWithAWrongClockDestroysNothing) {
  for (const int days : {40, -40, 400, -4000}) {
    const std::int64_t right = unix_now.seconds;
    logs.clear();
    set_clock(days);
    start();
    drain();
    EXPECT_EQ(logged(days > 0 ? "clock_is_ahead" : "clock_went_back"), 1) << days;
    EXPECT_EQ(come_again().status, 200) << days;
    EXPECT_EQ(revocations_told(), 1U) << days;
    join_token();
    unix_now.seconds = right;
    start();
    EXPECT_EQ(come_again().status, 200) << days;
    EXPECT_EQ(revocations_told(), 1U) << days;
    EXPECT_EQ(
        try_register(token, "y" + std::to_string(days + 5000), key_of(static_cast<std::uint64_t>(days + 5000))).status,
        200)
        << days;
  }
}

TEST_F(HubClockTest, AClockThatWentBackMakesNoEndedTokenGood) {
  advance(25h);
  EXPECT_EQ(try_register(token, "x", key_of(1)).error(), "join_token_expired");
  set_clock(-40);
  EXPECT_EQ(try_register(token, "x", key_of(1)).error(), "join_token_expired");
  start();
  EXPECT_EQ(try_register(token, "x", key_of(1)).error(), "join_token_expired");
  EXPECT_EQ(try_register(join_token(1, 60), "x", key_of(1)).status, 200) << "a new one is good at once";
}

TEST_F(HubClockTest, ATokenMadeByAClockThatIsAheadLivesNoLongerThanItsTime) {
  set_clock(40);
  const std::string made = join_token(1, kDay);
  set_clock(-40);
  advance(25h);
  EXPECT_EQ(try_register(made, "x", key_of(1)).error(), "join_token_expired");
}

TEST_F(HubClockTest, WhileAHubIsOffNoDeviceExpires) {
  EXPECT_EQ(come_again().status, 200);
  set_clock(200);  // and the monotonic clock, too, which a new process does not know
  now += 200 * 24h;
  start();
  EXPECT_EQ(come_again().status, 200);
}

TEST_F(HubClockTest, TimeThatAHubLivesThroughExpiresADeviceInManyShortRunsToo) {
  for (int run = 0; run < 31; ++run) {
    for (int hour = 0; hour < 24; ++hour) {
      advance(1h);
      request("GET", "/status");
    }
    start();
  }
  const Answer reply = come_again();
  EXPECT_EQ(reply.status, 401);
  EXPECT_EQ(reply.error(), "refresh_token_expired");
}

TEST_F(HubClockTest, ALifetimeThatIsChangedCountsForAllDevices) {
  advance(40 * 24h);
  EXPECT_EQ(come_again().error(), "refresh_token_expired");
  options.device_lifetime = kDefaultDeviceLifetime;
  start();
  EXPECT_EQ(come_again().status, 200);
  advance(181 * 24h);
  EXPECT_EQ(come_again().error(), "refresh_token_expired");
}

TEST_F(HubClockTest, WhoWorksOnTheDatabaseKnowsTheLifetimeThatTheHubWasStartedWith) {
  options.device_lifetime = 400 * kDay;
  start();
  options.device_lifetime.reset();
  start();
  advance(399 * 24h);
  EXPECT_EQ(come_again().status, 200);
}

TEST_F(HubClockTest, ALifetimeThatCannotBeKeptCountsAllTheSame) {
  options.device_lifetime = 400 * kDay;
  sql->broken_statement = "device_lifetime', ?1";
  start();
  sql->broken_statement.clear();
  advance(399 * 24h);
  EXPECT_EQ(come_again().status, 200);
}

TEST_F(HubClockTest, ASmallCorrectionIsNotWorthALine) {
  unix_now.seconds += 200;
  EXPECT_EQ(come_again().status, 200);
  unix_now.seconds -= 300;
  EXPECT_EQ(come_again().status, 200);
  EXPECT_EQ(logged("clock_jumped"), 0);
}

TEST_F(HubClockTest, ATimeThatCannotBeNotedHindersNobody) {
  sql->broken_statement = "INTO clock";
  advance(2h);
  EXPECT_EQ(request("GET", "/status").status, 200);
  EXPECT_EQ(come_again().status, 200);
}

}  // namespace
}  // namespace bamgate::hub
