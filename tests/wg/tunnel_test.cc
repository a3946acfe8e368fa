// Handshakes, sessions and drops of two tunnels in virtual time.
#include "wg/tunnel.h"

#include <gtest/gtest.h>

#include "wg/noise.h"
#include "wg/pair.h"

namespace bamgate::wg {
namespace {

using namespace wg::testing;

static_assert(SansIo<Tunnel> && DataPath<Tunnel>);

TEST(WgTunnel, OneRoundTripGivesBothASession) {
  Pair pair;
  pair.a.initiate(pair.now);
  pair.run(milliseconds(19));
  EXPECT_FALSE(pair.a.can_seal(pair.now));
  pair.run(milliseconds(1));
  EXPECT_TRUE(pair.a.can_seal(pair.now));
  EXPECT_FALSE(pair.b.can_seal(pair.now)) << "not before the initiator's first message (key confirmation)";
  pair.run(milliseconds(10));
  EXPECT_TRUE(pair.b.can_seal(pair.now));
  EXPECT_EQ(pair.count<HandshakeCompleted>(Side::kA), 1U);
  EXPECT_EQ(pair.count<HandshakeCompleted>(Side::kB), 1U);
  EXPECT_EQ(pair.a.last_handshake(), pair.now - milliseconds(10));
  EXPECT_EQ(pair.a.tx_bytes(), kInitiationSize + kDataOverhead);
  EXPECT_EQ(pair.b.rx_bytes(), kInitiationSize + kDataOverhead);
  EXPECT_EQ(pair.a.rx_bytes(), kResponseSize);
  EXPECT_EQ(pair.a.drops() + pair.b.drops(), 0U);
}

TEST(WgTunnel, NothingIsSentUntilSomebodyWantsSomething) {
  Pair pair;
  EXPECT_EQ(pair.a.next_timeout(), kNever);
  std::array<std::byte, 256> buffer{};
  EXPECT_FALSE(pair.a.poll_transmit(pair.now, buffer));
}

TEST(WgTunnel, PacketsOfEverySizeArriveAsTheyWere) {
  Pair pair;
  pair.connect();
  std::vector<Message> sent;
  for (std::size_t size = 20; size <= 1280; size += 7) {
    sent.push_back(ipv4_packet(size, static_cast<std::uint8_t>(size)));
    ASSERT_TRUE(pair.send(size % 2 == 0 ? Side::kA : Side::kB, sent.back()));
    const Message message = pair.last_sent(size % 2 == 0 ? Side::kA : Side::kB, MessageType::kData);
    EXPECT_EQ(message.size(), kDataOverhead + (size + 15) / 16 * 16);
  }
  pair.run(seconds(1));
  std::vector<Message> for_a;
  std::vector<Message> for_b;
  for (const Message& packet : sent) (packet.size() % 2 == 0 ? for_b : for_a).push_back(packet);
  EXPECT_EQ(pair.received_by_b, for_b);
  EXPECT_EQ(pair.received_by_a, for_a);
}

TEST(WgTunnel, SealingWithoutASessionLeavesThePacketAndStartsAHandshake) {
  Pair pair;
  BufferPool pool;
  const Message packet = ipv4_packet(100);
  PacketBuffer buffer = pool.copy(packet);
  EXPECT_EQ(pair.a.seal(pair.now, buffer).error(), Error::kNoKeypair);
  EXPECT_EQ(Message(buffer.data().begin(), buffer.data().end()), packet);
  pair.run(seconds(1));
  EXPECT_TRUE(pair.a.seal(pair.now, buffer));
  EXPECT_EQ(pair.sent(Side::kA, MessageType::kInitiation), 1U);
}

TEST(WgTunnel, PacketBeforeTheKeepaliveConfirmsTheSession) {
  Pair pair;
  std::array<std::byte, kInitiationSize> wire{};
  pair.a.initiate(pair.now);
  ASSERT_TRUE(pair.a.poll_transmit(pair.now, wire));
  ASSERT_TRUE(pair.b.handle_input(pair.now, Received{.path = {}, .data = wire}));
  ASSERT_EQ(pair.b.poll_transmit(pair.now, wire)->size, kResponseSize);
  ASSERT_TRUE(pair.a.handle_input(pair.now, Received{.path = {}, .data = MutableBytes(wire).first(kResponseSize)}));
  BufferPool pool;
  PacketBuffer packet = pool.copy(ipv4_packet(60));
  ASSERT_TRUE(pair.a.seal(pair.now, packet));
  EXPECT_FALSE(pair.a.poll_transmit(pair.now, wire)) << "the packet has taken the keepalive's place";
  ASSERT_TRUE(pair.b.open(pair.now, packet));
  EXPECT_TRUE(pair.b.can_seal(pair.now));
}

TEST(WgTunnel, SealRefusesPacketsWithoutRoomAndEmptyOnes) {
  Pair pair;
  pair.connect();
  BufferPool pool;
  PacketBuffer no_head = pool.copy(ipv4_packet(64), 15);
  EXPECT_EQ(pair.a.seal(pair.now, no_head).error(), Error::kNoRoom);
  PacketBuffer no_tail = pool.take();
  no_tail.append(no_tail.tailroom() - 15);
  EXPECT_EQ(pair.a.seal(pair.now, no_tail).error(), Error::kNoRoom);
  PacketBuffer empty = pool.take();
  EXPECT_EQ(pair.a.seal(pair.now, empty).error(), Error::kMalformedPacket);
  EXPECT_EQ(pair.a.drops(Error::kNoRoom), 2U);
}

TEST(WgTunnel, DifferentPresharedKeysNeverComeToASession) {
  bamgate::testing::SeededRandom random(5);
  Pair pair({.preshared_a = PresharedKey::generate(random), .preshared_b = std::nullopt});
  pair.a.initiate(pair.now);
  pair.run(seconds(30));
  EXPECT_FALSE(pair.a.can_seal(pair.now));
  EXPECT_FALSE(pair.b.can_seal(pair.now));
  EXPECT_GE(pair.a.drops(Error::kBadTag), 5U);
}

TEST(WgTunnel, SamePresharedKeyWorks) {
  bamgate::testing::SeededRandom random(5);
  const PresharedKey key = PresharedKey::generate(random);
  Pair pair({.preshared_a = key, .preshared_b = key});
  pair.connect();
}

TEST(WgTunnel, NoPresharedKeyIsTheSameAsZeros) {
  Pair pair({.preshared_a = PresharedKey{}, .preshared_b = std::nullopt});
  pair.connect();
}

TEST(WgTunnel, WrongPublicKeyIsMetWithSilence) {
  bamgate::testing::SeededRandom random(6);
  Pair pair({.remote_of_a = PrivateKey::generate(random).public_key()});
  pair.a.initiate(pair.now);
  pair.run(seconds(30));
  EXPECT_EQ(pair.sent(Side::kB, MessageType::kResponse), 0U);
  EXPECT_GE(pair.b.drops(Error::kBadMac1), 5U);
}

TEST(WgTunnel, StrangerWhoKnowsOurKeyIsMetWithSilence) {
  Pair pair;
  bamgate::testing::SeededRandom random(9);
  const PrivateKey stranger_key = PrivateKey::generate(random);
  auto stranger = Tunnel::create({.local = stranger_key,
                                  .remote = pair.key(Side::kB).public_key(),
                                  .preshared = {},
                                  .persistent_keepalive = {},
                                  .clock = {UnixTime{1'800'000'000}, pair.now}},
                                 random);
  ASSERT_TRUE(stranger);
  stranger->initiate(pair.now);
  std::array<std::byte, 256> buffer{};
  const auto transmit = stranger->poll_transmit(pair.now, buffer);
  ASSERT_TRUE(transmit);
  pair.inject(Side::kB, Message(buffer.begin(), buffer.begin() + transmit->size));
  pair.run(seconds(1));
  EXPECT_EQ(pair.b.drops(Error::kWrongPeer), 1U);
  EXPECT_EQ(pair.b.tx_bytes(), 0U);
  pair.connect();
}

TEST(WgTunnel, AllZeroRemoteKeyIsRefused) {
  bamgate::testing::SeededRandom random(1);
  const auto tunnel = Tunnel::create({.local = PrivateKey::generate(random),
                                      .remote = PublicKey{},
                                      .preshared = {},
                                      .persistent_keepalive = {},
                                      .clock = {}},
                                     random);
  ASSERT_FALSE(tunnel);
  EXPECT_EQ(tunnel.error(), Error::kBadKey);
}

TEST(WgTunnel, ReplayedInitiationIsDroppedAlsoAfterReset) {
  Pair pair;
  pair.connect();
  const Message initiation = pair.last_sent(Side::kA, MessageType::kInitiation);
  pair.inject(Side::kB, initiation);
  pair.run(seconds(1));
  EXPECT_EQ(pair.b.drops(Error::kReplayedInitiation), 1U);
  pair.b.reset(pair.now);
  pair.inject(Side::kB, initiation);
  pair.run(seconds(1));
  EXPECT_EQ(pair.b.drops(Error::kReplayedInitiation), 2U);
  EXPECT_EQ(pair.sent(Side::kB, MessageType::kResponse), 1U);
}

TEST(WgTunnel, ReplayedResponseAndDataAreDropped) {
  Pair pair;
  pair.connect();
  ASSERT_TRUE(pair.send(Side::kA, ipv4_packet(50)));
  pair.run(seconds(1));
  pair.inject(Side::kB, pair.last_sent(Side::kA, MessageType::kData));
  pair.inject(Side::kA, pair.last_sent(Side::kB, MessageType::kResponse));
  pair.run(seconds(1));
  EXPECT_EQ(pair.received_by_b.size(), 1U);
  EXPECT_EQ(pair.b.drops(Error::kReplayed), 1U);
  EXPECT_EQ(pair.a.drops(Error::kUnknownIndex), 1U);
}

TEST(WgTunnel, SimultaneousInitiationsGiveOneRoundTripToBoth) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Pair pair({.seed = seed});
    pair.a.initiate(pair.now);
    pair.b.initiate(pair.now);
    pair.run(milliseconds(100));
    ASSERT_TRUE(pair.send(Side::kA, ipv4_packet(40, 1)));
    ASSERT_TRUE(pair.send(Side::kB, ipv4_packet(40, 2)));
    pair.run(milliseconds(100));
    EXPECT_EQ(pair.received_by_b.size(), 1U);
    EXPECT_EQ(pair.received_by_a.size(), 1U);
    EXPECT_EQ(pair.sent(Side::kA, MessageType::kInitiation), 1U);
    EXPECT_EQ(pair.a.drops() + pair.b.drops(), 0U);
  }
}

// Each seals with the old keys until the other's answer is there; what is under way by then must still be opened.
TEST(WgTunnel, SimultaneousInitiationsLoseNoPacketThatIsUnderWay) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Pair pair({.seed = seed});
    pair.connect();
    pair.run(seconds(10));
    pair.a.initiate(pair.now);
    pair.b.initiate(pair.now);
    for (int i = 0; i < 60; ++i) {
      ASSERT_TRUE(pair.send(Side::kA, ipv4_packet(40, 1)));
      ASSERT_TRUE(pair.send(Side::kB, ipv4_packet(40, 2)));
      pair.run(milliseconds(1));
    }
    pair.run(milliseconds(100));
    EXPECT_EQ(pair.received_by_b.size(), 60U);
    EXPECT_EQ(pair.received_by_a.size(), 60U);
    EXPECT_EQ(pair.a.drops() + pair.b.drops(), 0U);
    EXPECT_EQ(pair.sent(Side::kA, MessageType::kInitiation), 2U);
    EXPECT_EQ(pair.sent(Side::kB, MessageType::kInitiation), 1U);
  }
}

TEST(WgTunnel, SimultaneousInitiationsResolveUnderLossOfAnyMessages) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    Pair pair({.seed = seed});
    bamgate::testing::SeededRandom random(seed);
    pair.lose = [&](Side, const Message&) { return random.below(3) == 0; };
    pair.a.initiate(pair.now);
    pair.b.initiate(pair.now);
    pair.run(seconds(60));
    pair.lose = [](Side, const Message&) { return false; };
    for (int i = 0; i < 3; ++i) {  // a dead session is found by what it does not answer
      pair.send(Side::kA, ipv4_packet(40, 1));
      pair.send(Side::kB, ipv4_packet(40, 2));
      pair.run(seconds(20));
    }
    pair.received_by_a.clear();
    pair.received_by_b.clear();
    ASSERT_TRUE(pair.send(Side::kA, ipv4_packet(40, 1))) << "seed " << seed;
    ASSERT_TRUE(pair.send(Side::kB, ipv4_packet(40, 2))) << "seed " << seed;
    pair.run(seconds(1));
    EXPECT_EQ(pair.received_by_b.size(), 1U) << "seed " << seed;
    EXPECT_EQ(pair.received_by_a.size(), 1U) << "seed " << seed;
  }
}

