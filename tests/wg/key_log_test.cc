// The port that tells the keys of a handshake, to whoever asked for it.
#include <gtest/gtest.h>

#include <vector>

#include "core/key_log.h"
#include "support/seeded_random.h"
#include "wg/handshake.h"

namespace bamgate::wg::testing {
namespace {

using KeyBytes = std::vector<std::byte>;

struct Listener : KeyLog {
  struct Told {
    KeyBytes local, remote, ephemeral, preshared;
  };
  std::vector<Told> told;
  void add_dtls(Bytes /*client_random*/, Bytes /*master_secret*/) override { FAIL() << "WireGuard told a DTLS secret"; }
  void add_wireguard(const WireGuardKeys& keys) override {
    const auto copy = [](Bytes key) { return KeyBytes(key.begin(), key.end()); };
    told.push_back({copy(keys.local_static_private), copy(keys.remote_static_public),
                    copy(keys.local_ephemeral_private), copy(keys.preshared)});
  }
};

TEST(WgKeyLog, EachSideTellsItsOwnEphemeralKeyOfTheMessageThatItMakes) {
  bamgate::testing::SeededRandom random(7);
  const PrivateKey a = PrivateKey::generate(random);
  const PrivateKey b = PrivateKey::generate(random);
  const PresharedKey preshared = PresharedKey::generate(random);
  auto initiator = Identity::create(a, b.public_key(), preshared).value();
  auto responder = Identity::create(b, a.public_key(), preshared).value();
  Listener of_a;
  Listener of_b;
  initiator.key_log = &of_a;
  responder.key_log = &of_b;

  auto created = create_initiation(initiator, ReceiverIndex{1}, Tai64n::from_unix(1, 0), random).value();
  auto received = consume_initiation(responder, created.message).value();
  const auto response = create_response(responder, std::move(received), ReceiverIndex{2}, random).value();
  ASSERT_TRUE(consume_response(initiator, created.state, response.message));

  ASSERT_EQ(of_a.told.size(), 1U);
  ASSERT_EQ(of_b.told.size(), 1U);
  const auto public_of = [](const KeyBytes& key) {
    return PrivateKey::from_bytes(std::span<const std::byte, kKeySize>(key)).public_key();
  };
  EXPECT_EQ(public_of(of_a.told[0].ephemeral), created.message.ephemeral);
  EXPECT_EQ(public_of(of_b.told[0].ephemeral), response.message.ephemeral);
  EXPECT_EQ(public_of(of_a.told[0].local), a.public_key());
  EXPECT_TRUE(std::ranges::equal(of_a.told[0].remote, b.public_key().bytes));
  EXPECT_TRUE(std::ranges::equal(of_b.told[0].preshared, preshared.bytes()));
}

}  // namespace
}  // namespace bamgate::wg::testing
