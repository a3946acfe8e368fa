// Secrets do not outlive the objects that hold them: each is built in memory of the test's own, seen there, destroyed,
// and looked for again.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <new>

#include "wg/cookie.h"
#include "wg/handshake.h"
#include "wg/keypair.h"
#include "wg/pair.h"
#include "wg/tunnel.h"

namespace bamgate::wg {
namespace {

using namespace wg::testing;
using bamgate::testing::SeededRandom;

/// What a source of randomness has given, 32 bytes at a time: the private keys among it.
class RecordingRandom : public Random {
 public:
  explicit RecordingRandom(std::uint64_t seed) : random_(seed) {}
  void fill(MutableBytes out) override {
    random_.fill(out);
    if (out.size() == kKeySize) given.emplace_back(out.begin(), out.end());
  }
  std::vector<Message> given;

 private:
  SeededRandom random_;
};

/// Memory in which an object lives, and that can be searched after its end.
template <typename T>
class Home {
 public:
  template <typename Make>
  explicit Home(Make make) : object_(new(memory_.data()) T(make())) {}
  Home(const Home&) = delete;
  Home& operator=(const Home&) = delete;
  ~Home() { end(); }

  T& object() { return *object_; }
  void end() {
    if (object_ != nullptr) std::destroy_at(std::exchange(object_, nullptr));
  }
  /// Without the first and last byte, which clamping changes.
  bool holds(Bytes secret) const {
    const Bytes middle = secret.subspan(1, secret.size() - 2);
    return !std::ranges::search(memory_, middle).empty();
  }

 private:
  alignas(T) std::array<std::byte, sizeof(T)> memory_{};
  T* object_;
};

template <typename T>
void expect_wiped(Home<T>& home, const std::vector<Bytes>& secrets) {
  for (const Bytes secret : secrets) EXPECT_TRUE(home.holds(secret)) << "the search would have found it";
  home.end();
  for (const Bytes secret : secrets) EXPECT_FALSE(home.holds(secret));
}

struct WgWipe : ::testing::Test {
  std::array<std::byte, kKeySize> draw() {
    std::array<std::byte, kKeySize> bytes{};
    random.fill(bytes);
    return bytes;
  }
  PrivateKey private_key() { return PrivateKey::generate(random); }

