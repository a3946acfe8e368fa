// Which connection a datagram belongs to, and what a hostile peer can do about that.
#include "agent/directory.h"

#include <gtest/gtest.h>

namespace bamgate::agent {
namespace {

constexpr AttemptId kOld{1};
constexpr AttemptId kNew{2};
constexpr AttemptId kHostile{3};

Path path_at(std::uint16_t port, std::uint32_t socket = 1) {
  return {SocketId{socket}, {IpAddress::v4(192, 0, 2, 9), port}, RelayId::kNone};
}

std::vector<AttemptId> owners_of(const Directory& directory, const Path& where) {
  std::vector<AttemptId> all;
  for (const Directory::Owner& owner : directory.owners(where)) all.push_back(owner.attempt);
  return all;
}

TEST(Directory, FindsAConnectionByTheUfragBeforeTheColon) {
  Directory directory;
  directory.add(kOld, {"abcd"});
  directory.add(kNew, {"efgh"});
  EXPECT_EQ(directory.find_username("abcd:zzzz"), kOld);
  EXPECT_EQ(directory.find_username("efgh:"), kNew);
  EXPECT_EQ(directory.find_username("zzzz:abcd"), std::nullopt);
  EXPECT_EQ(directory.find_username("abcd"), std::nullopt);
  EXPECT_EQ(directory.find_username("abc:d"), std::nullopt);
  directory.remove(kOld);
  EXPECT_EQ(directory.find_username("abcd:zzzz"), std::nullopt);
  EXPECT_EQ(directory.find_username("efgh:zzzz"), kNew);
}

TEST(Directory, NamesWhoHasProvenAPathFirstAndOfEqualOnesTheNewest) {
  Directory directory;
  for (const AttemptId attempt : {kOld, kNew, kHostile}) directory.add(attempt, {std::to_string(int(attempt))});
  ASSERT_TRUE(directory.claim(kHostile, path_at(1), Claim::kChecked));
  ASSERT_TRUE(directory.claim(kOld, path_at(1), Claim::kProven));
  ASSERT_TRUE(directory.claim(kNew, path_at(1), Claim::kProven));
  EXPECT_EQ(owners_of(directory, path_at(1)), (std::vector{kNew, kOld, kHostile}));
}

TEST(Directory, AClaimTakesNothingFromAnotherConnectionAndNeverBecomesAWeakerOne) {
  Directory directory;
  directory.add(kOld, {"old"});
  directory.add(kHostile, {"hostile"});
  ASSERT_TRUE(directory.claim(kOld, path_at(1), Claim::kProven));
  ASSERT_TRUE(directory.claim(kHostile, path_at(1), Claim::kChecked));
  ASSERT_TRUE(directory.claim(kOld, path_at(1), Claim::kAsked));
  EXPECT_EQ(directory.owners(path_at(1))[0].attempt, kOld);
  EXPECT_EQ(directory.owners(path_at(1))[0].claim, Claim::kProven);
  directory.remove(kHostile);
  EXPECT_EQ(owners_of(directory, path_at(1)), std::vector{kOld});
}

TEST(Directory, AConnectionOwnsNoMorePathsThanItsBoundAndAStrangerNone) {
  Directory directory;
  directory.add(kOld, {"old"});
  directory.add(kNew, {"new"});
  for (std::uint16_t port = 1; port <= 1000; ++port) {
    EXPECT_EQ(directory.claim(kOld, path_at(port), Claim::kChecked), port <= Directory::kMaxPaths);
  }
  EXPECT_EQ(directory.paths(), Directory::kMaxPaths);
  EXPECT_TRUE(directory.claim(kNew, path_at(1000), Claim::kProven)) << "each has a bound of its own";
  EXPECT_FALSE(directory.claim(kHostile, path_at(7), Claim::kProven)) << "who is not known owns nothing";
}

TEST(Directory, AConnectionMayHaveSeveralUfragsAndGivesThemUp) {
  Directory directory;
  directory.add(kOld, {"first"});
  directory.set_ufrags(kOld, {"second", "first"});
  EXPECT_EQ(directory.find_username("first:z"), kOld);
  EXPECT_EQ(directory.find_username("second:z"), kOld);
  directory.set_ufrags(kOld, {"second"});
  EXPECT_EQ(directory.find_username("first:z"), std::nullopt);
  directory.set_ufrags(kNew, {"stranger"});
  EXPECT_EQ(directory.find_username("stranger:z"), std::nullopt) << "who is not known has none";
  directory.remove(kOld);
  EXPECT_EQ(directory.find_username("second:z"), std::nullopt);
}

TEST(Directory, RestartsWithoutEndDoNotUseUpThePathsOfAConnection) {
  Directory directory;
  directory.add(kOld, {"old"});
  directory.add(kNew, {"new"});
  for (std::uint16_t port = 1; port <= 1000; ++port) {
    ASSERT_TRUE(directory.claim(kOld, path_at(port), Claim::kProven));
    ASSERT_EQ(directory.claim(kNew, path_at(port), Claim::kAsked), port <= Directory::kMaxPaths);
    directory.keep_paths(kOld, [&](const Path& path) { return path == path_at(port); });
    EXPECT_EQ(directory.owners(path_at(port))[0].attempt, kOld);
  }
  EXPECT_EQ(owners_of(directory, path_at(1)), std::vector{kNew}) << "those of others stay";
}

TEST(Directory, ForgetsAllOfAConnectionThatEndsAndOfASocketThatIsGone) {
  Directory directory;
  directory.add(kOld, {"old"});
  directory.add(kNew, {"new"});
  for (const std::uint32_t socket : {1U, 2U}) {
    ASSERT_TRUE(directory.claim(kOld, path_at(1, socket), Claim::kProven));
    ASSERT_TRUE(directory.claim(kNew, path_at(1, socket), Claim::kAsked));
  }
  directory.remove(SocketId{2});
  EXPECT_TRUE(directory.owners(path_at(1, 2)).empty());
  directory.remove(kOld);
  EXPECT_EQ(owners_of(directory, path_at(1, 1)), std::vector{kNew});
  directory.remove(kNew);
  EXPECT_EQ(directory.paths(), 0U);
  EXPECT_EQ(directory.connections(), 0U);
}

}  // namespace
}  // namespace bamgate::agent
