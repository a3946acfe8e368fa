// Join tokens: what they are for, who sees them, and what they end with (protocol.md, "HTTP API" and "Roles").
#include "hub_fixture.h"

namespace bamgate::hub {
namespace {

class HubJoinTokens : public HubTest {
 protected:
  void SetUp() override {
    HubTest::SetUp();
    admin = enroll("admin");
    laptop = enroll("laptop");
  }
  Answer make(const Member& by, const std::string& body) {
    return request("POST", "/auth/tokens", body, by.access_token);
  }
  std::vector<json::Value> list() {
    const Answer reply = request("GET", "/auth/tokens", {}, admin.access_token);
    EXPECT_EQ(reply.status, 200);
    return *reply.body.get_array("tokens");
  }
  const json::Value* find(const std::vector<json::Value>& tokens, const std::string& id) {
    for (const json::Value& token : tokens) {
      if (*token.get_string("token_id") == id) return &token;
    }
    return nullptr;
  }

  Member admin;
  Member laptop;
};

TEST_F(HubJoinTokens, TheListSaysWhatEachIsForAndNeverTheTokenItself) {
  const Answer made = make(laptop, R"({"uses":3,"ttl_s":600,"role":"admin","name":"nas"})");
  ASSERT_EQ(made.status, 200);
  const auto tokens = list();
  const json::Value* token = find(tokens, made.text("token_id"));
  ASSERT_NE(token, nullptr);
  EXPECT_EQ(*token->get_string("made_by"), "laptop");
  EXPECT_EQ(*token->get_string("role"), "admin");
  EXPECT_EQ(*token->get_string("name"), "nas");
  EXPECT_EQ(token->get_int("uses_left"), 3);
  EXPECT_EQ(token->get_int("created_at"), unix_now.seconds);
  EXPECT_EQ(token->get_int("expires_at"), unix_now.seconds + 600);
  EXPECT_EQ(json::write(tokens.front()).find(made.text("join_token")), std::string::npos);
  try_register(made.text("join_token"), "nas", key_of(9));
  EXPECT_EQ(find(list(), made.text("token_id"))->get_int("uses_left"), 2);
}

TEST_F(HubJoinTokens, ThoseOfTheHubAreListedAsTheHubs) {
  join_token();
  const auto tokens = list();
  EXPECT_EQ(*tokens.front().get_string("made_by"), "hub");
  EXPECT_TRUE(tokens.front().find("name")->is_null());
  EXPECT_TRUE(tokens.front().find("made_by_id")->is_null());
}

TEST_F(HubJoinTokens, TheListLeavesOutWhatHasEnded) {
  const Answer made = make(admin, R"({"ttl_s":60})");
  advance(60s);
  EXPECT_EQ(find(list(), made.text("token_id")), nullptr);
}

TEST_F(HubJoinTokens, AStolenLaptopsTokensEndWithItAndItCannotComeBack) {
  const Answer made = make(laptop, R"({"uses":1000,"ttl_s":31536000})");
  const Answer kept = make(admin, "{}");
  ASSERT_EQ(revoke(laptop, admin).status, 200);
  EXPECT_EQ(try_register(made.text("join_token"), "other", key_of(50)).error(), "invalid_join_token");
  EXPECT_EQ(try_register(made.text("join_token"), "laptop", laptop.public_key).error(), "invalid_join_token");
  EXPECT_EQ(try_register(kept.text("join_token"), "laptop", laptop.public_key).error(), "name_taken");
  EXPECT_EQ(find(list(), made.text("token_id")), nullptr);
  EXPECT_NE(find(list(), kept.text("token_id")), nullptr);
}

TEST_F(HubJoinTokens, ThoseMadeByDevicesThatCameInByThemStayListedWithWhoMadeThem) {
  const Answer made = make(laptop, R"({"role":"admin"})");
  const std::string key = key_of(60);
  const Member friend_of_it = member_of("friend", key, try_register(made.text("join_token"), "friend", key));
  const Answer of_friend = make(friend_of_it, R"({"uses":9})");
  ASSERT_EQ(revoke(laptop, admin).status, 200);
  const auto tokens = list();
  const json::Value* token = find(tokens, of_friend.text("token_id"));
  ASSERT_NE(token, nullptr);
  EXPECT_EQ(*token->get_string("made_by"), "friend");
  EXPECT_EQ(*token->get_string("made_by_id"), friend_of_it.id);
  EXPECT_EQ(request("DELETE", "/auth/tokens/" + of_friend.text("token_id"), {}, admin.access_token).status, 200);
  EXPECT_EQ(try_register(of_friend.text("join_token"), "x", key_of(61)).error(), "invalid_join_token");
}

TEST_F(HubJoinTokens, AWithdrawnOneLetsNobodyInAndIsGone) {
  const Answer made = make(admin, "{}");
  const std::string path = "/auth/tokens/" + made.text("token_id");
  EXPECT_EQ(request("DELETE", path, {}, admin.access_token).status, 200);
  EXPECT_EQ(request("DELETE", path, {}, admin.access_token).status, 404);
  EXPECT_EQ(try_register(made.text("join_token"), "x", key_of(1)).error(), "invalid_join_token");
  EXPECT_EQ(request("DELETE", "/auth/tokens/' OR 1=1", {}, admin.access_token).status, 404);
}

TEST_F(HubJoinTokens, OneThatWasMadeForANameLetsInThatNameAlone) {
  const std::string token = join_token({.uses = 2, .name = "nas"});
  const Answer other = try_register(token, "other", key_of(1));
  EXPECT_EQ(other.status, 403);
  EXPECT_EQ(other.error(), "wrong_name");
  EXPECT_EQ(try_register(token, "nas", key_of(1)).status, 200);
  EXPECT_EQ(try_register(token, "nas", key_of(2)).error(), "name_taken") << "a device that is there is not replaced";
}

TEST_F(HubJoinTokens, RoleAndNameAreChecked) {
  for (const char* body : {R"({"role":"owner"})", R"({"role":7})", R"({"role":true})", R"({"name":7})",
                           R"({"name":"No"})", R"({"name":"-a"})", R"({"name":["a"]})"}) {
    EXPECT_EQ(make(admin, body).status, 400) << body;
  }
  for (const char* body : {R"({"role":null,"name":null})", R"({"role":"","name":""})", R"({"role":"member"})"}) {
    EXPECT_EQ(make(admin, body).status, 200) << body;
  }
  EXPECT_FALSE(hub->create_join_token(now, unix_now, {.name = "No"}));
}

}  // namespace
}  // namespace bamgate::hub
