// Devices, status, bearer tokens, unknown paths, restart, failing database.
#include "hub_fixture.h"

namespace bamgate::hub {
namespace {

class HubHttp : public HubTest {
 protected:
  json::Value device(const std::string& id, const std::string& access_token) {
    const Answer reply = request("GET", "/auth/devices", {}, access_token);
    EXPECT_EQ(reply.status, 200);
    for (const json::Value& entry : *reply.body.get_array("devices")) {
      if (*entry.get_string("device_id") == id) return entry;
    }
    ADD_FAILURE() << "no device " << id;
    return {};
  }
};

TEST_F(HubHttp, StatusNeedsNoTokenAndCounts) {
  const Member home = enroll("home");
  enroll("other");
  connect(home);
  const Answer reply = request("GET", "/status");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.text("status"), "ok");
  EXPECT_EQ(reply.text("version"), "1.2.3");
  EXPECT_EQ(reply.number("devices"), 2);
  EXPECT_EQ(reply.number("peers"), 1);
}

TEST_F(HubHttp, TheListTellsWhoIsOnlineAndWhenOneWasSeen) {
  const Member home = enroll("home");
  const Member other = enroll("other");
  const std::int64_t created = unix_now.seconds;
  json::Value entry = device(other.id, home.access_token);
  EXPECT_EQ(*entry.get_string("device_name"), "other");
  EXPECT_EQ(*entry.get_string("address"), "10.100.0.2/16");
  EXPECT_EQ(entry.get_int("created_at"), created);
  EXPECT_EQ(entry.get_bool("revoked"), false);
  EXPECT_EQ(entry.get_bool("online"), false);
  ASSERT_NE(entry.find("last_seen_at"), nullptr);
  EXPECT_TRUE(entry.find("last_seen_at")->is_null());

  const ConnectionId socket = connect(other);
  advance(100s);
  entry = device(other.id, home.access_token);
  EXPECT_EQ(entry.get_bool("online"), true);
  EXPECT_EQ(entry.get_int("last_seen_at"), created + 100);
  hub->on_close(now, unix_now, socket);
  advance(100s);
  entry = device(other.id, home.access_token);
  EXPECT_EQ(entry.get_bool("online"), false);
  EXPECT_EQ(entry.get_int("last_seen_at"), created + 100);
}

TEST_F(HubHttp, RevokingEndsTokensAndSocketsAtOnce) {
  const Member home = enroll("home");
  const Member lost = enroll("lost");
  const ConnectionId joined = connect(lost);
  const ConnectionId pending = open(lost.access_token);
  const Answer reply = request("DELETE", "/auth/devices/" + lost.id, {}, home.access_token);
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body.get_bool("ok"), true);
  EXPECT_EQ(close_code(joined), CloseCode::kRevoked);
  EXPECT_EQ(close_code(pending), CloseCode::kRevoked);
  EXPECT_EQ(request("GET", "/auth/devices", {}, lost.access_token).error(), kDeviceGone);
  const auto refused = try_open(static_cast<ConnectionId>(77), lost.access_token);
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->status, 401);
  EXPECT_EQ(device(lost.id, home.access_token).get_bool("revoked"), true);
  EXPECT_EQ(request("GET", "/status").number("devices"), 1);
}

TEST_F(HubHttp, RevokingTwiceIsNoFaultAndAnUnknownDeviceIs) {
  const Member home = enroll("home");
  const Member lost = enroll("lost");
  EXPECT_EQ(request("DELETE", "/auth/devices/" + lost.id, {}, home.access_token).status, 200);
  EXPECT_EQ(request("DELETE", "/auth/devices/" + lost.id, {}, home.access_token).status, 200);
  EXPECT_EQ(request("DELETE", "/auth/devices/none", {}, home.access_token).status, 404);
  EXPECT_EQ(request("DELETE", "/auth/devices/", {}, home.access_token).status, 404);
  EXPECT_EQ(request("DELETE", "/auth/devices/" + home.id).status, 401);
}

