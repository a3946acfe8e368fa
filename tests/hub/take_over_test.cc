// A device that its owner registers again with another key: what becomes of the old one, and what its peers hear.
#include "github_fixture.h"
#include "hub/device_keys.h"

namespace bamgate::hub {
namespace {

class HubTakeOver : public GithubTest {
 protected:
  void SetUp() override {
    GithubTest::SetUp();
    laptop = member("laptop", key_of(1));
    home = enroll("home");
  }

  /// The keys of peer-revoked messages that `id` got since the last call.
  std::vector<std::string> revoked_keys(ConnectionId id) {
    std::vector<std::string> keys;
    for (const auto& message : take(id)) {
      if (*message.get_string("type") == "peer-revoked") keys.push_back(*message.get_string("publicKey"));
    }
    return keys;
  }
  /// The keys that a newcomer is told of.
  std::vector<std::string> told_to_newcomer(const Member& newcomer) {
    std::vector<std::string> keys;
    const ConnectionId id = connect(newcomer);
    for (const auto& message : take(id)) {
      const auto* revoked = message.get_array("revoked");
      if (revoked == nullptr) continue;
      for (const auto& entry : *revoked) keys.push_back(*entry.get_string("publicKey"));
    }
    return keys;
  }

  Member laptop;
  Member home;
};

using Keys = std::vector<std::string>;

TEST_F(HubTakeOver, TheSameOwnerWithAnotherKeyGetsIdAndAddressAndTheOldTokensEnd) {
  const Answer before = refresh(laptop.id, laptop.refresh_token);
  const Answer reply = come_in("laptop", key_of(2));
  ASSERT_EQ(reply.status, 200);
  EXPECT_EQ(reply.text("device_id"), laptop.id);
  EXPECT_EQ(reply.text("address"), laptop.address);
  EXPECT_EQ(reply.text("address6"), laptop.address6);
  EXPECT_EQ(logged("device_taken_over"), 1);
  for (const std::string& token : {laptop.access_token, before.text("access_token")}) {
    EXPECT_EQ(request("GET", "/auth/devices", {}, token).error(), "invalid_token");
    EXPECT_TRUE(try_open(static_cast<ConnectionId>(++last_connection), token));
  }
  for (const std::string& token : {laptop.refresh_token, before.text("refresh_token")}) {
    EXPECT_EQ(refresh(laptop.id, token).error(), "refresh_token_invalid");
  }
  const Answer devices = request("GET", "/auth/devices", {}, reply.text("access_token"));
  EXPECT_EQ(devices.body.get_array("devices")->size(), 2U);
  EXPECT_EQ(refresh(laptop.id, reply.text("refresh_token")).status, 200);
}

TEST_F(HubTakeOver, TheOldTurnSecretEnds) {
  const std::string old_secret = come_in("phone", key_of(5)).text("turn_secret");
  const std::string new_secret = come_in("phone", key_of(6)).text("turn_secret");
  EXPECT_EQ(new_secret.size(), 64U);
  EXPECT_NE(old_secret, new_secret);
}

TEST_F(HubTakeOver, OldSocketsCloseAndPeersHearThatTheOldKeyHasEndedBeforeTheyHearOfTheNewOne) {
  const ConnectionId peer = connect(home);
  const ConnectionId joined = connect(laptop);
  const ConnectionId unjoined = open(laptop.access_token);
  take(peer);
  const Member taken = member("laptop", key_of(2));
  EXPECT_EQ(close_code(joined), CloseCode::kRevoked);
  EXPECT_EQ(close_code(unjoined), CloseCode::kRevoked);
  const auto heard = take(peer);
  ASSERT_EQ(heard.size(), 2U);
  EXPECT_EQ(*heard[0].get_string("type"), "peer-revoked");
  EXPECT_EQ(*heard[0].get_string("peerId"), "laptop");
  EXPECT_EQ(*heard[0].get_string("publicKey"), laptop.public_key);
  EXPECT_EQ(*heard[1].get_string("type"), "peer-left");
  const ConnectionId again = connect(taken);
  EXPECT_FALSE(close_code(again));
  const auto then = take(peer);
  ASSERT_EQ(then.size(), 1U);
  const auto& info = (*then[0].get_array("peers"))[0];
  EXPECT_EQ(*info.get_string("publicKey"), key_of(2));
  EXPECT_EQ(*info.get_string("address"), laptop.address);
}

TEST_F(HubTakeOver, WhoeverJoinsWithinNinetyDaysHearsOfTheOldKey) {
  member("laptop", key_of(2));
  start();
  EXPECT_EQ(told_to_newcomer(home), Keys{key_of(1)});
  advance(std::chrono::hours(24 * 90) + 1s);
  EXPECT_EQ(told_to_newcomer(member("other", key_of(7))), Keys{});
}

TEST_F(HubTakeOver, TheOldKeyIsRefusedAtTheJoin) {
  Member taken = member("laptop", key_of(2));
  taken.public_key = key_of(1);
  EXPECT_EQ(close_code(connect(taken)), CloseCode::kForbidden);
}

TEST_F(HubTakeOver, TheSameKeyIsALostReplyAndNothingIsRevoked) {
  const ConnectionId peer = connect(home);
  const ConnectionId joined = connect(laptop);
  take(peer);
  const Member again = member("laptop", key_of(1));
  EXPECT_EQ(again.id, laptop.id);
  EXPECT_EQ(close_code(joined), CloseCode::kRevoked);
  EXPECT_EQ(take_types(peer), Keys{"peer-left"});
  EXPECT_EQ(logged("device_taken_over"), 0);
  EXPECT_EQ(logged("device_registered_again"), 1);
}

TEST_F(HubTakeOver, ADeviceOfAnotherOwnerIsNotTaken) {
  const ConnectionId peer = connect(home);
  const std::string before = state();
  const Answer reply = come_in("home", key_of(9));
  EXPECT_EQ(reply.status, 409);
  EXPECT_EQ(reply.error(), "name_taken");
  EXPECT_EQ(state(), before);
  EXPECT_FALSE(close_code(peer));
}

TEST_F(HubTakeOver, ADeviceThatJoinedByATokenOfTheOwnersDeviceIsTheOwners) {
  const Answer made = request("POST", "/auth/tokens", {}, laptop.access_token);
  const Answer phone = try_register(made.text("join_token"), "phone", key_of(3));
  ASSERT_EQ(phone.status, 200);
  const Answer taken = come_in("phone", key_of(4));
  EXPECT_EQ(taken.status, 200);
  EXPECT_EQ(taken.text("device_id"), phone.text("device_id"));
}

TEST_F(HubTakeOver, TheKeyOfAnotherDeviceIsRefusedAndNothingChanges) {
  const std::string before = state();
  EXPECT_EQ(come_in("laptop", home.public_key).error(), "key_taken");
  EXPECT_EQ(state(), before);
}

TEST_F(HubTakeOver, ARevokedDeviceIsNotTakenOverItsNameIsFree) {
  request("DELETE", "/auth/devices/" + laptop.id, {}, home.access_token);
  const Member fresh = member("laptop", key_of(2));
  EXPECT_NE(fresh.id, laptop.id);
  EXPECT_EQ(logged("device_taken_over"), 0);
  EXPECT_EQ(refresh(laptop.id, laptop.refresh_token).error(), kDeviceGone);
}

TEST_F(HubTakeOver, WithoutAKeyTheFirstJoinDecidesAndTheSameKeyIsNotRevoked) {
  const ConnectionId peer = connect(home);
  take(peer);
  Member taken = member("laptop", "");
  EXPECT_EQ(taken.id, laptop.id);
  EXPECT_EQ(take_types(peer), Keys{});
  taken.public_key = key_of(1);
  EXPECT_FALSE(close_code(connect(taken)));
  EXPECT_EQ(take_types(peer), Keys{"peers"});
  EXPECT_EQ(told_to_newcomer(home), Keys{});
}

TEST_F(HubTakeOver, WithoutAKeyAnotherOneAtTheFirstJoinEndsTheOldOne) {
  const ConnectionId peer = connect(home);
  Member taken = member("laptop", "");
  take(peer);
  taken.public_key = key_of(2);
  EXPECT_FALSE(close_code(connect(taken)));
  EXPECT_EQ(take_types(peer), (Keys{"peer-revoked", "peers"}));
  EXPECT_EQ(told_to_newcomer(home), Keys{key_of(1)});
}

TEST_F(HubTakeOver, AKeyThatWaitsForTheJoinEndsWithTheDeviceOrWithAKeyThatIsNamed) {
  const ConnectionId peer = connect(home);
  member("laptop", "");
  member("laptop", "");
  take(peer);
  const Member named = member("laptop", key_of(2));
  EXPECT_EQ(revoked_keys(peer), Keys{key_of(1)});
  member("laptop", "");
  take(peer);
  request("DELETE", "/auth/devices/" + named.id, {}, home.access_token);
  EXPECT_EQ(revoked_keys(peer), Keys{key_of(2)});
}

TEST_F(HubTakeOver, AKeyThatComesBackLeavesTheListAndTheOneBetweenStandsInIt) {
  member("laptop", key_of(2));
  member("laptop", key_of(1));
  EXPECT_EQ(told_to_newcomer(home), Keys{key_of(2)});
}

TEST_F(HubTakeOver, TheJoinTokenOfTheOldKeyLetsNobodyInAnyMore) {
  const std::string token = request("POST", "/auth/tokens", {}, laptop.access_token).text("join_token");
  ASSERT_EQ(try_register(token, "phone", key_of(3)).status, 200);
  ASSERT_EQ(come_in("phone", key_of(4)).status, 200);
  EXPECT_EQ(try_register(token, "phone", key_of(3)).error(), "join_token_used");
  EXPECT_EQ(try_register(token, "thief", key_of(3)).error(), "join_token_used");
}

TEST_F(HubTakeOver, AStatementThatFailsTakesAllOfItBack) {
  const ConnectionId peer = connect(home);
  const ConnectionId joined = connect(laptop);
  take(peer);
  const std::string before = state();
  for (const char* statement : {"INTO retired_keys", "SET public_key", "FROM retired_keys", "UPDATE retired_keys",
                                "SET credential_generation", "INTO refresh_tokens"}) {
    next_client();
    const RequestId id = sign_in("laptop", key_of(2));
    sql->broken_statement = statement;
    EXPECT_EQ(fetched(id, FetchReply{200, user(kOwnerId, "octocat")}).status, 500) << statement;
    sql->broken_statement.clear();
    EXPECT_EQ(state(), before) << statement;
  }
  EXPECT_FALSE(close_code(joined));
  EXPECT_EQ(take_types(peer), Keys{});
  EXPECT_EQ(come_in("laptop", key_of(2)).status, 200);
}

TEST_F(HubTakeOver, OfManyOldKeysTheNewestAreKept) {
  for (std::uint64_t seed = 10; seed < 10 + kMaxRevocations + 20; ++seed) {
    ASSERT_EQ(come_in("laptop", key_of(seed)).status, 200);
    advance(1s);
    next_client();
  }
  const auto rows = sqlite->execute("SELECT COUNT(*) FROM retired_keys");
  ASSERT_TRUE(rows);
  EXPECT_EQ(std::get<std::int64_t>(rows->front().front()), kMaxRevocations);
  const Keys told = told_to_newcomer(home);
  EXPECT_EQ(told.size(), static_cast<std::size_t>(kMaxRevocations));
  EXPECT_EQ(std::ranges::count(told, key_of(1)), 0);
  EXPECT_EQ(std::ranges::count(told, key_of(10 + kMaxRevocations + 18)), 1);
}

}  // namespace
}  // namespace bamgate::hub