TEST(WgTunnel, LostConfirmationIsMadeUpForByTheNextPacket) {
  Pair pair;
  pair.lose = [](Side, const Message& message) { return message_type(message) == MessageType::kData; };
  pair.a.initiate(pair.now);
  pair.run(seconds(1));
  EXPECT_FALSE(pair.b.can_seal(pair.now));
  pair.lose = [](Side, const Message&) { return false; };
  ASSERT_TRUE(pair.send(Side::kA, ipv4_packet(40)));
  pair.run(seconds(1));
  EXPECT_EQ(pair.received_by_b.size(), 1U);
  EXPECT_TRUE(pair.b.can_seal(pair.now));
}

TEST(WgTunnel, ReorderedMessagesAllArrive) {
  Pair pair;
  pair.connect();
  BufferPool pool;
  std::vector<PacketBuffer> sealed;
  for (int i = 0; i < 200; ++i) {
    sealed.push_back(pool.copy(ipv4_packet(40, static_cast<std::uint8_t>(i))));
    ASSERT_TRUE(pair.a.seal(pair.now, sealed.back()));
  }
  for (auto message = sealed.rbegin(); message != sealed.rend(); ++message) {
    const Message copy(message->data().begin(), message->data().end());
    EXPECT_TRUE(pair.b.open(pair.now, *message));
    PacketBuffer again = pool.copy(copy);
    EXPECT_EQ(pair.b.open(pair.now, again).error(), Error::kReplayed);
  }
}

