#include "wg/allowed_ips.h"

#include <gtest/gtest.h>

#include <map>

#include "support/seeded_random.h"

namespace bamgate::wg {
namespace {

IpPrefix prefix(std::string_view text) { return IpPrefix::parse(text).value(); }
IpAddress address(std::string_view text) { return IpAddress::parse(text).value(); }

TEST(WgAllowedIps, LongestPrefixWins) {
  AllowedIps<int> table;
  table.insert(prefix("0.0.0.0/0"), 1);
  table.insert(prefix("10.0.0.0/8"), 2);
  table.insert(prefix("10.100.0.0/16"), 3);
  table.insert(prefix("10.100.0.7/32"), 4);
  EXPECT_EQ(table.lookup(address("192.0.2.1")), 1);
  EXPECT_EQ(table.lookup(address("10.1.2.3")), 2);
  EXPECT_EQ(table.lookup(address("10.100.2.3")), 3);
  EXPECT_EQ(table.lookup(address("10.100.0.7")), 4);
  EXPECT_EQ(table.lookup(address("2001:db8::1")), std::nullopt);
  EXPECT_EQ(table.lookup(IpAddress{}), std::nullopt);
}

TEST(WgAllowedIps, FamiliesAreSeparateAndV6GoesToTheLastBit) {
  AllowedIps<int> table;
  table.insert(prefix("::/0"), 1);
  table.insert(prefix("fd00::/8"), 2);
  table.insert(prefix("fd12:3456:789a::1/128"), 3);
  table.insert(prefix("fd12:3456:789a::/127"), 4);
  EXPECT_EQ(table.lookup(address("fd12:3456:789a::1")), 3);
  EXPECT_EQ(table.lookup(address("fd12:3456:789a::")), 4);
  EXPECT_EQ(table.lookup(address("fd12:3456:789a::2")), 2);
  EXPECT_EQ(table.lookup(address("2001:db8::1")), 1);
  EXPECT_EQ(table.lookup(address("10.0.0.1")), std::nullopt);
}

TEST(WgAllowedIps, InsertingAPrefixAgainMovesItAndHostBitsDoNotMatter) {
  AllowedIps<int> table;
  EXPECT_EQ(table.insert(prefix("10.1.2.3/16"), 1), std::nullopt);
  EXPECT_EQ(table.insert(prefix("10.1.0.0/16"), 2), 1);
  EXPECT_EQ(table.find(prefix("10.1.9.9/16")), 2);
  EXPECT_EQ(table.find(prefix("10.1.0.0/17")), std::nullopt);
  EXPECT_EQ(table.lookup(address("10.1.2.3")), 2);
}

TEST(WgAllowedIps, RemovingUncoversTheShorterPrefix) {
  AllowedIps<int> table;
  table.insert(prefix("10.0.0.0/8"), 1);
  table.insert(prefix("10.1.0.0/16"), 2);
  table.insert(prefix("10.2.0.0/16"), 3);
  EXPECT_FALSE(table.remove(prefix("10.3.0.0/16")));
  EXPECT_TRUE(table.remove(prefix("10.1.0.0/16")));
  EXPECT_FALSE(table.remove(prefix("10.1.0.0/16")));
  EXPECT_EQ(table.lookup(address("10.1.0.1")), 1);
  EXPECT_EQ(table.lookup(address("10.2.0.1")), 3);
  EXPECT_TRUE(table.remove(prefix("10.0.0.0/8")));
  EXPECT_EQ(table.lookup(address("10.1.0.1")), std::nullopt);
  EXPECT_TRUE(table.remove(prefix("10.2.0.0/16")));
  EXPECT_TRUE(table.empty());
}

/// The same table as a plain list, to compare with.
class PlainTable {
 public:
  void insert(const IpPrefix& at, int peer) { entries_[at.network()] = peer; }
  bool remove(const IpPrefix& at) { return entries_.erase(at.network()) > 0; }
  const std::map<IpPrefix, int>& entries() const { return entries_; }
  std::optional<int> lookup(const IpAddress& of) const {
    std::optional<int> best;
    int length = -1;
    for (const auto& [at, peer] : entries_) {
      if (at.contains(of) && at.length > length) {
        best = peer;
        length = at.length;
      }
    }
    return best;
  }

 private:
  std::map<IpPrefix, int> entries_;
};

/// An address out of few bits, so that prefixes meet often.
IpAddress random_address(Random& random, bool v4) {
  std::array<std::byte, 16> bytes{};
  bytes[0] = static_cast<std::byte>(random.below(2) * 128);
  bytes[1] = static_cast<std::byte>(random.below(256));
  bytes[v4 ? 3 : 8] = static_cast<std::byte>(random.below(4));
  bytes[v4 ? 3 : 15] |= static_cast<std::byte>(random.below(4));
  return IpAddress::from_bytes(Bytes(bytes).first(v4 ? 4 : 16));
}

TEST(WgAllowedIps, AgreesWithAPlainTableUnderRandomChanges) {
  bamgate::testing::SeededRandom random(11);
  AllowedIps<int> table;
  PlainTable plain;
  for (int step = 0; step < 8'000; ++step) {
    const bool v4 = random.below(2) == 0;
    const IpPrefix at{random_address(random, v4), static_cast<std::uint8_t>(random.below(v4 ? 33 : 129))};
    const int peer = static_cast<int>(random.below(8));
    const std::uint32_t choice = random.below(100);
    if (choice < 50) {
      table.insert(at, peer);
      plain.insert(at, peer);
    } else {
      ASSERT_EQ(table.remove(at), plain.remove(at));
    }
    const IpAddress probe = random_address(random, v4);
    ASSERT_EQ(table.lookup(probe), plain.lookup(probe)) << "step " << step;
  }
  for (const auto& [at, peer] : plain.entries()) EXPECT_TRUE(table.remove(at));
  EXPECT_TRUE(table.empty());
}

}  // namespace
}  // namespace bamgate::wg
