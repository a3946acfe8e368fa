// A hub's data folder that has lost a part: never taken for a new hub, and no key is ever overwritten.
#include "host/hub_folder.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <string>

#include "core/encoding.h"
#include "host/hub_database.h"
#include "os/file.h"
#include "os/random.h"

namespace bamgate::host {
namespace {

class HubFolderTest : public ::testing::Test {
 protected:
  HubFolderTest() {
    std::string name = "/tmp/bamgate-hub-folder-XXXXXX";
    path_ = mkdtemp(name.data());
  }
  ~HubFolderTest() override { std::filesystem::remove_all(path_); }

  HubFolder folder() const { return HubFolder(path_); }

  /// A start of the hub as command_hub.cc makes it, as far as the folder is concerned; broken off after `steps` steps.
  std::string start(HubStart start = {}, int steps = 100) {
    if (const auto whole = folder().check(start); !whole) return whole.error();
    if (steps <= 1) return "";
    if (start.own_identity) {
      const auto identity = folder().identity(random_);
      if (!identity) return identity.error();
    }
    if (steps <= 2) return "";
    const std::string fingerprint = start.own_identity ? fingerprint_of_certificate() : "";
    if (const auto kept = folder().write_address({"https://hub.example", fingerprint}); !kept) return kept.error();
    if (steps <= 3) return "";
    auto database = open_hub_database(folder().database(), NoDatabase::kMake);
    if (!database) return database.error();
    if (steps <= 4) return "";
    if (!database->execute("CREATE TABLE IF NOT EXISTS devices (id TEXT)")) return "cannot write";
    if (steps <= 5) return "";
    const auto settled = folder().settle();
    return settled ? "" : settled.error();
  }
  std::string fingerprint_of_certificate() {
    const auto digest = net::spki_sha256(content("hub-cert.pem"));
    return digest ? to_base64url(*digest) : "";
  }
  std::string content(const std::string& name) const {
    const auto text = os::read_file(path_ / name, 1 << 20);
    return text ? *text : "";
  }
  void write(const std::string& name, const std::string& text) { std::ofstream(path_ / name) << text; }
  void remove(const std::string& name) { std::filesystem::remove(path_ / name); }

