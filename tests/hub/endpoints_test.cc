// Every endpoint with what does not belong there: other methods, tokens, sizes, depths, and each field missing, null,
// of another type, empty, too long. Nothing of it may change anything, and each reply says what to do.
#include <functional>

#include "hub_fixture.h"

namespace bamgate::hub {
namespace {

enum class Auth : std::uint8_t { kNone, kBearer };

struct Endpoint {
  std::string_view method;
  std::string path;
  Auth auth = Auth::kNone;
};

class HubEndpoints : public HubTest {
 protected:
  void SetUp() override {
    HubTest::SetUp();
    home = enroll("home");
    other = enroll("other");
    token = join_token(1000);
  }

  std::vector<Endpoint> endpoints() const {
    return {{"GET", "/status"},
            {"POST", "/auth/register"},
            {"POST", "/auth/refresh"},
            {"GET", "/auth/devices", Auth::kBearer},
            {"DELETE", "/auth/devices/" + other.id, Auth::kBearer},
            {"POST", "/auth/tokens", Auth::kBearer},
            {"GET", "/auth/tokens", Auth::kBearer},
            {"DELETE", "/auth/tokens/0123456789abcdef", Auth::kBearer},
            {"POST", "/auth/devices/" + other.id + "/renew", Auth::kBearer},
            {"POST", "/auth/devices/" + other.id + "/rename", Auth::kBearer},
            {"POST", "/auth/devices/" + other.id + "/forget", Auth::kBearer}};
  }

  /// Asks as a client that has not failed before, and checks the form of the reply.
  Answer ask(std::string_view method, std::string_view path, std::string_view body = {},
             const std::string& access = {}) {
    client = IpAddress::v4(client.v4_value() + 1);
    Answer reply = request(method, path, body, access);
    if (reply.status != 200) {
      EXPECT_FALSE(reply.error().empty()) << method << " " << path;
      EXPECT_FALSE(reply.text("message").empty()) << method << " " << path;
    }
    return reply;
  }

  json::Object registration() const {
    return {{"join_token", token}, {"device_name", "laptop"}, {"public_key", key_of(9)}};
  }
  json::Object refreshing() const { return {{"device_id", home.id}, {"refresh_token", home.refresh_token}}; }