TEST(WgTunnel, EveryFlippedBitOfADataMessageIsNoticedAndTheOriginalStillOpens) {
  Pair pair;
  pair.connect();
  BufferPool pool;
  PacketBuffer message = pool.copy(ipv4_packet(32));
  ASSERT_TRUE(pair.a.seal(pair.now, message));
  for (std::size_t bit = 0; bit < 8 * message.size(); ++bit) {
    PacketBuffer damaged = pool.copy(message.data());
    damaged.data()[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
    EXPECT_FALSE(pair.b.open(pair.now, damaged)) << "bit " << bit;
  }
  EXPECT_TRUE(pair.b.open(pair.now, message));
}

TEST(WgTunnel, EveryFlippedByteOfAHandshakeMessageIsNoticedAndTheOriginalStillWorks) {
  Pair pair;
  std::array<std::byte, 256> buffer{};
  pair.a.initiate(pair.now);
  const auto offer = [&](Tunnel& to, std::size_t size) {
    for (std::size_t i = 0; i < size - kMacSize; ++i) {  // mac2 is not checked while not under load
      auto damaged = buffer;
      damaged[i] ^= std::byte{0x40};
      EXPECT_FALSE(to.handle_input(pair.now, Received{.path = {}, .data = MutableBytes(damaged).first(size)})) << i;
    }
    EXPECT_TRUE(to.handle_input(pair.now, Received{.path = {}, .data = MutableBytes(buffer).first(size)}));
  };
  ASSERT_TRUE(pair.a.poll_transmit(pair.now, buffer));
  offer(pair.b, kInitiationSize);
  ASSERT_TRUE(pair.b.poll_transmit(pair.now, buffer));
  offer(pair.a, kResponseSize);
  EXPECT_TRUE(pair.a.can_seal(pair.now));
}

TEST(WgTunnel, GarbageOfEverySizeIsCountedAndAnsweredWithSilence) {
  Pair pair;
  pair.connect();
  const std::uint64_t sent_before = pair.b.tx_bytes();
  bamgate::testing::SeededRandom random(21);
  BufferPool pool;
  std::uint64_t tried = 0;
  for (std::size_t size = 0; size < 400; ++size) {
    for (unsigned type = 0; type < 6; ++type) {
      Message message(size);
      random.fill(message);
      if (size >= 4) std::ranges::fill(std::span(message).first(4), std::byte{0});
      if (size >= 1) message[0] = static_cast<std::byte>(type);
      Message copy = message;
      EXPECT_FALSE(pair.b.handle_input(pair.now, Received{.path = {}, .data = copy}));
      PacketBuffer packet = pool.copy(message);
      EXPECT_FALSE(pair.b.open(pair.now, packet));
      tried += 2;
    }
  }
  EXPECT_EQ(pair.b.drops(), tried);
  std::array<std::byte, 256> buffer{};
  EXPECT_FALSE(pair.b.poll_transmit(pair.now, buffer));
  EXPECT_EQ(pair.b.tx_bytes(), sent_before);
  ASSERT_TRUE(pair.send(Side::kA, ipv4_packet(40)));
}

TEST(WgTunnel, ContentThatIsNoIpPacketIsDropped) {
  Pair pair;
  pair.connect();
  BufferPool pool;
  for (const auto& [first, length] : {std::pair{0x00, 20}, {0x45, 21}, {0x60, 20}, {0x45, 4}}) {
    Message content = ipv4_packet(20);
    content[0] = static_cast<std::byte>(first);
    content[3] = static_cast<std::byte>(length == 21 ? 200 : length);
    PacketBuffer packet = pool.copy(content);
    ASSERT_TRUE(pair.a.seal(pair.now, packet));
    EXPECT_EQ(pair.b.open(pair.now, packet).error(), Error::kMalformedPacket);
  }
  EXPECT_EQ(pair.b.drops(Error::kMalformedPacket), 4U);
}

TEST(WgTunnel, ControlInputTakesKeepalivesAndLeavesDataAlone) {
  Pair pair;
  pair.connect();
  Message keepalive = pair.last_sent(Side::kA, MessageType::kData);
  EXPECT_EQ(keepalive.size(), kDataOverhead);
  EXPECT_FALSE(pair.b.handle_input(pair.now, Received{.path = {}, .data = keepalive})) << "it was taken before";
  EXPECT_EQ(pair.b.drops(Error::kReplayed), 1U);
  ASSERT_TRUE(pair.send(Side::kA, ipv4_packet(40)));
  Message data = pair.last_sent(Side::kA, MessageType::kData);
  const Message copy = data;
  EXPECT_EQ(pair.b.handle_input(pair.now, Received{.path = {}, .data = data}).error(), Error::kNotControl);
  EXPECT_EQ(data, copy);
}

TEST(WgTunnel, BatchOfMessagesIsTakenApart) {
  Pair pair;
  std::array<std::byte, 2 * kInitiationSize> batch{};
  pair.a.initiate(pair.now);
  ASSERT_TRUE(pair.a.poll_transmit(pair.now, MutableBytes(batch).subspan(kInitiationSize)));
  const auto handled = pair.b.handle_input(pair.now, Received{.path = {}, .data = batch, .stride = kInitiationSize});
  EXPECT_EQ(handled.error(), Error::kUnknownType) << "of the first, which is all zero";
  EXPECT_EQ(pair.b.rx_bytes(), kInitiationSize) << "of the second";
}

TEST(WgTunnel, ResetForgetsTheSessionAndTheNextHandshakeStartsAtOnce) {
  Pair pair;
  pair.connect();
  pair.a.reset(pair.now);
  EXPECT_FALSE(pair.a.can_seal(pair.now));
  EXPECT_EQ(pair.a.next_timeout(), kNever);
  EXPECT_TRUE(pair.a.last_handshake());
  EXPECT_FALSE(pair.send(Side::kA, ipv4_packet(40)));
  pair.run(milliseconds(100));
  EXPECT_TRUE(pair.send(Side::kA, ipv4_packet(40)));
  pair.run(milliseconds(100));
  EXPECT_EQ(pair.received_by_b.size(), 1U);
}

TEST(WgTunnel, TooSmallABufferKeepsTheMessage) {
  Pair pair;
  pair.a.initiate(pair.now);
  std::array<std::byte, kInitiationSize> buffer{};
  EXPECT_FALSE(pair.a.poll_transmit(pair.now, MutableBytes(buffer).first(kInitiationSize - 1)));
  EXPECT_TRUE(pair.a.poll_transmit(pair.now, buffer));
}

TEST(WgTunnel, StaleResponseIsNotSentAfterAnOutage) {
  Pair pair;
  std::array<std::byte, kInitiationSize> buffer{};
  pair.a.initiate(pair.now);
  ASSERT_TRUE(pair.a.poll_transmit(pair.now, buffer));
  ASSERT_TRUE(pair.b.handle_input(pair.now, Received{.path = {}, .data = buffer}));
  EXPECT_FALSE(pair.b.poll_transmit(pair.now + seconds(5), buffer));
}

/// A cookie reply to the last handshake message of `from`, as a responder under load would make it.
Message cookie_reply(const Pair& pair, Side from, const Message& message, const Mac& cookie) {
  const Hash key = hash({as_bytes("cookie--"), pair.key(other(from)).public_key().bytes});
  CookieReplyMessage reply;
  const auto header = InitiationMessage::parse(message);
  reply.receiver = header->sender;
  reply.nonce.fill(std::byte{9});
  xaead_seal(Key(key), reply.nonce, cookie, Bytes(message).last(2 * kMacSize).first(kMacSize), reply.sealed_cookie);
  Message bytes(kCookieReplySize);
  reply.write(std::span<std::byte, kCookieReplySize>(bytes.data(), kCookieReplySize));
  return bytes;
}

TEST(WgTunnel, CookieIsProvenInTheRetransmissionAndFor120Seconds) {
  Pair pair;
  pair.lose = [](Side, const Message&) { return true; };
  pair.a.initiate(pair.now);
  pair.run(milliseconds(1));
  const Message first = pair.last_sent(Side::kA, MessageType::kInitiation);
  const Mac none{};
  EXPECT_TRUE(constant_time_equal(Bytes(first).last(kMacSize), none));

  Mac cookie{};
  cookie.fill(std::byte{0x33});
  pair.inject(Side::kA, cookie_reply(pair, Side::kA, first, cookie));
  pair.run(seconds(1));
  EXPECT_EQ(pair.sent(Side::kA, MessageType::kInitiation), 1U) << "the cookie itself causes nothing";
  pair.run(seconds(6));
  const Message second = pair.last_sent(Side::kA, MessageType::kInitiation);
  EXPECT_NE(second, first);
  const Mac expected = mac(cookie, {Bytes(second).first(second.size() - kMacSize)});
  EXPECT_TRUE(constant_time_equal(Bytes(second).last(kMacSize), expected));

  pair.run(seconds(120));
  pair.a.initiate(pair.now);
  pair.run(milliseconds(1));
  const Message later = pair.last_sent(Side::kA, MessageType::kInitiation);
  EXPECT_TRUE(constant_time_equal(Bytes(later).last(kMacSize), none));
}

TEST(WgTunnel, ForgedOrUnaskedCookieRepliesAreDropped) {
  Pair pair;
  pair.lose = [](Side, const Message&) { return true; };
  pair.a.initiate(pair.now);
  pair.run(milliseconds(1));
  const Message first = pair.last_sent(Side::kA, MessageType::kInitiation);
  Message reply = cookie_reply(pair, Side::kA, first, Mac{});
  Message forged = reply;
  forged.back() ^= std::byte{1};
  pair.inject(Side::kA, forged);
  pair.inject(Side::kA, reply);
  pair.inject(Side::kA, reply);
  pair.run(milliseconds(100));
  EXPECT_EQ(pair.a.drops(Error::kBadTag), 1U);
  EXPECT_EQ(pair.a.drops(Error::kUnknownIndex), 1U) << "an answer counts once";
}

}  // namespace
}  // namespace bamgate::wg
