// Names and addresses rest (protocol.md, "Names and addresses"); renaming and forgetting.
#include <gmock/gmock.h>

#include <deque>

#include "hub_fixture.h"

namespace bamgate::hub {
namespace {

using ::testing::ElementsAre;

class HubNames : public HubTest {
 protected:
  Answer act(const Member& device, const std::string& action, const std::string& body = {}) {
    return request("POST", "/auth/devices/" + device.id + "/" + action, body, admin.access_token);
  }
  Answer rename(const Member& device, const std::string& name) {
    return act(device, "rename", json::write(json::Object{{"device_name", name}}));
  }
  void begin() { admin = enroll("admin"); }

  Member admin;
};

TEST_F(HubNames, TheNameOfARevokedDeviceIsForATokenThatWasMadeForIt) {
  begin();
  const Member nas = enroll_member("nas");
  ASSERT_EQ(revoke(nas, admin).status, 200);
  const Answer refused = try_register(join_token(), "nas", key_of(7));
  EXPECT_EQ(refused.status, 409);
  EXPECT_EQ(refused.error(), "name_taken");
  EXPECT_EQ(try_register(join_token({.admin = true}), "nas", nas.public_key).status, 409)
      << "its own key changes nothing";
  EXPECT_EQ(try_register(join_token({.name = "nas"}), "nas", key_of(7)).status, 200);
}

TEST_F(HubNames, AForgottenNameIsFreeAndItsKeyIsStillToldOf) {
  begin();
  const Member nas = enroll_member("nas");
  EXPECT_EQ(act(nas, "forget").error(), "not_revoked");
  ASSERT_EQ(revoke(nas, admin).status, 200);
  ASSERT_EQ(act(nas, "forget").status, 200);
  EXPECT_EQ(act(nas, "forget").status, 404);
  const Member next = enroll_member("other");
  EXPECT_NE(next.address, nas.address) << "the address rests on";
  EXPECT_EQ(try_register(join_token(), "nas", key_of(7)).status, 200);
  const auto list = take(connect(admin));
  ASSERT_EQ(list.front().get_array("revoked")->size(), 1U);
  EXPECT_EQ(*list.front().get_array("revoked")->front().get_string("publicKey"), nas.public_key);
}

TEST_F(HubNames, ANameRestsForEverUntilSomebodyForgetsIt) {
  begin();
  const Member nas = enroll_member("nas");
  ASSERT_EQ(revoke(nas, admin).status, 200);
  for (int month = 0; month < 6; ++month) {
    advance(31 * 24h);
    admin = enroll("admin");  // the same key: the same device
  }
  EXPECT_EQ(try_register(join_token(), "nas", key_of(7)).error(), "name_taken");
}

TEST_F(HubNames, ARenamedDeviceIsToldToRefreshAndTheOthersHearOfBothNames) {
  begin();
  const Member laptop = enroll_member("laptop");
  const ConnectionId one = connect(admin);
  const ConnectionId two = connect(laptop);
  const ConnectionId opening = open(laptop.access_token);
  take(one);
  ASSERT_EQ(rename(laptop, "work").status, 200);
  EXPECT_EQ(close_code(two), CloseCode::kUnauthorized);
  EXPECT_EQ(close_code(opening), CloseCode::kUnauthorized);
  EXPECT_THAT(take_types(one), ElementsAre("peer-left"));
  // With the old name, and a token that is still good: again it is sent to refresh.
  const ConnectionId late = connect(laptop);
  EXPECT_EQ(close_code(late), CloseCode::kUnauthorized);
  const Answer fresh = refresh(laptop.id, laptop.refresh_token);
  EXPECT_EQ(fresh.text("device_name"), "work");
  Member work = laptop;
  work.name = "work";
  work.access_token = fresh.text("access_token");
  const ConnectionId again = connect(work);
  EXPECT_EQ(close_code(again), std::nullopt);
  const auto told = take(one);
  ASSERT_EQ(told.size(), 1U);
  const json::Value& entry = told.front().get_array("peers")->front();
  EXPECT_EQ(*entry.get_string("peerId"), "work");
  EXPECT_EQ(*entry.get_string("publicKey"), laptop.public_key);
  EXPECT_EQ(*entry.get_string("address"), laptop.address);
}

TEST_F(HubNames, TheNameBeforeRestsForOthersAndIsItsOwnAgain) {
  begin();
  const Member laptop = enroll_member("laptop");
  const Member other = enroll_member("other");
  ASSERT_EQ(rename(laptop, "work").status, 200);
  EXPECT_EQ(try_register(join_token(), "laptop", key_of(7)).error(), "name_taken");
  EXPECT_EQ(rename(other, "laptop").error(), "name_taken");
  EXPECT_EQ(rename(laptop, "laptop").status, 200);
  EXPECT_EQ(try_register(join_token(), "work", key_of(8)).error(), "name_taken");
  EXPECT_EQ(try_register(join_token({.name = "work"}), "work", key_of(8)).status, 200);
  ASSERT_EQ(revoke(laptop, admin).status, 200);
  ASSERT_EQ(act(laptop, "forget").status, 200);
  EXPECT_EQ(rename(other, "laptop").status, 200);
}

TEST_F(HubNames, ARenameIsRefusedToNamesThatAreNoneTakenOrRest) {
  begin();
  const Member laptop = enroll_member("laptop");
  const Member gone = enroll_member("gone");
  ASSERT_EQ(revoke(gone, admin).status, 200);
  for (const char* bad : {"", "No", "-a", "a b"}) EXPECT_EQ(rename(laptop, bad).error(), "bad_name") << bad;
  EXPECT_EQ(act(laptop, "rename", "{}").error(), "bad_name");
  EXPECT_EQ(act(laptop, "rename", "[]").status, 400);
  EXPECT_EQ(rename(laptop, "admin").error(), "name_taken");
  EXPECT_EQ(rename(laptop, "gone").error(), "name_taken");
  EXPECT_EQ(rename(laptop, "laptop").status, 200);
  EXPECT_EQ(rename(gone, "x").error(), "revoked");
  EXPECT_EQ(act({.id = "none"}, "rename", R"({"device_name":"x"})").status, 404);
}

// The rule, written down a second time: a queue of what rests, and the set of what was never given.
TEST_F(HubNames, NoAddressHasTwoHoldersAndTheyComeBackInTheOrderInWhichTheyBeganToRest) {
  options.subnet = IpPrefix::parse("10.9.0.0/28");  // 14 hosts
  sqlite->execute("DELETE FROM settings WHERE name = 'subnet'");
  start();
  begin();
  std::map<std::string, Member> held{{admin.address, admin}};
  std::deque<std::string> resting;
  int given = 1;
  testing::SeededRandom dice(5);
  for (int step = 0; step < 400; ++step) {
    advance(5s);
    if (dice.below(3) != 0) {
      std::string expected;
      if (given < 14) {
        expected = "10.9.0." + std::to_string(given + 1) + "/28";
      } else if (!resting.empty()) {
        expected = resting.front();
      }
      const std::string name = "d" + std::to_string(step);
      const Answer reply = try_register(join_token(), name, key_of(static_cast<std::uint64_t>(step) + 1000));
      if (expected.empty()) {
        ASSERT_EQ(reply.status, 507) << step;
        continue;
      }
      ASSERT_EQ(reply.status, 200) << step;
      const Member member = member_of(name, "", reply);
      ASSERT_EQ(member.address, expected) << step;
      ASSERT_TRUE(held.emplace(member.address, member).second) << member.address << " has two holders";
      given < 14 ? void(++given) : resting.pop_front();
    } else if (held.size() > 1) {
      auto victim = std::next(held.begin(), 1 + dice.below(static_cast<std::uint32_t>(held.size()) - 1));
      if (victim->second.id == admin.id) continue;
      ASSERT_EQ(revoke(victim->second, admin).status, 200);
      if (dice.below(2) == 0) {
        ASSERT_EQ(act(victim->second, "forget").status, 200);
      }
      resting.push_back(victim->first);
      held.erase(victim);
    }
    if (step % 50 == 0) start();
  }
  EXPECT_EQ(given, 14);
}

}  // namespace
}  // namespace bamgate::hub