TEST_F(HubHttp, RevokedDevicesStayInTheListUntilTheyAreForgotten) {
  Member home = enroll("home");
  const Member lost = enroll("lost");
  request("DELETE", "/auth/devices/" + lost.id, {}, home.access_token);
  for (int month = 0; month < 4; ++month) {
    advance(25 * 24h);
    const Answer next = refresh(home.id, home.refresh_token);
    home.refresh_token = next.text("refresh_token");
    home.access_token = next.text("access_token");
  }
  EXPECT_EQ(request("GET", "/auth/devices", {}, home.access_token).body.get_array("devices")->size(), 2U);
  start();
  EXPECT_EQ(request("GET", "/auth/devices", {}, home.access_token).body.get_array("devices")->size(), 2U);
  EXPECT_EQ(request("POST", "/auth/devices/" + lost.id + "/forget", {}, home.access_token).status, 200);
  EXPECT_EQ(request("GET", "/auth/devices", {}, home.access_token).body.get_array("devices")->size(), 1U);
}

TEST_F(HubHttp, BearerTokensMustBeOursAndFresh) {
  const Member home = enroll("home");
  for (const char* header : {"", "Bearer", "Bearer ", "Basic abc", "Bearer abc", "Bearer a.b.c"}) {
    const HttpReply reply = on_http({"GET", "/auth/devices", header, {}, client});
    EXPECT_EQ(reply.status, 401) << header;
  }
  const std::string lower = "bearer " + home.access_token;
  EXPECT_EQ(on_http({"GET", "/auth/devices", lower, {}, client}).status, 200);
  advance(3599s);
  EXPECT_EQ(request("GET", "/auth/devices", {}, home.access_token).status, 200);
  advance(1s);
  EXPECT_EQ(request("GET", "/auth/devices", {}, home.access_token).error(), "token_expired");
}

TEST_F(HubHttp, AnotherHubsTokenIsRefused) {
  const Member home = enroll("home");
  SetUp();
  const Member same_name = enroll("home");
  EXPECT_EQ(request("GET", "/auth/devices", {}, home.access_token).status, 401);
}

TEST_F(HubHttp, UnknownPathsAndMethodsAre404) {
  for (const auto& [method, path] : std::vector<std::pair<std::string, std::string>>{{"GET", "/"},
                                                                                     {"POST", "/status"},
                                                                                     {"GET", "/auth/register"},
                                                                                     {"PUT", "/auth/devices"},
                                                                                     {"DELETE", "/auth/devicesabc"},
                                                                                     {"GET", ""},
                                                                                     {"GET", "/turn/x"}}) {
    const Answer reply = request(method, path);
    EXPECT_EQ(reply.status, 404) << method << " " << path;
    EXPECT_FALSE(reply.error().empty());
  }
  EXPECT_EQ(request("GET", "/connect").status, 400);
  EXPECT_EQ(request("GET", "/turn").status, 400);
  EXPECT_EQ(request("GET", "/status?x=1").status, 200);
}

TEST_F(HubHttp, ANewHubOnTheSameDatabaseKeepsAll) {
  Member home = enroll("home");
  const Member other = enroll("other");
  const Member lost = enroll("lost");
  const std::string token = join_token();
  request("DELETE", "/auth/devices/" + lost.id, {}, home.access_token);
  const IpPrefix prefix6 = hub->prefix6();
  start();
  EXPECT_EQ(hub->prefix6(), prefix6);
  EXPECT_EQ(hub->subnet(), IpPrefix::parse("10.100.0.0/16"));
  EXPECT_EQ(request("GET", "/status").number("devices"), 2);
  EXPECT_EQ(request("GET", "/auth/devices", {}, home.access_token).status, 200);
  EXPECT_EQ(refresh(other.id, other.refresh_token).status, 200);
  EXPECT_EQ(try_register(token, "late", key_of(5)).text("address"), "10.100.0.4/16") << "that of `lost` rests";
  const ConnectionId socket = connect(home);
  EXPECT_FALSE(close_code(socket));
  const auto list = take(socket);
  ASSERT_EQ(list.size(), 1U);
  EXPECT_EQ(list[0].get_array("revoked")->size(), 1U);
}

