// Who may do what (protocol.md, "Roles"): administrators, members, whoever holds the hub, and the last administrator.
#include "github_fixture.h"
#include "hub_fixture.h"

namespace bamgate::hub {
namespace {

class HubRoles : public HubTest {
 protected:
  void SetUp() override {
    HubTest::SetUp();
    admin = enroll_by({}, "admin");  // the first one, whatever its token says
    member = enroll_member("member");
    nas = enroll_member("nas");
  }
  std::string role(const std::string& name) {
    const Answer reply = request("GET", "/auth/devices", {}, admin.access_token);
    for (const json::Value& device : *reply.body.get_array("devices")) {
      if (*device.get_string("device_name") == name && device.get_bool("revoked") == false) {
        return *device.get_string("role");
      }
    }
    return "";
  }
  struct Request {
    std::string_view method;
    std::string target;
    std::string body;
  };
  /// All that only an administrator may do, to `device` and a token.
  std::vector<Request> powers(const Member& device, const std::string& token_id) const {
    const std::string path = "/auth/devices/" + device.id;
    return {{"POST", "/auth/tokens", "{}"},
            {"GET", "/auth/tokens", ""},
            {"DELETE", "/auth/tokens/" + token_id, ""},
            {"POST", path + "/renew", ""},
            {"POST", path + "/rename", R"({"device_name":"other"})"},
            {"DELETE", path, ""},
            {"POST", path + "/forget", ""}};
  }