  std::filesystem::path path_;
  os::SystemRandom random_;
};

TEST_F(HubFolderTest, ANewHubBeginsInAnEmptyFolderAndStartsAgain) {
  EXPECT_EQ(start(), "");
  const std::string key = content("hub-key.pem");
  EXPECT_FALSE(key.empty());
  EXPECT_FALSE(std::filesystem::exists(folder().begun()));
  EXPECT_EQ(start(), "");
  EXPECT_EQ(content("hub-key.pem"), key);
}

TEST_F(HubFolderTest, AFirstStartThatIsBrokenOffAnywhereIsCompletedWithTheKeyThatIsThere) {
  for (int steps = 1; steps <= 5; ++steps) {
    std::filesystem::remove_all(path_);
    std::filesystem::create_directory(path_);
    ASSERT_EQ(start({}, steps), "");
    const std::string key = content("hub-key.pem");
    EXPECT_EQ(start(), "") << steps;
    if (!key.empty()) {
      EXPECT_EQ(content("hub-key.pem"), key) << steps;
    }
    EXPECT_EQ(start(), "") << steps;
  }
}

// The key is on disk and its certificate is not: what a crash between the two leaves.
TEST_F(HubFolderTest, AFirstStartBetweenKeyAndCertificateKeepsTheKey) {
  ASSERT_EQ(start({}, 2), "");
  const std::string key = content("hub-key.pem");
  const std::string fingerprint = fingerprint_of_certificate();
  remove("hub-cert.pem");
  EXPECT_EQ(start(), "");
  EXPECT_EQ(content("hub-key.pem"), key);
  EXPECT_EQ(fingerprint_of_certificate(), fingerprint) << "who pinned the key does not notice";
}

TEST_F(HubFolderTest, AFolderThatLostAnyPartIsRefusedByNameAndLeftAsItIs) {
  for (const std::string name : {"hub.db", "hub-key.pem", "hub-cert.pem", "hub.json"}) {
    for (const bool empty : {false, true}) {
      std::filesystem::remove_all(path_);
      std::filesystem::create_directory(path_);
      ASSERT_EQ(start(), "");
      std::map<std::string, std::string> before;
      if (empty) {
        write(name, "");
        std::filesystem::remove(path_ / "hub.db-wal");
      } else {
        remove(name);
      }
      for (const char* file : {"hub-key.pem", "hub-cert.pem", "hub.json"}) before[file] = content(file);
      const std::string said = start();
      EXPECT_NE(said.find(name + (empty ? " is empty" : " is missing")), std::string::npos) << name << ": " << said;
      EXPECT_NE(said.find("hub restore"), std::string::npos) << said;
      EXPECT_NE(said.find("--new"), std::string::npos) << said;
      for (const auto& [file, text] : before) EXPECT_EQ(content(file), text) << name << " " << file;
      if (name == "hub.db" && !empty) {
        EXPECT_FALSE(std::filesystem::exists(path_ / name)) << "none was made";
      }
      const std::string key = content("hub-key.pem");
      EXPECT_EQ(start({.begin_new = true}), "") << name;
      if (!key.empty()) {
        EXPECT_EQ(content("hub-key.pem"), key) << "no key is overwritten, also by --new";
      }
      EXPECT_EQ(start(), "") << name;
    }
  }
}

TEST_F(HubFolderTest, ADatabaseWithoutATableIsALostOne) {
  ASSERT_EQ(start(), "");
  remove("hub.db");
  {
    auto database = os::Sqlite::open((path_ / "hub.db").string());
    ASSERT_TRUE(database);
    ASSERT_TRUE(database->execute("CREATE TABLE t (x)"));
    ASSERT_TRUE(database->execute("DROP TABLE t"));
  }
  EXPECT_NE(start().find("hub.db holds nothing"), std::string::npos);
  const auto asked = open_database_of(folder());
  ASSERT_FALSE(asked) << "a command must not take it for an empty hub either";
  EXPECT_NE(asked.error().find("hub.db holds nothing"), std::string::npos) << asked.error();
}

TEST_F(HubFolderTest, AnotherHubsDatabaseIsNotTaken) {
  ASSERT_EQ(start(), "");
  const auto become = [&](const std::string& network) {
    auto database = os::Sqlite::open(folder().database().string());
    ASSERT_TRUE(database);
    ASSERT_TRUE(database->execute("CREATE TABLE IF NOT EXISTS settings (name TEXT PRIMARY KEY, value)"));
    ASSERT_TRUE(database->execute("INSERT OR REPLACE INTO settings VALUES('network_id', '" + network + "')"));
  };
  become("aa");
  EXPECT_TRUE(open_database_of(folder())) << "a folder of an older hub names none";
  ASSERT_TRUE(folder().name_network("aa"));
  EXPECT_EQ(folder().read_address()->public_url, "https://hub.example");
  EXPECT_TRUE(open_database_of(folder()));
  ASSERT_TRUE(folder().check({}));
  become("bb");
  const auto checked = folder().check({});
  ASSERT_FALSE(checked);
  EXPECT_NE(checked.error().find("hub.db is another hub's"), std::string::npos) << checked.error();
  const auto asked = open_database_of(folder());
  ASSERT_FALSE(asked);
  EXPECT_NE(asked.error().find("hub.db is another hub's"), std::string::npos) << asked.error();
}

TEST_F(HubFolderTest, AnotherHubsCertificateIsNotTaken) {
  ASSERT_EQ(start(), "");
  const auto other = net::make_self_signed(random_, "bamgate-hub", UnixTime{1'800'000'000});
  ASSERT_TRUE(other);
  write("hub-key.pem", other->key_pem);
  write("hub-cert.pem", other->cert_pem);
  EXPECT_NE(start().find("not the certificate that devices know"), std::string::npos);
}

TEST_F(HubFolderTest, AHubWithoutACertificateOfItsOwnNeedsNone) {
  const HubStart plain{.own_identity = false};
  EXPECT_EQ(start(plain), "");
  EXPECT_EQ(start(plain), "");
  EXPECT_FALSE(std::filesystem::exists(folder().key()));
  EXPECT_EQ(start(), "") << "it gets one when it is to have one";
  remove("hub-key.pem");
  remove("hub-cert.pem");
  EXPECT_NE(start().find("hub-key.pem is missing, hub-cert.pem is missing"), std::string::npos);
}

TEST_F(HubFolderTest, ItsAddressIsNotMissedByWhoNamesIt) {
  ASSERT_EQ(start(), "");
  remove("hub.json");
  EXPECT_EQ(start({.knows_url = true}), "");
  write("hub.json", "{");
  EXPECT_NE(start().find("hub.json cannot be read"), std::string::npos);
  remove("hub.json");
  remove("hub-key.pem");
  remove("hub-cert.pem");
  EXPECT_NE(start({.knows_url = true}).find("hub-key.pem is missing"), std::string::npos);
}

TEST_F(HubFolderTest, NewIsRefusedWhereNothingIsLost) {
  ASSERT_EQ(start(), "");
  EXPECT_NE(start({.begin_new = true}).find("without --new"), std::string::npos);
  EXPECT_EQ(start(), "");
}

TEST_F(HubFolderTest, NoCommandMakesADatabaseWhereNoneIs) {
  EXPECT_NE(open_hub_database(folder().database()).error().find("is missing"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(folder().database()));
  write("hub.db", "");
  EXPECT_NE(open_hub_database(folder().database()).error().find("is empty"), std::string::npos);
}

}  // namespace
}  // namespace bamgate::host
