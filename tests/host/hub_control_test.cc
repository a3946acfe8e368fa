// Asking a hub on its own machine, where none runs and where something is wrong. A hub that runs is asked in
// tests/system/roles.sh.
#include "host/hub_control.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "host/hub_database.h"
#include "host/hub_sql.h"
#include "hub/hub.h"
#include "net/clock.h"
#include "net/unix_control.h"
#include "os/file.h"
#include "os/native_crypto.h"
#include "os/random.h"

namespace bamgate::host {
namespace {

class HubControl : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = std::filesystem::temp_directory_path() / "bamgate-hub-control-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    path_ = name;
  }
  void TearDown() override { std::filesystem::remove_all(path_); }
  void make_hub() { ASSERT_TRUE(folder().write_address({"https://hub.example:8443", ""})); }
  void make_database() {
    auto database = open_hub_database(folder().database(), NoDatabase::kMake);
    ASSERT_TRUE(database) << database.error();
    HubSql sql(std::move(*database));
    os::NativeCrypto crypto;
    os::SystemRandom random;
    ASSERT_TRUE(hub::Hub::create({}, sql, crypto, random, net::now(), net::unix_now()));
  }
  HubFolder folder() const { return HubFolder(path_); }
  ApiResult<json::Value> ask(const std::string& method, const std::string& target, const std::string& body = {}) {
    return ask_local_hub(loop_, folder(), {method, target, body});
  }

  net::Loop loop_;
  std::filesystem::path path_;
};

TEST_F(HubControl, ARequestAndAReplyAreOneLineEach) {
  const std::string line = write_local_request({"POST", "/auth/tokens", "{\"uses\":\n1}"});
  EXPECT_EQ(line.find('\n'), std::string::npos);
  const auto read = read_local_request(line);
  ASSERT_TRUE(read);
  EXPECT_EQ(read->method, "POST");
  EXPECT_EQ(read->target, "/auth/tokens");
  EXPECT_EQ(read->body, "{\"uses\":\n1}");
  EXPECT_EQ(write_local_reply({404, "{}", 0}), R"({"status":404,"body":"{}"})");
  for (const char* junk :
       {"", "x", "[]", "{}", R"({"method":"GET","target":"/"})", R"({"method":1,"target":"","body":""})"}) {
    EXPECT_FALSE(read_local_request(junk)) << junk;
  }
}

TEST_F(HubControl, AFolderWithoutAHubIsNamedAndNotMadeOne) {
  const auto reply = ask("GET", "/auth/devices");
  ASSERT_FALSE(reply);
  EXPECT_NE(reply.error().text.find("there is no hub in " + path_.string()), std::string::npos) << reply.error().text;
  EXPECT_TRUE(std::filesystem::is_empty(path_));
}

TEST_F(HubControl, WhereNoHubRunsItsDatabaseIsAsked) {
  make_hub();
  make_database();
  const auto devices = ask("GET", "/auth/devices");
  ASSERT_TRUE(devices) << devices.error().text;
  EXPECT_TRUE(read_devices(*devices)->empty());
  ASSERT_TRUE(ask("POST", "/auth/tokens", R"({"uses":7})"));
  const auto tokens = ask("GET", "/auth/tokens");
  ASSERT_TRUE(tokens);
  const auto list = read_tokens(*tokens);
  ASSERT_TRUE(list);
  ASSERT_EQ(list->size(), 1U);
  EXPECT_EQ(list->front().made_by, "hub");
  EXPECT_EQ(list->front().uses_left, 7);
  ASSERT_TRUE(ask("DELETE", "/auth/tokens/" + list->front().id));
  const auto again = ask("DELETE", "/auth/tokens/" + list->front().id);
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().fault.code, "not_found");
}

TEST_F(HubControl, AHubThatRunsAndDoesNotAnswerIsNotWorkedRound) {
  make_hub();
  const auto lock = os::FileLock::acquire(folder().lock());
  ASSERT_TRUE(lock);
  const auto reply = ask("GET", "/auth/devices");
  ASSERT_FALSE(reply);
  EXPECT_NE(reply.error().text.find("restart it"), std::string::npos) << reply.error().text;
  EXPECT_FALSE(std::filesystem::exists(folder().database()));
}

TEST_F(HubControl, WhatAnswersOnTheSocketIsAskedAndNotTheDatabase) {
  make_hub();
  std::string asked;
  net::ControlServer::Options options;
  options.path = folder().control_socket().string();
  const auto server = net::ControlServer::listen(loop_, options, [&](const std::string& line, net::ControlReply reply) {
    asked = line;
    reply.send_line(R"({"status":409,"body":"{\"error\":\"last_admin\",\"message\":\"no\"}"})");
  });
  ASSERT_TRUE(server);
  const auto reply = ask("DELETE", "/auth/devices/d1");
  ASSERT_FALSE(reply);
  EXPECT_EQ(reply.error().fault.code, "last_admin");
  EXPECT_EQ(read_local_request(asked)->target, "/auth/devices/d1");
  EXPECT_FALSE(std::filesystem::exists(folder().database()));
}

}  // namespace
}  // namespace bamgate::host
