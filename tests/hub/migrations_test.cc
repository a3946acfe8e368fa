// Databases of every older version, half migrated ones, and ones of a newer program.
#include "hub/migrations.h"

#include "hub_fixture.h"

namespace bamgate::hub {
namespace {

/// Fails for good after a number of statements, as when the disk or the power goes.
class DyingSql : public Sql {
 public:
  DyingSql(Sql& inner, std::size_t lives) : inner_(inner), lives_(lives) {}
  std::optional<std::vector<SqlRow>> execute(std::string_view statement, std::span<const SqlValue> values) override {
    if (lives_ == 0) return std::nullopt;
    --lives_;
    return inner_.execute(statement, values);
  }
  bool transaction(const std::function<bool()>& body) override { return lives_ > 0 && inner_.transaction(body); }
  bool is_dead() const { return lives_ == 0; }

 private:
  Sql& inner_;
  std::size_t lives_;
};

class HubMigrations : public ::testing::Test {
 protected:
  void SetUp() override { fresh(); }

  void fresh() {
    sql.reset();
    sqlite = std::make_unique<os::Sqlite>(os::Sqlite::open(":memory:").value());
    sql = std::make_unique<testing::SqliteHubSql>(*sqlite);
  }
  std::int64_t number(const std::string& query) {
    const auto rows = sqlite->execute(query);
    return rows && !rows->empty() ? std::get<std::int64_t>(rows->front().front()) : -1;
  }
  std::expected<void, Error> run(std::int64_t version = newest_schema_version()) {
    Database database(*sql);
    return migrate(database, version);
  }
  /// Tables and indexes as they were written.
  std::string schema() {
    std::string text;
    const auto rows = sqlite->execute("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name");
    for (const auto& row : rows.value()) text += std::get<std::string>(row.front()) + "\n";
    return text;
  }

  std::unique_ptr<os::Sqlite> sqlite;
  std::unique_ptr<testing::SqliteHubSql> sql;
};

TEST_F(HubMigrations, EveryOlderVersionBecomesTheNewest) {
  ASSERT_TRUE(run());
  const std::string newest = schema();
  for (std::int64_t version = 0; version < newest_schema_version(); ++version) {
    fresh();
    ASSERT_TRUE(run(version));
    EXPECT_EQ(number("SELECT version FROM schema_version"), version);
    ASSERT_TRUE(run()) << "from " << version;
    EXPECT_EQ(number("SELECT version FROM schema_version"), newest_schema_version());
    EXPECT_EQ(schema(), newest) << "from " << version;
  }
}

TEST_F(HubMigrations, AStepThatWasBrokenOffAnywhereLeavesTheVersionBefore) {
  ASSERT_TRUE(run());
  const std::string newest = schema();
  bool broken_off = true;
  for (std::size_t lives = 0; broken_off; ++lives) {
    ASSERT_LT(lives, 1000U);
    fresh();
    DyingSql dying(*sql, lives);
    Database database(dying);
    const auto migrated = migrate(database);
    broken_off = dying.is_dead();
    EXPECT_TRUE(broken_off || migrated.has_value()) << lives;
    // No table of a step without its version.
    const std::int64_t version = number("SELECT version FROM schema_version");
    if (version <= 0) {
      EXPECT_EQ(number("SELECT COUNT(*) FROM sqlite_schema WHERE name = 'devices'"), 0) << lives;
    }
    ASSERT_TRUE(run()) << lives;
    EXPECT_EQ(schema(), newest) << lives;
  }
}

TEST_F(HubMigrations, MigratingTwiceChangesNothing) {
  ASSERT_TRUE(run());
  ASSERT_TRUE(sqlite->execute("INSERT INTO settings(name, value) VALUES('x', 'y')"));
  ASSERT_TRUE(run());
  EXPECT_EQ(number("SELECT COUNT(*) FROM settings"), 1);
}

TEST_F(HubMigrations, ANewerDatabaseIsRefusedAndNotTouched) {
  ASSERT_TRUE(run());
  ASSERT_TRUE(sqlite->execute("UPDATE schema_version SET version = version + 1"));
  const std::string before = schema();
  const auto refused = run();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error(), Error::kNewerDatabase);
  EXPECT_EQ(schema(), before);
  EXPECT_EQ(number("SELECT version FROM schema_version"), newest_schema_version() + 1);
}

TEST_F(HubMigrations, AVersionBelowZeroIsAnError) {
  ASSERT_TRUE(run());
  ASSERT_TRUE(sqlite->execute("UPDATE schema_version SET version = -1"));
  EXPECT_FALSE(run());
}

}  // namespace
}  // namespace bamgate::hub
