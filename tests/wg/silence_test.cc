// Silence towards whoever is not authenticated (paper §5.1): one wrong byte anywhere, a byte more or less, the wrong
// type: no answer, no change of state, one count.
#include <gtest/gtest.h>

#include "wg/pair.h"
#include "wg/tunnel.h"

namespace bamgate::wg {
namespace {

using namespace wg::testing;

/// All that can be seen of a tunnel, drops aside.
struct Seen {
  Instant next_timeout;
  std::uint64_t rx, tx, handshakes;
  bool can_seal, wants_to_send, has_event;
  std::optional<Instant> last_handshake;
  bool operator==(const Seen&) const = default;
};

Seen look_at(Tunnel& tunnel, Instant now) {
  std::array<std::byte, 256> buffer{};
  return {.next_timeout = tunnel.next_timeout(),
          .rx = tunnel.rx_bytes(),
          .tx = tunnel.tx_bytes(),
          .handshakes = tunnel.handshakes(),
          .can_seal = tunnel.can_seal(now),
          .wants_to_send = tunnel.poll_transmit(now, buffer).has_value(),
          .has_event = tunnel.poll_event().has_value(),
          .last_handshake = tunnel.last_handshake()};
}

/// Gives `message` to the tunnel both ways, and expects that nothing but a counter for each has changed.
void expect_silence(Tunnel& tunnel, Instant now, const Message& message, std::string_view what) {
  SCOPED_TRACE(what);
  const Seen before = look_at(tunnel, now);
  const std::uint64_t drops = tunnel.drops();
  Message copy = message;
  EXPECT_FALSE(tunnel.handle_input(now, Received{.path = {}, .data = copy}));
  EXPECT_EQ(tunnel.drops(), drops + 1);
  BufferPool pool;
  PacketBuffer packet = pool.copy(message);
  EXPECT_FALSE(tunnel.open(now, packet));
  EXPECT_EQ(tunnel.drops(), drops + 2);
  EXPECT_EQ(look_at(tunnel, now), before);
}

/// Each of the first `bytes` bytes with each of its bits wrong; cut and prolonged by every length; of every other type.
void expect_silence_for_all_variants(Tunnel& tunnel, Instant now, const Message& message, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      Message damaged = message;
      damaged[i] ^= static_cast<std::byte>(1U << bit);
      expect_silence(tunnel, now, damaged, "byte " + std::to_string(i) + " bit " + std::to_string(bit));
    }
  }
  for (std::size_t size = 0; size <= message.size() + 64; ++size) {
    if (size == message.size()) continue;
    Message resized = message;
    resized.resize(size);
    expect_silence(tunnel, now, resized, "size " + std::to_string(size));
  }
  for (unsigned type = 0; type < 256; ++type) {
    Message other = message;
    if (other[0] == static_cast<std::byte>(type)) continue;
    other[0] = static_cast<std::byte>(type);
    expect_silence(tunnel, now, other, "type " + std::to_string(type));
  }
}

Message next_message(Tunnel& from, Instant now) {
  std::array<std::byte, 256> buffer{};
  const auto transmit = from.poll_transmit(now, buffer);
  EXPECT_TRUE(transmit);
  return {buffer.begin(), buffer.begin() + (transmit ? transmit->size : 0)};
}

void take(Tunnel& to, Instant now, Message message) {
  EXPECT_TRUE(to.handle_input(now, Received{.path = {}, .data = message}));
}

// mac2 is looked at under load alone (WgLoad.EveryFlippedByteOfMac2IsNoticedUnderLoad), so its bytes are left out here.
TEST(WgSilence, NoVariantOfAnInitiationIsAnswered) {
  Pair pair;
  pair.a.initiate(pair.now);
  const Message initiation = next_message(pair.a, pair.now);
  expect_silence_for_all_variants(pair.b, pair.now, initiation, kInitiationSize - kMacSize);
  take(pair.b, pair.now, initiation);
  EXPECT_EQ(next_message(pair.b, pair.now).size(), kResponseSize) << "the original still works";
}

TEST(WgSilence, NoVariantOfAResponseIsAnswered) {
  Pair pair;
  pair.a.initiate(pair.now);
  take(pair.b, pair.now, next_message(pair.a, pair.now));
  const Message response = next_message(pair.b, pair.now);
  expect_silence_for_all_variants(pair.a, pair.now, response, kResponseSize - kMacSize);
  take(pair.a, pair.now, response);
  EXPECT_TRUE(pair.a.can_seal(pair.now)) << "the original still works";
}

TEST(WgSilence, NoVariantOfAKeepaliveIsAnswered) {
  Pair pair;
  pair.a.initiate(pair.now);
  take(pair.b, pair.now, next_message(pair.a, pair.now));
  take(pair.a, pair.now, next_message(pair.b, pair.now));
  const Message keepalive = next_message(pair.a, pair.now);
  ASSERT_EQ(keepalive.size(), kDataOverhead);
  expect_silence_for_all_variants(pair.b, pair.now, keepalive, keepalive.size());
  EXPECT_FALSE(pair.b.can_seal(pair.now)) << "nothing of all this confirmed the session";
  take(pair.b, pair.now, keepalive);
  EXPECT_TRUE(pair.b.can_seal(pair.now));
}

TEST(WgSilence, NoVariantOfADataMessageIsAnswered) {
  Pair pair;
  pair.connect();
  BufferPool pool;
  PacketBuffer sealed = pool.copy(ipv4_packet(48));
  ASSERT_TRUE(pair.a.seal(pair.now, sealed));
  const Message message(sealed.data().begin(), sealed.data().end());
  expect_silence_for_all_variants(pair.b, pair.now, message, message.size());
  EXPECT_TRUE(pair.b.open(pair.now, sealed)) << "the original still works";
}

}  // namespace
}  // namespace bamgate::wg
