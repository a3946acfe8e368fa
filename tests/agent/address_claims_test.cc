#include "agent/address_claims.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "support/seeded_random.h"

namespace bamgate::agent {
namespace {

using bridge::PeerIndex;

constexpr std::uint32_t kPeers = 8;
constexpr std::uint32_t kPrefixes = 12;

std::string name_of(std::uint32_t peer) { return std::string(1, static_cast<char>('a' + peer)); }
// Of different lengths, so that some lie in others.
IpPrefix prefix_of(std::uint32_t number) {
  return IpPrefix{IpAddress::v4(10, static_cast<std::uint8_t>(number / 3), 0, 0),
                  static_cast<std::uint8_t>(16 + 8 * (number % 3))}
      .network();
}

/// The rule itself: at every step all peers, in the order of their names, claim anew all that they claim.
class FromScratch {
 public:
  std::vector<IpPrefix> set(const std::string& name, std::vector<IpPrefix> prefixes) {
    claims_[name] = std::move(prefixes);
    return claim(name);
  }
  void remove(const std::string& name) {
    claims_.erase(name);
    release(name);
  }
  void share_out() {
    for (const auto& [name, prefixes] : claims_) (void)claim(name);
  }
  std::optional<std::string> owner(const IpPrefix& prefix) const {
    const auto found = owners_.find(prefix);
    return found == owners_.end() ? std::nullopt : std::optional(found->second);
  }

 private:
  void release(const std::string& name) {
    std::erase_if(owners_, [&](const auto& entry) { return entry.second == name; });
  }
  std::vector<IpPrefix> claim(const std::string& name) {
    release(name);
    std::vector<IpPrefix> refused;
    for (const IpPrefix& prefix : claims_[name]) {
      if (owners_.emplace(prefix, name).first->second != name) refused.push_back(prefix);
    }
    return refused;
  }

  std::map<std::string, std::vector<IpPrefix>> claims_;
  std::map<IpPrefix, std::string> owners_;
};

class AddressClaimsTest : public ::testing::Test {
 protected:
  void add(std::uint32_t peer) {
    const wg::PrivateKey local = wg::PrivateKey::generate(random_);
    const wg::PrivateKey remote = wg::PrivateKey::generate(random_);
    tunnels_[peer] = std::make_unique<wg::Tunnel>(
        wg::Tunnel::create({.local = local, .remote = remote.public_key(), .clock = {}}, random_).value());
    bridge_.add_peer(PeerIndex{peer}, *tunnels_[peer]);
  }
  void remove(std::uint32_t peer) {
    bridge_.remove_peer(PeerIndex{peer});
    claims_.remove(name_of(peer));
  }
  std::vector<IpPrefix> set(std::uint32_t peer, std::vector<IpPrefix> prefixes) {
    return claims_.set(name_of(peer), PeerIndex{peer}, std::move(prefixes));
  }
  std::optional<std::string> owner(const IpPrefix& prefix) const {
    const auto peer = bridge_.owner(prefix);
    return peer ? std::optional(name_of(static_cast<std::uint32_t>(*peer))) : std::nullopt;
  }

  bamgate::testing::SeededRandom random_{5};
  std::map<std::uint32_t, std::unique_ptr<wg::Tunnel>> tunnels_;
  bridge::Bridge bridge_;
  AddressClaims claims_{bridge_};
};

TEST_F(AddressClaimsTest, WhatIsGivenUpGoesToTheFirstByNameOfThoseThatClaimIt) {
  for (std::uint32_t peer = 0; peer < 4; ++peer) add(peer);
  EXPECT_TRUE(set(3, {prefix_of(0)}).empty());
  EXPECT_EQ(set(2, {prefix_of(0)}), std::vector{prefix_of(0)});
  EXPECT_EQ(set(1, {prefix_of(0)}), std::vector{prefix_of(0)});
  EXPECT_EQ(owner(prefix_of(0)), "d") << "who came first keeps it";
  EXPECT_TRUE(set(3, {}).empty());
  claims_.share_out();
  EXPECT_EQ(owner(prefix_of(0)), "b");
  remove(1);
  claims_.share_out();
  EXPECT_EQ(owner(prefix_of(0)), "c");
}

TEST_F(AddressClaimsTest, WhatIsGivenUpAndClaimedBeforeItIsSharedOutIsTheClaimants) {
  for (std::uint32_t peer = 0; peer < 3; ++peer) add(peer);
  EXPECT_TRUE(set(1, {prefix_of(0)}).empty());
  EXPECT_EQ(set(0, {prefix_of(0)}), std::vector{prefix_of(0)});
  EXPECT_TRUE(set(1, {}).empty());
  EXPECT_TRUE(set(2, {prefix_of(0)}).empty()) << "the same list names it next";
  claims_.share_out();
  EXPECT_EQ(owner(prefix_of(0)), "c");
}

// Lists of several entries, some of them for peers that go, as lists of the hub are.
TEST_F(AddressClaimsTest, AgreeWithSharingOutFromScratchUnderRandomCommands) {
  FromScratch plain;
  for (int step = 0; step < 20'000; ++step) {
    const std::uint32_t peer = random_.below(kPeers);
    const std::uint32_t command = random_.below(10);
    if (command == 0 && tunnels_.contains(peer)) {
      remove(peer);
      tunnels_.erase(peer);
      plain.remove(name_of(peer));
      claims_.share_out();
      plain.share_out();
    } else if (command < 7) {
      if (!tunnels_.contains(peer)) add(peer);
      std::vector<IpPrefix> prefixes;
      for (std::uint32_t i = random_.below(5); i > 0; --i) prefixes.push_back(prefix_of(random_.below(kPrefixes)));
      ASSERT_EQ(set(peer, prefixes), plain.set(name_of(peer), prefixes)) << "step " << step;
    } else {
      claims_.share_out();
      plain.share_out();
    }
    for (std::uint32_t number = 0; number < kPrefixes; ++number) {
      ASSERT_EQ(owner(prefix_of(number)), plain.owner(prefix_of(number))) << "step " << step;
    }
  }
}

}  // namespace
}  // namespace bamgate::agent
