// POST /auth/register and POST /auth/tokens.
#include "hub_fixture.h"

namespace bamgate::hub {
namespace {

class HubRegistration : public HubTest {};

TEST_F(HubRegistration, AJoinTokenGivesADeviceItsAddressesAndCredentials) {
  const Answer reply = try_register(join_token(), "home", key_of(1));
  ASSERT_EQ(reply.status, 200);
  EXPECT_EQ(reply.text("address"), "10.100.0.1/16");
  EXPECT_EQ(reply.text("subnet"), "10.100.0.0/16");
  EXPECT_EQ(reply.text("server_url"), "https://hub.example:8443");
  EXPECT_EQ(reply.text("device_id").size(), 32U);
  EXPECT_EQ(reply.text("refresh_token").size(), 64U);
  EXPECT_EQ(reply.text("turn_secret").size(), 64U);
  const auto address6 = IpPrefix::parse(reply.text("address6"));
  ASSERT_TRUE(address6);
  EXPECT_EQ(address6->length, 64);
  EXPECT_TRUE(hub->prefix6().contains(address6->address));
  EXPECT_TRUE(reply.text("address6").ends_with("::1/64"));
  const auto* stun = reply.body.get_array("stun");
  ASSERT_TRUE(stun != nullptr && stun->size() == 1);
  EXPECT_EQ(*(*stun)[0].as_string(), "stun:hub.example:3478");
  EXPECT_EQ(request("GET", "/auth/devices", {}, reply.text("access_token")).status, 200);
}

TEST_F(HubRegistration, EachDeviceGetsTheNextAddressAndItsOwnTurnSecret) {
  const Answer one = try_register(join_token(), "one", key_of(1));
  const Answer two = try_register(join_token(), "two", key_of(2));
  EXPECT_EQ(two.text("address"), "10.100.0.2/16");
  EXPECT_TRUE(two.text("address6").ends_with("::2/64"));
  EXPECT_NE(one.text("turn_secret"), two.text("turn_secret"));
  EXPECT_NE(one.text("device_id"), two.text("device_id"));
}

TEST_F(HubRegistration, NamesOutsideOfTheRuleAreRefusedAndTheTokenStaysGood) {
  const std::string token = join_token();
  for (const std::string& name : {std::string(), std::string("Home"), std::string("-a"), std::string("a-"),
                                  std::string("a_b"), std::string("a.b"), std::string(64, 'a'), std::string("ä")}) {
    const Answer reply = try_register(token, name);
    EXPECT_EQ(reply.status, 400) << name;
    client = IpAddress::v4(client.v4_value() + 1);
  }
  EXPECT_EQ(try_register(token, std::string(63, 'a')).status, 200);
}

TEST_F(HubRegistration, BodiesThatAreNoRequestAreRefused) {
  for (const char* body :
       {"", "[]", "{", "nothing", R"({"device_name":"a"})", R"({"join_token":1,"device_name":"a"})",
        R"({"join_token":"t","device_name":1})", R"({"join_token":"t","device_name":"a","public_key":"short"})",
        R"({"join_token":"t","device_name":"a","public_key":7})",
        R"({"join_token":"t","device_name":"a","public_key":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="})"}) {
    const Answer reply = request("POST", "/auth/register", body);
    EXPECT_EQ(reply.status, 400) << body;
    EXPECT_FALSE(reply.error().empty());
    EXPECT_FALSE(reply.text("message").empty());
    client = IpAddress::v4(client.v4_value() + 1);
  }
  EXPECT_EQ(request("POST", "/auth/register", std::string(kMaxBody + 1, ' ')).status, 413);
}

TEST_F(HubRegistration, AGithubTokenIsRefusedWithAReason) {
  const Answer reply = request("POST", "/auth/register", R"({"github_token":"gho_1","device_name":"home"})");
  EXPECT_EQ(reply.status, 400);
  EXPECT_EQ(reply.error(), "github_not_enabled");
}

TEST_F(HubRegistration, AnUnknownTokenIsRefused) {
  const Answer reply = try_register("00112233445566778899aabbccddeeff", "home", key_of(1));
  EXPECT_EQ(reply.status, 401);
  EXPECT_EQ(reply.error(), "invalid_join_token");
}

TEST_F(HubRegistration, ATokenEndsWithItsLifetime) {
  const std::string token = join_token(1, 60);
  advance(60s);
  const Answer reply = try_register(token, "home", key_of(1));
  EXPECT_EQ(reply.status, 401);
  EXPECT_EQ(reply.error(), "join_token_expired");
}

TEST_F(HubRegistration, ATokenServesItsUsesAndNoMore) {
  const std::string token = join_token(2);
  EXPECT_EQ(try_register(token, "one", key_of(1)).status, 200);
  EXPECT_EQ(try_register(token, "two", key_of(2)).status, 200);
  const Answer third = try_register(token, "three", key_of(3));
  EXPECT_EQ(third.status, 401);
  EXPECT_EQ(third.error(), "join_token_used");
}

TEST_F(HubRegistration, AFailedRegistrationUsesUpNothing) {
  enroll("home");
  const std::string token = join_token(1);
  EXPECT_EQ(try_register(token, "home", key_of(99)).error(), "name_taken");
  EXPECT_EQ(try_register(token, "other", key_of(99)).status, 200);
}

TEST_F(HubRegistration, ALostReplyIsAskedForAgainWithTheSameTokenAndKey) {
  const std::string token = join_token();
  const Answer lost = try_register(token, "home", key_of(1));
  advance(1h);
  const Answer again = try_register(token, "home", key_of(1));
  ASSERT_EQ(again.status, 200);
  EXPECT_EQ(again.text("device_id"), lost.text("device_id"));
  EXPECT_EQ(again.text("address"), lost.text("address"));
  EXPECT_NE(again.text("refresh_token"), lost.text("refresh_token"));
  EXPECT_NE(again.text("turn_secret"), lost.text("turn_secret"));
  EXPECT_EQ(refresh(lost.text("device_id"), lost.text("refresh_token")).status, 401);
  EXPECT_EQ(request("GET", "/status").number("devices"), 1);
  advance(24h);
  EXPECT_EQ(try_register(token, "home", key_of(1)).error(), "join_token_expired");
}

TEST_F(HubRegistration, AUsedTokenWithAnotherKeyOrNoneOrForAnotherNameIsRefused) {
  const std::string token = join_token();
  EXPECT_EQ(try_register(token, "home", key_of(1)).status, 200);
  EXPECT_EQ(try_register(token, "home", key_of(2)).error(), "join_token_used");
  EXPECT_EQ(try_register(token, "home").error(), "join_token_used");
  EXPECT_EQ(try_register(token, "second", key_of(1)).error(), "key_taken");
}

TEST_F(HubRegistration, AUsedTokenDoesNotBringARevokedDeviceBack) {
  const Member admin = enroll("admin");
  const std::string token = join_token();
  const Answer home = try_register(token, "home", key_of(1));
  EXPECT_EQ(request("DELETE", "/auth/devices/" + home.text("device_id"), {}, admin.access_token).status, 200);
  EXPECT_EQ(try_register(token, "home", key_of(1)).error(), "join_token_used");
}

TEST_F(HubRegistration, ATakenNameIsOnlyGivenToTheKeyThatHoldsIt) {
  const Member home = enroll("home", key_of(1));
  for (const std::string& key : {key_of(2), std::string()}) {
    const Answer reply = try_register(join_token(), "home", key);
    EXPECT_EQ(reply.status, 409);
    EXPECT_EQ(reply.error(), "name_taken");
  }
  EXPECT_EQ(refresh(home.id, home.refresh_token).status, 200);
}

TEST_F(HubRegistration, ATakeOverWithTheSameKeyEndsOldTokensAndSockets) {
  const Member home = enroll("home", key_of(1));
  const Member peer = enroll("peer");
  const ConnectionId old_socket = connect(home);
  const ConnectionId other_socket = connect(peer);
  take(other_socket);
  const Answer reply = try_register(join_token(), "home", key_of(1));
  ASSERT_EQ(reply.status, 200);
  EXPECT_EQ(reply.text("device_id"), home.id);
  EXPECT_EQ(reply.text("address"), home.address);
  EXPECT_EQ(close_code(old_socket), CloseCode::kRevoked);
  EXPECT_EQ(take_types(other_socket), std::vector<std::string>{"peer-left"});
  EXPECT_EQ(refresh(home.id, home.refresh_token).status, 401);
  const Answer old_token = request("GET", "/auth/devices", {}, home.access_token);
  EXPECT_EQ(old_token.status, 401);
  EXPECT_EQ(old_token.error(), "invalid_token");
  EXPECT_EQ(request("GET", "/auth/devices", {}, reply.text("access_token")).status, 200);
}

TEST_F(HubRegistration, AKeyBelongsToOneDevice) {
  enroll("home", key_of(1));
  const Answer reply = try_register(join_token(), "second", key_of(1));
  EXPECT_EQ(reply.status, 409);
  EXPECT_EQ(reply.error(), "key_taken");
}

TEST_F(HubRegistration, AFullSubnetGives507UntilADeviceIsRevoked) {
  options.subnet = IpPrefix::parse("192.168.50.0/30");
  start();
  const Member one = enroll("one");
  const Member two = enroll("two");
  EXPECT_EQ(two.address, "192.168.50.2/30");
  const std::string token = join_token();
  const Answer full = try_register(token, "three", key_of(3));
  EXPECT_EQ(full.status, 507);
  EXPECT_EQ(full.error(), "no_address_left");
  EXPECT_EQ(request("DELETE", "/auth/devices/" + one.id, {}, two.access_token).status, 200);
  EXPECT_EQ(try_register(token, "three", key_of(3)).text("address"), "192.168.50.1/30");
}

TEST_F(HubRegistration, ARevokedDevicesKeyIsFreeAgainAndItsAddressRests) {
  const Member one = enroll("one", key_of(1));
  const Member two = enroll("two");
  const Member three = enroll("three");
  EXPECT_EQ(request("DELETE", "/auth/devices/" + one.id, {}, two.access_token).status, 200);
  const Member again = enroll("again", key_of(1));
  EXPECT_EQ(again.address, "10.100.0.4/16");
  EXPECT_NE(again.id, one.id);
  EXPECT_EQ(enroll("five").address, "10.100.0.5/16");
}

TEST_F(HubRegistration, TooManyFailuresFromOneAddressMustWait) {
  for (int i = 0; i < 10; ++i) EXPECT_EQ(try_register("wrong", "home", key_of(1)).status, 401);
  const std::string token = join_token();
  const Answer blocked = try_register(token, "home", key_of(1));
  EXPECT_EQ(blocked.status, 429);
  EXPECT_EQ(blocked.retry_after_s, 6);
  EXPECT_EQ(request("POST", "/auth/refresh", "{}").status, 429);
  EXPECT_EQ(request("GET", "/status").status, 200);
  client = IpAddress::v4(198, 51, 100, 1);
  EXPECT_EQ(try_register(token, "home", key_of(1)).status, 200);
}

TEST_F(HubRegistration, ADeviceMayMakeJoinTokens) {
  const Member home = enroll("home");
  const Answer made = request("POST", "/auth/tokens", R"({"uses":3,"ttl_s":600})", home.access_token);
  ASSERT_EQ(made.status, 200);
  EXPECT_EQ(made.number("uses"), 3);
  EXPECT_EQ(made.number("expires_at"), unix_now.seconds + 600);
  EXPECT_EQ(made.text("join_token").size(), 32U);
  EXPECT_EQ(try_register(made.text("join_token"), "laptop", key_of(2)).status, 200);
  const Answer plain = request("POST", "/auth/tokens", {}, home.access_token);
  EXPECT_EQ(plain.number("uses"), 1);
  EXPECT_EQ(plain.number("expires_at"), unix_now.seconds + 86400);
}

TEST_F(HubRegistration, JoinTokensOutsideOfTheLimitsAreRefused) {
  const Member home = enroll("home");
  for (const char* body : {R"({"uses":0})", R"({"uses":-1})", R"({"uses":1.5})", R"({"uses":"1"})", R"({"uses":1001})",
                           R"({"ttl_s":0})", R"({"ttl_s":9223372036854775807})", "[]", "{"}) {
    EXPECT_EQ(request("POST", "/auth/tokens", body, home.access_token).status, 400) << body;
  }
  EXPECT_EQ(request("POST", "/auth/tokens", "{}").status, 401);
}

TEST_F(HubRegistration, TheNumberOfValidJoinTokensIsBounded) {
  const Member home = enroll("home");
  for (std::int64_t i = 0; i < kMaxJoinTokens; ++i) ASSERT_TRUE(hub->create_join_token(now, unix_now, {.ttl_s = 600}));
  const Answer refused = request("POST", "/auth/tokens", "{}", home.access_token);
  EXPECT_EQ(refused.status, 429);
  EXPECT_GT(refused.retry_after_s, 0);
  advance(600s);
  EXPECT_EQ(request("POST", "/auth/tokens", "{}", home.access_token).status, 200);
}

}  // namespace
}  // namespace bamgate::hub
