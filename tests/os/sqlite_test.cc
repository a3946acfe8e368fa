#include "os/sqlite.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>

namespace bamgate::os {
namespace {

class SqliteTest : public ::testing::Test {
 protected:
  SqliteTest() {
    std::string name = std::filesystem::temp_directory_path() / "bamgate-sqlite-XXXXXX";
    if (mkdtemp(name.data()) != nullptr) folder = name;
    path = folder / "hub.db";
  }
  ~SqliteTest() override {
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
  }

  Sqlite open() {
    auto opened = Sqlite::open(path);
    EXPECT_TRUE(opened);
    return std::move(*opened);
  }
  static std::vector<SqlRow> run(Sqlite& sqlite, std::string_view sql, std::vector<SqlValue> parameters = {}) {
    auto rows = sqlite.execute(sql, parameters);
    EXPECT_TRUE(rows) << sql;
    return rows ? std::move(*rows) : std::vector<SqlRow>();
  }

  std::filesystem::path folder;
  std::filesystem::path path;
};

TEST_F(SqliteTest, ValuesOfEveryKindComeBackAsTheyWent) {
  Sqlite sqlite = open();
  run(sqlite, "CREATE TABLE t(a, b, c, d, e, f)");
  const SqlRow values{std::monostate{},
                      std::int64_t{-9'000'000'000},
                      std::string("a\0b'", 4),
                      std::string(),
                      std::vector<std::byte>{std::byte{0}, std::byte{255}},
                      std::vector<std::byte>{}};
  run(sqlite, "INSERT INTO t VALUES(?1, ?2, ?3, ?4, ?5, ?6)", values);
  const auto rows = run(sqlite, "SELECT * FROM t");
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0], values);
}

TEST_F(SqliteTest, CommitsSurviveTheObjectAndRollbacksDoNot) {
  {
    Sqlite sqlite = open();
    run(sqlite, "CREATE TABLE t(a)");
    const auto kept = sqlite.transaction([&] {
      run(sqlite, "INSERT INTO t VALUES(1)");
      return true;
    });
    EXPECT_EQ(kept.value_or(false), true);
    const auto dropped = sqlite.transaction([&] {
      run(sqlite, "INSERT INTO t VALUES(2)");
      return false;
    });
    EXPECT_EQ(dropped.value_or(true), false);
    EXPECT_THROW(static_cast<void>(sqlite.transaction([&]() -> bool {
                   run(sqlite, "INSERT INTO t VALUES(3)");
                   throw std::runtime_error("no");
                 })),
                 std::runtime_error);
  }
  Sqlite sqlite = open();
  EXPECT_EQ(run(sqlite, "SELECT a FROM t"), (std::vector<SqlRow>{{std::int64_t{1}}}));
}

TEST_F(SqliteTest, TheDatabaseIsDurableAndPrivate) {
  Sqlite sqlite = open();
  EXPECT_EQ(run(sqlite, "PRAGMA journal_mode"), (std::vector<SqlRow>{{std::string("wal")}}));
  EXPECT_EQ(run(sqlite, "PRAGMA synchronous"), (std::vector<SqlRow>{{std::int64_t{2}}}));
  EXPECT_EQ(run(sqlite, "PRAGMA busy_timeout"), (std::vector<SqlRow>{{std::int64_t{5000}}}));
  run(sqlite, "CREATE TABLE t(a)");
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    struct stat status{};
    ASSERT_EQ(stat(entry.path().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600U) << entry.path();
  }
}

TEST_F(SqliteTest, TwoConnectionsSeeEachOthersCommits) {
  Sqlite one = open();
  Sqlite two = open();
  run(one, "CREATE TABLE t(a)");
  run(one, "INSERT INTO t VALUES(1)");
  EXPECT_EQ(run(two, "SELECT a FROM t").size(), 1U);
  run(two, "INSERT INTO t VALUES(2)");
  EXPECT_EQ(run(one, "SELECT a FROM t").size(), 2U);
}

TEST_F(SqliteTest, ASnapshotIsADatabaseWithAllThatWasCommitted) {
  Sqlite sqlite = open();
  Sqlite writer = open();
  run(sqlite, "CREATE TABLE t(a)");
  for (int i = 0; i < 100; ++i) run(writer, "INSERT INTO t VALUES(" + std::to_string(i) + ")");
  const auto copy = sqlite.snapshot();
  ASSERT_TRUE(copy) << copy.error().message;
  run(writer, "DELETE FROM t");
  const auto copied = folder / "copy.db";
  {
    std::ofstream file(copied, std::ios::binary);
    file << *copy;
  }
  auto opened = Sqlite::open(copied.string());
  ASSERT_TRUE(opened) << opened.error().message;
  EXPECT_EQ(run(*opened, "PRAGMA quick_check"), (std::vector<SqlRow>{{std::string("ok")}}));
  EXPECT_EQ(run(*opened, "SELECT COUNT(*) FROM t"), (std::vector<SqlRow>{{std::int64_t{100}}}));
}

TEST_F(SqliteTest, AnotherConnectionSeesWhatTheDatabaseHasBecome) {
  Sqlite restored = Sqlite::open((folder / "restored.db").string()).value();
  run(restored, "CREATE TABLE t(a, b)");
  run(restored, "INSERT INTO t VALUES(1, 2)");
  Sqlite user = open();
  run(user, "CREATE TABLE t(a)");
  for (int i = 0; i < 1000; ++i) run(user, "INSERT INTO t VALUES(" + std::to_string(i) + ")");
  EXPECT_EQ(run(user, "SELECT * FROM t WHERE a = 7"), (std::vector<SqlRow>{{std::int64_t{7}}}));
  {
    Sqlite writer = open();
    const auto become = writer.become(restored);
    ASSERT_TRUE(become) << become.error().message;
  }
  EXPECT_EQ(run(user, "SELECT * FROM t"), (std::vector<SqlRow>{{std::int64_t{1}, std::int64_t{2}}}));
  run(user, "INSERT INTO t VALUES(3, 4)");
  EXPECT_EQ(run(user, "PRAGMA quick_check"), (std::vector<SqlRow>{{std::string("ok")}}));
  EXPECT_EQ(run(user, "PRAGMA journal_mode"), (std::vector<SqlRow>{{std::string("wal")}}));
}

TEST_F(SqliteTest, ADamagedFileIsToldApart) {
  const auto rubbish = folder / "rubbish.db";
  {
    std::ofstream file(rubbish, std::ios::binary);
    file << std::string(10'000, 'x');
  }
  const auto opened = Sqlite::open(rubbish.string());
  ASSERT_FALSE(opened);
  EXPECT_TRUE(opened.error().is_damage());
  EXPECT_FALSE(Sqlite::open(folder / "none" / "hub.db").error().is_damage());
}

TEST_F(SqliteTest, ErrorsAreReturnedWithCodeAndMessage) {
  Sqlite sqlite = open();
  run(sqlite, "CREATE TABLE t(a INTEGER PRIMARY KEY)");
  run(sqlite, "INSERT INTO t VALUES(1)");
  const auto twice = sqlite.execute("INSERT INTO t VALUES(1)");
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().code & 0xff, 19);  // SQLITE_CONSTRAINT
  EXPECT_FALSE(twice.error().message.empty());
  EXPECT_FALSE(sqlite.execute("no SQL"));
  EXPECT_FALSE(sqlite.execute(""));
  EXPECT_FALSE(sqlite.execute("SELECT 1; SELECT 2"));
  EXPECT_FALSE(sqlite.execute("SELECT ?1"));
  EXPECT_TRUE(sqlite.execute("SELECT 1;"));
}

TEST_F(SqliteTest, WhatIsWrongWithTheDiskIsSaidByName) {
  EXPECT_NE((SqlError{13, "full"}.to_string().find("make room on the disk")), std::string::npos);
  EXPECT_NE((SqlError{8, "readonly"}.to_string().find("cannot be written")), std::string::npos);
  EXPECT_NE((SqlError{10 | (3 << 8), "io"}.to_string().find("full or fails")), std::string::npos);
  EXPECT_NE((SqlError{11, "corrupt"}.to_string().find("bring back the last backup")), std::string::npos);
  EXPECT_NE((SqlError{5, "locked"}.to_string().find("another process")), std::string::npos);
  EXPECT_EQ((SqlError{19, "constraint"}.to_string()), "constraint");
}

// To open it again takes no room on a disk that has filled up meanwhile; and an old log must never meet a new database.
TEST_F(SqliteTest, AfterTheEndTheSharedFileStaysAndTheLogIsEmpty) {
  {
    Sqlite sqlite = open();
    run(sqlite, "CREATE TABLE t(a)");
    run(sqlite, "INSERT INTO t VALUES(1)");
    EXPECT_GT(std::filesystem::file_size(path.string() + "-wal"), 0U);
  }
  EXPECT_EQ(std::filesystem::file_size(path.string() + "-wal"), 0U);
  EXPECT_GE(std::filesystem::file_size(path.string() + "-shm"), 32768U);
  Sqlite again = open();
  EXPECT_EQ(run(again, "SELECT a FROM t").size(), 1U);
}

TEST_F(SqliteTest, AFolderThatIsNotThereIsAnError) {
  const auto opened = Sqlite::open(folder / "none" / "hub.db");
  ASSERT_FALSE(opened);
  EXPECT_NE(opened.error().message.find("hub.db"), std::string::npos);
}

TEST_F(SqliteTest, MoreStatementsThanTheCacheHoldsStillRun) {
  Sqlite sqlite = open();
  for (int round = 0; round < 2; ++round) {
    for (std::size_t i = 0; i < 2 * Sqlite::kCachedStatements; ++i) {
      const auto rows = run(sqlite, "SELECT " + std::to_string(i));
      ASSERT_EQ(rows, (std::vector<SqlRow>{{static_cast<std::int64_t>(i)}}));
    }
  }
}

TEST_F(SqliteTest, ARealReadsAsItsIntegerPart) {
  Sqlite sqlite = open();
  EXPECT_EQ(run(sqlite, "SELECT 5.0"), (std::vector<SqlRow>{{std::int64_t{5}}}));
}

TEST_F(SqliteTest, SyncedByHandItSaysWhatIsNotOnDiskYet) {
  Sqlite sqlite = open();
  run(sqlite, "CREATE TABLE t(a)");
  EXPECT_FALSE(sqlite.is_unsynced()) << "each commit was synced by itself";
  ASSERT_TRUE(sqlite.sync_by_hand());
  run(sqlite, "SELECT * FROM t");
  EXPECT_FALSE(sqlite.is_unsynced());
  run(sqlite, "INSERT INTO t VALUES(1)");
  EXPECT_TRUE(sqlite.is_unsynced());
  ASSERT_TRUE(sqlite.sync());
  EXPECT_FALSE(sqlite.is_unsynced());
  const auto insert = [&] { return sqlite.execute("INSERT INTO t VALUES(2)").has_value(); };
  ASSERT_TRUE(sqlite.transaction([&] { return insert() && false; }));
  EXPECT_FALSE(sqlite.is_unsynced()) << "it was taken back";
  ASSERT_TRUE(sqlite.transaction(insert));
  EXPECT_TRUE(sqlite.is_unsynced());
  Sqlite other = open();
  EXPECT_EQ(run(other, "SELECT count(*) FROM t"), (std::vector<SqlRow>{{std::int64_t{2}}})) << "others see it at once";
}

}  // namespace
}  // namespace bamgate::os
