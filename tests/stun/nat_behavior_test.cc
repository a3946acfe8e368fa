// The discovery of NAT behaviour against NATs and servers of a few lines each.
#include "stun/nat_behavior.h"

#include <gtest/gtest.h>

#include <array>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "stun/builder.h"
#include "support/seeded_random.h"

namespace bamgate::stun {
namespace {

constexpr Instant kStart{std::chrono::hours(1)};
constexpr Endpoint kInside{IpAddress::v4(192, 168, 1, 2), 40'000};
constexpr IpAddress kOutside = IpAddress::v4(203, 0, 113, 1);
constexpr Endpoint kServer{IpAddress::v4(198, 51, 100, 1), 3478};
constexpr Endpoint kOther{IpAddress::v4(198, 51, 100, 2), 3479};
constexpr Endpoint kPlainServer{IpAddress::v4(198, 51, 100, 9), 3478};

enum class Depends : std::uint8_t { kNever, kAddress, kAddressAndPort };

/// What is the same for this NAT has the same key.
std::string key(Depends depends, const Endpoint& remote) {
  if (depends == Depends::kNever) return "";
  return depends == Depends::kAddress ? remote.address.to_string() : remote.to_string();
}

struct Nat {
  bool there = true;
  bool blocks = false;
  Depends mapping = Depends::kNever;
  Depends filtering = Depends::kNever;
  std::map<std::string, std::uint16_t> ports = {};
  std::set<std::string> let_in = {};

  std::optional<Endpoint> out(const Endpoint& remote) {
    if (blocks) return std::nullopt;
    if (!there) return kInside;
    let_in.insert(key(filtering, remote));
    const auto next = static_cast<std::uint16_t>(50'000 + ports.size());
    return Endpoint{kOutside, ports.try_emplace(key(mapping, remote), next).first->second};
  }
  bool in(const Endpoint& remote) const { return !there || let_in.contains(key(filtering, remote)); }
};

class NatBehaviors : public ::testing::Test {
 protected:
  /// The answer of a server of RFC 5780 (kServer and kOther), or of a plain one, and where it comes from.
  static std::optional<std::pair<Endpoint, std::vector<std::byte>>> answer(const Endpoint& to, const Endpoint& from,
                                                                           Bytes request) {
    const auto message = Message::parse(request);
    if (!message || !message->is(Class::kRequest, Method::kBinding)) return std::nullopt;
    const std::uint32_t change = message->u32(Attribute::kChangeRequest).value_or(0);
    Endpoint source = to;
    if ((change & 4U) != 0) source.address = to.address == kServer.address ? kOther.address : kServer.address;
    if ((change & 2U) != 0) source.port = to.port == kServer.port ? kOther.port : kServer.port;
    std::array<std::byte, 128> room{};
    Builder builder(room, Class::kSuccess, Method::kBinding, message->id());
    builder.xor_address(Attribute::kXorMappedAddress, from);
    if (to.address != kPlainServer.address) {
      builder.address(Attribute::kOtherAddress, to.address == kServer.address ? kOther : kServer);
    }
    const auto size = builder.fingerprint().finish();
    return std::pair(source, std::vector<std::byte>(room.begin(), room.begin() + static_cast<std::ptrdiff_t>(*size)));
  }

  /// Runs it to its end, and returns it.
  NatBehavior& discover(Nat nat, const std::vector<Endpoint>& servers) {
    behavior.emplace(now, kInside, servers, random);
    std::array<std::byte, 128> buffer{};
    for (int rounds = 0; rounds < 200; ++rounds) {
      while (const auto sent = behavior->poll_transmit(now, buffer)) {
        ++requests;
        const auto outside = nat.out(sent->path.remote);
        if (!outside || silent.contains(sent->path.remote)) continue;
        auto reply = answer(sent->path.remote, *outside, Bytes(buffer).first(sent->size));
        if (!reply || !nat.in(reply->first)) continue;
        (void)behavior->handle_input(
            now, {.path = {.local = SocketId{1}, .remote = reply->first, .relay = {}}, .data = reply->second});
      }
      if (behavior->poll_event()) return *behavior;
      now = behavior->next_timeout();
      behavior->handle_timeout(now);
    }
    ADD_FAILURE() << "it did not come to an end";
    return *behavior;
  }

  testing::SeededRandom random{1};
  Instant now = kStart;
  std::set<Endpoint> silent;
  int requests = 0;
  std::optional<NatBehavior> behavior;
};

TEST_F(NatBehaviors, AreToldApartByOneServerWithTwoAddresses) {
  const std::map<Depends, Mapping> mappings = {{Depends::kNever, Mapping::kEndpointIndependent},
                                               {Depends::kAddress, Mapping::kAddressDependent},
                                               {Depends::kAddressAndPort, Mapping::kAddressAndPortDependent}};
  const std::map<Depends, Filtering> filterings = {{Depends::kNever, Filtering::kEndpointIndependent},
                                                   {Depends::kAddress, Filtering::kAddressDependent},
                                                   {Depends::kAddressAndPort, Filtering::kAddressAndPortDependent}};
  for (const auto& [mapping_kind, mapping] : mappings) {
    for (const auto& [filtering_kind, filtering] : filterings) {
      const NatBehavior& found = discover({.mapping = mapping_kind, .filtering = filtering_kind}, {kServer});
      EXPECT_EQ(found.mapping(), mapping);
      EXPECT_EQ(found.filtering(), filtering);
    }
  }
}

TEST_F(NatBehaviors, AreComparedBetweenServersThatHaveOneAddressEach) {
  const Endpoint second{IpAddress::v4(198, 51, 100, 10), 3478};
  silent.insert(second);
  EXPECT_EQ(discover({}, {kPlainServer}).mapping(), Mapping::kUnknown) << "one server alone tells nothing";
  EXPECT_EQ(discover({}, {kPlainServer, second}).mapping(), Mapping::kUnknown) << "nor does a silent one";
  const Nat symmetric{.mapping = Depends::kAddress, .filtering = Depends::kAddress};
  // The other address of kServer is not asked here: its answers to the tests are lost.
  silent = {kOther, {kOther.address, kServer.port}};
  EXPECT_EQ(discover(symmetric, {kServer, kPlainServer}).mapping(), Mapping::kDependent);
  EXPECT_EQ(discover({.filtering = Depends::kAddress}, {kServer, kPlainServer}).mapping(),
            Mapping::kEndpointIndependent);
}

TEST_F(NatBehaviors, TellsThatThereIsNone) {
  const NatBehavior& found = discover({.there = false}, {kServer});
  EXPECT_EQ(found.mapping(), Mapping::kNone);
  EXPECT_EQ(found.filtering(), Filtering::kUnknown) << "no NAT is asked about";
  ASSERT_TRUE(found.answers()[0].round_trip);
  EXPECT_EQ(requests, 1);
}

TEST_F(NatBehaviors, EndsWhereUdpIsBlocked) {
  const NatBehavior& found = discover({.blocks = true}, {kServer, kPlainServer});
  EXPECT_FALSE(found.any_answer());
  EXPECT_EQ(found.mapping(), Mapping::kUnknown);
  EXPECT_EQ(requests, 8) << "four for each server";
  EXPECT_LE(now - kStart, std::chrono::seconds(3));
}

TEST_F(NatBehaviors, AsksEightServersAtTheMost) {
  std::vector<Endpoint> servers;
  for (std::uint16_t i = 0; i < 100; ++i)
    servers.emplace_back(kPlainServer.address, static_cast<std::uint16_t>(1000 + i));
  EXPECT_EQ(discover({}, servers).answers().size(), NatBehavior::kMostServers);
  EXPECT_TRUE(discover({}, {}).is_done());
}

TEST_F(NatBehaviors, TakesNoAnswerFromElsewhere) {
  behavior.emplace(now, kInside, std::vector{kServer}, random);
  std::array<std::byte, 128> buffer{};
  const auto sent = behavior->poll_transmit(now, buffer);
  ASSERT_TRUE(sent);
  auto reply = answer(kServer, kInside, Bytes(buffer).first(sent->size));
  ASSERT_TRUE(reply);
  const auto take = [&](const Endpoint& from) {
    return behavior->handle_input(now,
                                  {.path = {.local = SocketId{1}, .remote = from, .relay = {}}, .data = reply->second});
  };
  EXPECT_EQ(take(kOther), std::unexpected(Error::kUnknownTransaction));
  EXPECT_FALSE(behavior->any_answer());
  EXPECT_TRUE(take(kServer));
  EXPECT_EQ(take(kServer), std::unexpected(Error::kUnknownTransaction)) << "once is enough";
}

// An OTHER-ADDRESS that is no other address, or of another family, leads nowhere.
TEST_F(NatBehaviors, AsksNoOtherAddressThatIsNone) {
  for (const Endpoint& other :
       {kServer, Endpoint{kServer.address, 9}, Endpoint{IpAddress::v4(1, 2, 3, 4), kServer.port},
        Endpoint{*IpAddress::parse("2001:db8::1"), 9}}) {
    behavior.emplace(now, kInside, std::vector{kServer}, random);
    std::array<std::byte, 128> buffer{};
    const auto sent = behavior->poll_transmit(now, buffer);
    const auto message = Message::parse(Bytes(buffer).first(sent->size));
    std::array<std::byte, 128> room{};
    Builder builder(room, Class::kSuccess, Method::kBinding, message->id());
    builder.xor_address(Attribute::kXorMappedAddress, {kOutside, 5}).address(Attribute::kOtherAddress, other);
    const auto size = builder.fingerprint().finish();
    EXPECT_TRUE(behavior->handle_input(now, {.path = {.local = SocketId{1}, .remote = kServer, .relay = {}},
                                             .data = MutableBytes(room).first(*size)}));
    EXPECT_TRUE(behavior->is_done()) << other.to_string();
    EXPECT_EQ(behavior->filtering(), Filtering::kUnknown);
  }
}

}  // namespace
}  // namespace bamgate::stun