TEST_F(HubHttp, AKeyThatIsAddedSignsAndTheOldOneVerifiesUntilItIsTakenAway) {
  const Member home = enroll("home");
  ASSERT_TRUE(
      sqlite->execute("INSERT INTO signing_keys SELECT 'second', randomblob(32), created_at + 1 FROM signing_keys"));
  start();
  EXPECT_EQ(request("GET", "/auth/devices", {}, home.access_token).status, 200);
  const Answer renewed = refresh(home.id, home.refresh_token);
  const std::string header = renewed.text("access_token").substr(0, renewed.text("access_token").find('.'));
  const auto decoded = from_base64url(header);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(as_text(*decoded), R"({"alg":"HS256","typ":"JWT","kid":"second"})");
  ASSERT_TRUE(sqlite->execute("DELETE FROM signing_keys WHERE kid != 'second'"));
  start();
  EXPECT_EQ(request("GET", "/auth/devices", {}, home.access_token).error(), "invalid_token");
  EXPECT_EQ(request("GET", "/auth/devices", {}, renewed.text("access_token")).status, 200);
}

TEST_F(HubHttp, AnotherSubnetIsRefusedWhileDevicesHoldAddresses) {
  const Member home = enroll("home");
  options.subnet = IpPrefix::parse("10.77.0.0/16");
  auto changed = Hub::create(options, *sql, crypto, random, now, unix_now);
  ASSERT_FALSE(changed);
  EXPECT_EQ(changed.error(), Error::kSubnetInUse);
  local("DELETE", "/auth/devices/" + home.id);
  start();
  EXPECT_EQ(enroll("next").address, "10.77.0.1/16");
  options.subnet.reset();
  start();
  EXPECT_EQ(enroll("other").address, "10.77.0.2/16");
}

TEST_F(HubHttp, ASubnetOverTheRelayAddressesIsRefused) {
  options.subnet = IpPrefix::parse("10.255.4.0/24");
  const auto made = Hub::create(options, *sql, crypto, random, now, unix_now);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error(), Error::kReservedSubnet);
}

TEST_F(HubHttp, ADatabaseOfANewerProgramIsRefused) {
  ASSERT_TRUE(sqlite->execute("UPDATE schema_version SET version = 99"));
  const auto made = Hub::create(options, *sql, crypto, random, now, unix_now);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error(), Error::kNewerDatabase);
}

TEST_F(HubHttp, AFailingDatabaseGives500AndChangesNothing) {
  const Member home = enroll("home");
  const std::string token = join_token();
  for (const char* statement :
       {"INSERT INTO devices", "INSERT OR REPLACE INTO refresh_tokens", "UPDATE join_tokens",
        "INSERT OR REPLACE INTO join_token_uses", "FROM devices WHERE name", "SELECT host", "FROM join_tokens"}) {
    sql->broken_statement = statement;
    EXPECT_EQ(try_register(token, "laptop", key_of(2)).status, 500) << statement;
    sql->broken_statement.clear();
    EXPECT_EQ(request("GET", "/status").number("devices"), 1) << statement;
  }
  sql->broken = true;
  EXPECT_EQ(request("GET", "/auth/devices", {}, home.access_token).status, 500);
  EXPECT_EQ(request("DELETE", "/auth/devices/" + home.id, {}, home.access_token).status, 500);
  EXPECT_EQ(request("POST", "/auth/tokens", "{}", home.access_token).status, 500);
  EXPECT_EQ(refresh(home.id, home.refresh_token).status, 500);
  EXPECT_EQ(request("GET", "/status").status, 500);
  EXPECT_EQ(try_open(static_cast<ConnectionId>(9), home.access_token)->status, 500);
  EXPECT_FALSE(Hub::create(options, *sql, crypto, random, now, unix_now));
  EXPECT_FALSE(hub->create_join_token(now, unix_now));
  sql->broken = false;
  EXPECT_EQ(refresh(home.id, home.refresh_token).status, 200);
  EXPECT_EQ(try_register(token, "laptop", key_of(2)).status, 200);
}

}  // namespace
}  // namespace bamgate::hub