  Member admin;
  Member member;
  Member nas;
};

TEST_F(HubRoles, TheFirstDeviceIsAnAdministratorAndWhatComesLaterIsWhatItsTokenSays) {
  EXPECT_EQ(role("admin"), "admin");
  EXPECT_EQ(role("member"), "member");
  enroll_by({.admin = true}, "second");
  EXPECT_EQ(role("second"), "admin");
}

TEST_F(HubRoles, NoOtherDeviceIsEverTheFirst) {
  for (const Member* device : {&admin, &member, &nas}) {
    EXPECT_EQ(local("DELETE", "/auth/devices/" + device->id).status, 200);
    EXPECT_EQ(local("POST", "/auth/devices/" + device->id + "/forget").status, 200);
  }
  start();
  admin = enroll_by({}, "next");
  EXPECT_EQ(role("next"), "member");
}

TEST_F(HubRoles, AMemberMayNothingButListAndRevokeItself) {
  const Answer made = request("POST", "/auth/tokens", "{}", admin.access_token);
  const std::string before = state();
  for (const Request& one : powers(nas, made.text("token_id"))) {
    const Answer reply = request(one.method, one.target, one.body, member.access_token);
    EXPECT_EQ(reply.status, 403) << one.target;
    EXPECT_EQ(reply.error(), "not_an_admin") << one.target;
  }
  EXPECT_EQ(state(), before);
  EXPECT_EQ(request("GET", "/auth/devices", {}, member.access_token).status, 200);
  EXPECT_EQ(revoke(member, member).status, 200);
  EXPECT_EQ(request("GET", "/auth/devices", {}, member.access_token).status, 401);
}

TEST_F(HubRoles, AMemberLearnsNothingOfIdsByAskingForThem) {
  EXPECT_EQ(request("DELETE", "/auth/devices/none", {}, member.access_token).error(), "not_an_admin");
  EXPECT_EQ(request("DELETE", "/auth/devices/" + member.id + "/", {}, member.access_token).status, 404);
  EXPECT_EQ(request("POST", "/auth/devices/" + member.id + "/renew", {}, member.access_token).error(), "not_an_admin")
      << "of itself it may do no more than revoke";
}

TEST_F(HubRoles, AnAdministratorAndTheHubMayDoAllOfIt) {
  for (const bool on_hub : {false, true}) {
    const Member device = enroll_member(on_hub ? "b" : "a");
    const Answer made = request("POST", "/auth/tokens", "{}", admin.access_token);
    for (const Request& one : powers(device, made.text("token_id"))) {
      std::string body = one.body;
      if (body.find("other") != std::string::npos)
        body = on_hub ? R"({"device_name":"b2"})" : R"({"device_name":"a2"})";
      const Answer reply =
          on_hub ? local(one.method, one.target, body) : request(one.method, one.target, body, admin.access_token);
      EXPECT_EQ(reply.status, 200) << one.target << " " << reply.error();
    }
  }
}

TEST_F(HubRoles, TheLastAdministratorIsRevokedOnTheHubAlone) {
  Answer refused = revoke(admin, admin);
  EXPECT_EQ(refused.status, 409);
  EXPECT_EQ(refused.error(), "last_admin");
  const Member second = enroll_by({.admin = true}, "second");
  EXPECT_EQ(revoke(admin, second).status, 200);
  EXPECT_EQ(revoke(second, second).error(), "last_admin") << "a revoked one does not count";
  EXPECT_EQ(local("DELETE", "/auth/devices/" + second.id).status, 200);
}

TEST_F(HubRoles, ADeviceThatRegistersAgainGainsARoleAndLosesNone) {
  EXPECT_EQ(try_register(join_token({.admin = true}), "member", member.public_key).status, 200);
  EXPECT_EQ(role("member"), "admin");
  const Answer again = try_register(join_token(), "admin", admin.public_key);
  ASSERT_EQ(again.status, 200);
  admin.access_token = again.text("access_token");
  EXPECT_EQ(role("admin"), "admin");
}

TEST_F(HubRoles, ARoleCountsFromTheNextRequestOn) {
  ASSERT_TRUE(sqlite->execute("UPDATE devices SET role = 'member' WHERE name = 'admin'"));
  EXPECT_EQ(request("POST", "/auth/tokens", "{}", admin.access_token).error(), "not_an_admin");
  ASSERT_TRUE(sqlite->execute("UPDATE devices SET role = 'nonsense' WHERE name = 'admin'"));
  EXPECT_EQ(request("POST", "/auth/tokens", "{}", admin.access_token).error(), "not_an_admin") << "fails closed";
}

TEST_F(HubRoles, WhoeverHoldsTheHubAsksAboutDevicesAndTokensOnly) {
  for (const char* target : {"/status", "/auth/register", "/auth/refresh", "/connect", "/", ""}) {
    EXPECT_EQ(local("POST", target, "{}").status, 404) << target;
  }
  EXPECT_EQ(local("GET", "/auth/devices").body.get_array("devices")->size(), 3U);
}

class HubOwnerRoles : public GithubTest {};

TEST_F(HubOwnerRoles, WhatTheOwnerRegistersIsAnAdministratorAndATakeOverEndsTheTokensOfTheOldOne) {
  enroll("first");
  const Member laptop = member("laptop", key_of(1));
  const Answer made = request("POST", "/auth/tokens", R"({"uses":1000})", laptop.access_token);
  ASSERT_EQ(made.status, 200) << made.error();
  const Member taken = member("laptop", key_of(2));
  EXPECT_EQ(taken.id, laptop.id);
  EXPECT_EQ(try_register(made.text("join_token"), "thief", key_of(3)).error(), "invalid_join_token");
  EXPECT_EQ(request("POST", "/auth/tokens", "{}", taken.access_token).status, 200) << "an administrator still";
}

TEST_F(HubOwnerRoles, ANameThatRestsIsTheOwners) {
  const Member first = enroll("first");
  const Member laptop = member("laptop", key_of(1));
  ASSERT_EQ(revoke(laptop, first).status, 200);
  EXPECT_EQ(try_register(join_token(), "laptop", key_of(3)).error(), "name_taken");
  const Member next = member("laptop", key_of(4));
  EXPECT_NE(next.id, laptop.id);
  EXPECT_NE(next.address, laptop.address);
}

}  // namespace
}  // namespace bamgate::hub