  RecordingRandom random{1};
  std::array<std::byte, kKeySize> secret = draw();
  PrivateKey local = private_key();
  PrivateKey remote = private_key();
  PresharedKey preshared{secret};
  Identity identity = Identity::create(local, remote.public_key(), preshared).value();
  Identity identity_of_remote = Identity::create(remote, local.public_key(), preshared).value();
};

TEST_F(WgWipe, LongTermKeysEndWithTheirObjects) {
  Home<PrivateKey> key([&] { return local; });
  const Message copy(local.bytes().begin(), local.bytes().end());
  expect_wiped(key, {copy});
  Home<PresharedKey> shared([&] { return preshared; });
  expect_wiped(shared, {secret});
  Home<Identity> both([&] { return identity; });
  expect_wiped(both, {copy, secret, identity.static_static.bytes()});
}

TEST_F(WgWipe, KeysThatAreMovedFromAreEmpty) {
  PrivateKey key = local;
  const PrivateKey moved = std::move(key);
  EXPECT_TRUE(moved == local);
  const std::array<std::byte, kKeySize> nothing{};
  EXPECT_TRUE(constant_time_equal(key.bytes(), nothing));  // NOLINT(bugprone-use-after-move)
}

TEST_F(WgWipe, HandshakeStatesEndWithTheirObjects) {
  Home<InitiatorHandshake> initiator(
      [&] { return create_initiation(identity, ReceiverIndex{1}, Tai64n::from_unix(1, 0), random)->state; });
  const Message ephemeral = random.given.back();
  expect_wiped(initiator, {ephemeral});

  const auto initiation = create_initiation(identity, ReceiverIndex{1}, Tai64n::from_unix(1, 0), random);
  Home<std::optional<ResponderHandshake>> responder(
      [&] { return std::optional(*consume_initiation(identity_of_remote, initiation->message)); });
  Message chain;  // C is the secret in it; what follows from C shows it, so look for what stands where C does
  {
    const auto& state = *responder.object();
    const Bytes bytes(reinterpret_cast<const std::byte*>(&state.noise), kKeySize);
    chain.assign(bytes.begin(), bytes.end());
  }
  expect_wiped(responder, {chain});
}

TEST_F(WgWipe, SessionKeysEndWithTheirKeypairAndWithTheSlots) {
  const auto initiation = create_initiation(identity, ReceiverIndex{1}, Tai64n::from_unix(1, 0), random);
  auto consumed = consume_initiation(identity_of_remote, initiation->message);
  const auto response = create_response(identity_of_remote, std::move(*consumed), ReceiverIndex{2}, random);
  const auto keys = consume_response(identity, initiation->state, response->message);
  ASSERT_TRUE(keys);
  Home<Keypair> keypair([&] {
    Keypair made;
    made.keys = *keys;
    return made;
  });
  expect_wiped(keypair, {keys->send.bytes(), keys->receive.bytes()});
  Home<CreatedResponse> created([&] { return *response; });
  expect_wiped(created, {response->keys.send.bytes(), response->keys.receive.bytes()});
}

TEST_F(WgWipe, CookiesAndTheirSecretEndWithTheirObjects) {
  Home<CookieChecker> checker([&] { return CookieChecker(remote.public_key(), random); });
  Home<Macs> macs([&] { return Macs(local.public_key(), remote.public_key()); });
  Message message(kInitiationSize);
  macs.object().write(Instant{}, ReceiverIndex{0}, message);
  const Endpoint source = Endpoint::parse("192.0.2.1:1").value();
  ASSERT_TRUE(macs.object().consume_reply(Instant{}, checker.object().make_reply(Instant{}, message, source)));
  const Message cookie_secret = random.given.back();
  const Mac cookie = mac(cookie_secret, {source.address.bytes(), std::array{std::byte{0}, std::byte{1}}});
  expect_wiped(checker, {cookie_secret});
  expect_wiped(macs, {cookie});
}

TEST_F(WgWipe, EphemeralKeyOfATunnelIsGoneWhenTheHandshakeEndsInAnyWay) {
  enum class Way { kAnswered, kReset, kGivenUp, kZeroed, kReplaced, kDestroyed };
  for (const Way way : {Way::kAnswered, Way::kReset, Way::kGivenUp, Way::kZeroed, Way::kReplaced, Way::kDestroyed}) {
    Instant now{std::chrono::seconds(100)};
    const auto create = [&](const PrivateKey& own, const PublicKey& other) {
      return Tunnel::create({.local = own, .remote = other, .clock = {UnixTime{1000}, now}}, random).value();
    };
    Home<Tunnel> home([&] { return create(local, remote.public_key()); });
    Tunnel& tunnel = home.object();
    std::array<std::byte, kInitiationSize> wire{};
    tunnel.initiate(now);
    ASSERT_TRUE(tunnel.poll_transmit(now, wire));
    const Message ephemeral = random.given.back();
    ASSERT_TRUE(home.holds(ephemeral));
    switch (way) {
      case Way::kAnswered: {
        Tunnel peer = create(remote, local.public_key());
        ASSERT_TRUE(peer.handle_input(now, Received{.path = {}, .data = wire}));
        ASSERT_TRUE(peer.poll_transmit(now, wire));
        ASSERT_TRUE(tunnel.handle_input(now, Received{.path = {}, .data = MutableBytes(wire).first(kResponseSize)}));
        break;
      }
      case Way::kReset:
        tunnel.reset(now);
        break;
      case Way::kGivenUp:
      case Way::kZeroed:
        for (int i = 0; i < 100 && tunnel.next_timeout() != kNever; ++i) {
          now = tunnel.next_timeout();
          tunnel.handle_timeout(now);
          tunnel.poll_transmit(now, wire);
          if (way == Way::kGivenUp && tunnel.poll_event()) break;
        }
        EXPECT_FALSE(home.holds(random.given.back())) << "the last one";
        break;
      case Way::kReplaced:
        tunnel.initiate(now);
        ASSERT_TRUE(tunnel.poll_transmit(now, wire));
        break;
      case Way::kDestroyed:
        home.end();
        EXPECT_FALSE(home.holds(local.bytes()));
        break;
    }
    EXPECT_FALSE(home.holds(ephemeral)) << "way " << static_cast<int>(way);
  }
}

}  // namespace
}  // namespace bamgate::wg