  Member home;
  Member other;
  std::string token;
};

TEST_F(HubEndpoints, AnotherMethodIs404) {
  const std::string before = state();
  for (const Endpoint& endpoint : endpoints()) {
    for (const std::string_view method : {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "get"}) {
      const bool is_known = std::ranges::any_of(
          endpoints(), [&](const Endpoint& known) { return known.path == endpoint.path && known.method == method; });
      if (is_known) continue;
      EXPECT_EQ(ask(method, endpoint.path, "{}", home.access_token).status, 404) << method << " " << endpoint.path;
    }
  }
  EXPECT_EQ(state(), before);
}

TEST_F(HubEndpoints, AnotherPathIs404) {
  for (const std::string_view path :
       {"", "/", "//status", "/Status", "/status/", "/auth", "/auth/", "/auth/register/", "/auth/devices/",
        "/auth/token", "/../status", "/connect/", "/turn/", "status", "*"}) {
    EXPECT_EQ(ask("GET", path, {}, home.access_token).status, 404) << path;
  }
  EXPECT_EQ(ask("DELETE", "/auth/devices/" + other.id + "/x", {}, home.access_token).status, 404);
  EXPECT_EQ(ask("DELETE", "/auth/devices/%00", {}, home.access_token).status, 404);
  EXPECT_EQ(ask("DELETE", "/auth/devices/' OR 1=1", {}, home.access_token).status, 404);
}

TEST_F(HubEndpoints, ABodyOverSixteenKibibytesIs413EverywhereAndOneOfThatSizeIsRead) {
  const std::string before = state();
  for (const Endpoint& endpoint : endpoints()) {
    const std::string large = "{\"x\":\"" + std::string(kMaxBody - 8 + 1, 'x') + "\"}";
    ASSERT_EQ(large.size(), kMaxBody + 1);
    EXPECT_EQ(ask(endpoint.method, endpoint.path, large, home.access_token).status, 413) << endpoint.path;
  }
  EXPECT_EQ(state(), before);
  std::string whole = json::write(registration());
  whole += std::string(kMaxBody - whole.size(), ' ');
  EXPECT_EQ(ask("POST", "/auth/register", whole).status, 200);
}

TEST_F(HubEndpoints, ABodyThatIsNoObjectOrTooDeepIs400) {
  const std::string before = state();
  const std::string deep = std::string(R"({"x":)") + std::string(40, '[') + std::string(40, ']') + "}";
  for (const std::string_view path : {"/auth/register", "/auth/refresh", "/auth/tokens"}) {
    for (const std::string& body :
         {std::string("nothing"), std::string("{"), std::string("[]"), std::string("1"), std::string("null"),
          std::string("\"x\""), std::string("{} {}"), std::string("{'a':1}"), std::string("\xef\xbb\xbf{}"),
          std::string("{\"a\":\"\xff\"}"), std::string(R"({"uses":1,"uses":2})"), std::string("{\"a\":1"), deep,
          std::string(8000, '['), std::string("\0{}", 3)}) {
      EXPECT_EQ(ask("POST", path, body, home.access_token).status, 400) << path << " " << body.substr(0, 60);
    }
  }
  EXPECT_EQ(ask("POST", "/auth/register", "").status, 400);
  EXPECT_EQ(ask("POST", "/auth/refresh", "").status, 400);
  EXPECT_EQ(state(), before);
}

TEST_F(HubEndpoints, ARequestThatNeedsATokenIs401WithoutOne) {
  const std::string before = state();
  for (const Endpoint& endpoint : endpoints()) {
    if (endpoint.auth == Auth::kNone) continue;
    for (const std::string& header :
         {std::string(), std::string("Bearer"), std::string("Bearer "), "bearer" + home.access_token,
          "Basic " + home.access_token, home.access_token, "Bearer " + home.refresh_token, "Bearer " + token,
          "Bearer  " + home.access_token, "Bearer " + home.access_token + " x", "Bearer " + home.access_token + ".",
          "Bearer " + std::string(100'000, 'a'), std::string("Bearer a.b.c"), std::string("Bearer .."),
          std::string("Bearer \xff.\xff.\xff")}) {
      client = IpAddress::v4(client.v4_value() + 1);
      const HttpReply reply = on_http({endpoint.method, endpoint.path, header, "{}", client});
      EXPECT_EQ(reply.status, 401) << endpoint.path << " " << header.substr(0, 40);
    }
  }
  EXPECT_EQ(state(), before);
}

TEST_F(HubEndpoints, TheTokenOfARevokedDeviceOpensNothing) {
  ask("DELETE", "/auth/devices/" + other.id, {}, home.access_token);
  for (const Endpoint& endpoint : endpoints()) {
    if (endpoint.auth == Auth::kNone) continue;
    const Answer reply = ask(endpoint.method, endpoint.path, "{}", other.access_token);
    EXPECT_EQ(reply.status, 401) << endpoint.path;
    EXPECT_EQ(reply.error(), "device not found or revoked");
  }
}

/// One field with a value that it must not have. nullopt: the field is missing.
struct BadField {
  std::string_view field;
  std::optional<json::Value> value;
  int status = 400;
};

std::string with(json::Object body, const BadField& bad) {
  json::Value value(std::move(body));
  value.erase(bad.field);
  if (bad.value) value.set(bad.field, *bad.value);
  return json::write(value);
}

TEST_F(HubEndpoints, EachFieldOfARegistrationIsChecked) {
  const std::vector<BadField> table{
      {"join_token", std::nullopt},
      {"join_token", nullptr},
      {"join_token", ""},
      {"join_token", 7},
      {"join_token", true},
      {"join_token", json::Array{token}},
      {"join_token", json::Object{{"a", token}}},
      {"join_token", token.substr(1), 401},
      {"join_token", token + "0", 401},
      {"join_token", " " + token, 401},
      {"join_token", std::string(10'000, 'a'), 401},
      {"device_name", std::nullopt},
      {"device_name", nullptr},
      {"device_name", ""},
      {"device_name", 7},
      {"device_name", json::Array{"laptop"}},
      {"device_name", "Laptop"},
      {"device_name", "-laptop"},
      {"device_name", "laptop-"},
      {"device_name", "lap top"},
      {"device_name", "laptop\n"},
      {"device_name", "lap.top"},
      {"device_name", "lap_top"},
      {"device_name", "läptop"},
      {"device_name", std::string("lap\0top", 7)},
      {"device_name", std::string(64, 'a')},
      {"device_name", std::string(10'000, 'a')},
      {"device_name", "home", 409},
      {"public_key", 7},
      {"public_key", true},
      {"public_key", json::Array{key_of(9)}},
      {"public_key", "short"},
      {"public_key", key_of(9) + "A"},
      {"public_key", key_of(9).substr(0, 43)},
      {"public_key", "!" + key_of(9).substr(1)},
      {"public_key", to_base64(std::vector<std::byte>(31))},
      {"public_key", to_base64(std::vector<std::byte>(33))},
      {"public_key", to_base64(std::vector<std::byte>(32))},
      {"public_key", std::string(10'000, 'A')},
      {"public_key", home.public_key, 409},
  };
  const std::string before = state();
  for (const BadField& bad : table) {
    const std::string body = with(registration(), bad);
    EXPECT_EQ(ask("POST", "/auth/register", body).status, bad.status) << body.substr(0, 200);
  }
  EXPECT_EQ(state(), before);
  EXPECT_EQ(ask("POST", "/auth/register", json::write(registration())).status, 200) << "the table's base is good";
}

TEST_F(HubEndpoints, ARegistrationWithoutKeyAndWithUnknownFieldsIsGood) {
  for (const std::optional<json::Value>& none :
       {std::optional<json::Value>(), std::optional<json::Value>(nullptr), std::optional<json::Value>("")}) {
    json::Value body(registration());
    body.set("device_name", "device-" + std::to_string(++last_connection));
    body.set("colour", json::Object{{"deep", json::Array{1, 2}}});
    EXPECT_EQ(ask("POST", "/auth/register", with(*body.as_object(), {"public_key", none})).status, 200);
  }
}

TEST_F(HubEndpoints, EachFieldOfARefreshIsChecked) {
  const std::vector<BadField> table{
      {"device_id", std::nullopt},
      {"device_id", nullptr},
      {"device_id", 7},
      {"device_id", json::Array{home.id}},
      {"device_id", "", 401},
      {"device_id", "none", 401},
      {"device_id", other.id, 401},
      {"device_id", home.id + "0", 401},
      {"device_id", "home", 401},
      {"device_id", std::string(10'000, 'a'), 401},
      {"refresh_token", std::nullopt},
      {"refresh_token", nullptr},
      {"refresh_token", 7},
      {"refresh_token", json::Object{}},
      {"refresh_token", "", 401},
      {"refresh_token", other.refresh_token, 401},
      {"refresh_token", home.access_token, 401},
      {"refresh_token", token, 401},
      {"refresh_token", home.refresh_token.substr(1), 401},
      {"refresh_token", home.refresh_token + "0", 401},
      {"refresh_token", std::string(64, '0'), 401},
      {"refresh_token", std::string(10'000, 'a'), 401},
  };
  const std::string before = state();
  for (const BadField& bad : table) {
    const std::string body = with(refreshing(), bad);
    EXPECT_EQ(ask("POST", "/auth/refresh", body).status, bad.status) << body.substr(0, 200);
  }
  EXPECT_EQ(state(), before);
  EXPECT_EQ(ask("POST", "/auth/refresh", json::write(refreshing())).status, 200);
}

TEST_F(HubEndpoints, EachFieldOfAJoinTokenIsChecked) {
  std::vector<BadField> table;
  for (const std::string_view field : {"uses", "ttl_s"}) {
    for (const json::Value& value :
         {json::Value(0), json::Value(-1), json::Value("1"), json::Value(""), json::Value(true), json::Value(1.0),
          json::Value(1.5), json::Value(json::Array{1}), json::Value(json::Object{}), json::Value(INT64_MAX),
          json::Value(INT64_MIN), json::Value(UINT64_MAX), json::Value(1e300)}) {
      table.push_back({field, value});
    }
  }
  table.push_back({"uses", kMaxJoinUses + 1});
  table.push_back({"ttl_s", kMaxJoinLifetime + 1});
  const std::string before = state();
  const json::Object good{{"uses", kMaxJoinUses}, {"ttl_s", kMaxJoinLifetime}};
  for (const BadField& bad : table) {
    const std::string body = with(good, bad);
    EXPECT_EQ(ask("POST", "/auth/tokens", body, home.access_token).status, 400) << body;
  }
  EXPECT_EQ(state(), before);
  for (const std::string& body : {json::write(good), with(good, {"uses", std::nullopt}), with(good, {"ttl_s", nullptr}),
                                  std::string("{}"), std::string()}) {
    EXPECT_EQ(ask("POST", "/auth/tokens", body, home.access_token).status, 200) << body;
  }
}

TEST_F(HubEndpoints, AnUpgradeIsRefusedWithoutTheRightMethodPathAndToken) {
  struct Case {
    std::string_view method;
    std::string_view target;
    std::string header;
    int status;
  };
  const std::string good = "Bearer " + home.access_token;
  for (const Case& one :
       {Case{"POST", "/connect", good, 404}, Case{"GET", "/connect/", good, 404}, Case{"GET", "/", good, 404},
        Case{"GET", "/status", good, 404}, Case{"GET", "/turn/", good, 404}, Case{"GET", "/turn", "", 401},
        Case{"POST", "/turn", good, 404}, Case{"GET", "/connect", "", 401}, Case{"GET", "/connect", "Bearer x", 401},
        Case{"GET", "/connect", "Bearer " + home.refresh_token, 401}, Case{"GET", "/connect?access_token=", "", 401}}) {
    const auto refused =
        hub->on_open(now, unix_now, ConnectionId{900}, {one.method, one.target, one.header, {}, client});
    ASSERT_TRUE(refused) << one.target;
    EXPECT_EQ(refused->status, one.status) << one.method << " " << one.target << " " << one.header;
  }
  send(ConnectionId{900}, json::write(join_of(home)));
  EXPECT_EQ(request("GET", "/status").number("peers"), 0) << "nothing of it is a connection";
}

}  // namespace
}  // namespace bamgate::hub
