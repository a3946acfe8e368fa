// Packets that no honest peer sends: they are dropped and counted, and the association lives.
#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <vector>

#include "sctp/association.h"
#include "sctp/crafted.h"
#include "sctp/engines.h"
#include "sctp/link.h"
#include "sctp/packet.h"

namespace bamgate::sctp {
namespace {

using namespace std::chrono_literals;
using testing::crafted_chunk;
using testing::LinkOf;
using testing::pattern;

template <typename EngineType>
class SctpHostile : public ::testing::Test {
 protected:
  // Two sides with a channel, and a packet of A's that stands for its tag.
  SctpHostile() {
    link.filter = [&](bool to_b, MutableBytes packet) {
      if (to_b) sample.assign(packet.begin(), packet.end());
      return true;
    };
    EXPECT_TRUE(link.connect());
    id = link.open({.label = "target"});
    link.run(1s);
  }

  // A packet from A to B as its header would be, with these chunks.
  std::vector<std::byte> packet(Bytes chunks, std::optional<std::uint32_t> tag = {}) const {
    return testing::crafted_packet(tag.value_or(read_common_header(sample).verification_tag), chunks);
  }

  AssociationCounters counters() { return link.b().association.counters(); }
  EngineCounters engine_counters() { return link.b().association.engine_counters(); }

  // The channel still works in both directions' sense: a message arrives and nothing has ended.
  bool lives() {
    const std::uint64_t before = link.b().seen.message_count;
    if (!link.a().association.send(link.now(), id, MessageKind::kBinary, pattern(100, 1))) return false;
    return link.run(20s, [&] { return link.b().seen.message_count > before; }) && !link.a().seen.closed &&
           !link.b().seen.closed;
  }

  LinkOf<EngineType> link;
  std::vector<std::byte> sample;
  ChannelId id{};
  ::bamgate::testing::SeededRandom random{11};
};
TYPED_TEST_SUITE(SctpHostile, testing::Engines, testing::EngineName);

TYPED_TEST(SctpHostile, WhatIsTooShortIsMalformed) {
  for (std::size_t size = 0; size < kCommonHeader + kChunkHeader; ++size) {
    EXPECT_EQ(this->link.inject(true, std::vector<std::byte>(size)), std::unexpected(Error::kMalformed));
  }
  EXPECT_EQ(this->counters().packets_malformed, kCommonHeader + kChunkHeader);
  EXPECT_TRUE(this->lives());
}

TYPED_TEST(SctpHostile, AWrongChecksumIsACountedDrop) {
  auto packet = this->sample;
  packet[9] ^= std::byte{1};
  EXPECT_EQ(this->link.inject(true, packet), std::unexpected(Error::kBadChecksum));
  EXPECT_EQ(this->counters().packets_bad_checksum, 1U);
  EXPECT_TRUE(this->lives());
}

TYPED_TEST(SctpHostile, APacketForAnotherPortIsACountedDrop) {
  for (const std::size_t at : {std::size_t{1}, std::size_t{3}}) {
    auto packet = this->sample;
    packet[at] ^= std::byte{1};
    write_checksum(packet);
    EXPECT_EQ(this->link.inject(true, packet), std::unexpected(Error::kWrongPort));
  }
  EXPECT_EQ(this->counters().packets_wrong_port, 2U);
  EXPECT_TRUE(this->lives());
}

TYPED_TEST(SctpHostile, AWrongVerificationTagIsACountedDropAndNeverAnswered) {
  const std::uint32_t tag = read_common_header(this->sample).verification_tag;
  this->link.run(5s);
  const auto sent = this->engine_counters().packets_out;
  const std::array<std::byte, 4> cause{};
  // A HEARTBEAT, an ABORT, a SHUTDOWN, an INIT with a tag of its own.
  for (const unsigned type : {4U, 6U, 7U, 1U}) {
    EXPECT_TRUE(this->link.inject(true, this->packet(crafted_chunk(type, 0, cause), tag + 1)));
  }
  EXPECT_EQ(this->engine_counters().packets_wrong_tag, 4U);
  this->link.drain();
  EXPECT_EQ(this->engine_counters().packets_out, sent);
  EXPECT_TRUE(this->lives());
}

TYPED_TEST(SctpHostile, APacketBeforeTheStartOrAfterTheEndIsNotAnswered) {
  this->link.replace_b();
  EXPECT_TRUE(this->link.inject(true, this->sample));
  EXPECT_EQ(this->engine_counters().packets_early, 1U);
  EXPECT_FALSE(this->link.b().association.poll_packet());
  this->link.b().association.start(this->link.now());
  this->link.b().association.abort(this->link.now());
  while (this->link.b().association.poll_packet()) {
  }
  EXPECT_EQ(this->link.inject(true, this->sample), std::unexpected(Error::kClosed));
  EXPECT_FALSE(this->link.b().association.poll_packet());
}

TYPED_TEST(SctpHostile, AnAssociationThatOnlyConnectsDoesNotAnswerStrayPackets) {
  const auto stray = this->sample;
  this->link.replace_b();
  this->link.b().association.start(this->link.now());
  EXPECT_TRUE(this->link.b().association.poll_packet()) << "INIT";
  EXPECT_TRUE(this->link.inject(true, stray));
  EXPECT_FALSE(this->link.b().association.poll_packet());
  EXPECT_EQ(this->engine_counters().packets_wrong_tag, 1U);
}

TYPED_TEST(SctpHostile, AnInitWithAParameterOfNoBytesIsACountedDrop) {
  for (const unsigned size : {0U, 3U, 5U}) {  // 5: more than there is
    std::array<std::byte, 20> value{};        // tag, window, streams, TSN; then one parameter
    value[0] = value[9] = value[11] = std::byte{1};
    value[17] = std::byte{5};
    value[19] = static_cast<std::byte>(size);
    EXPECT_TRUE(this->link.inject(true, this->packet(crafted_chunk(1, 0, value), 0)));
    EXPECT_TRUE(this->link.inject(true, this->packet(crafted_chunk(2, 0, value))));
  }
  EXPECT_EQ(this->engine_counters().packets_malformed, 6U);
  EXPECT_TRUE(this->lives());
}

TYPED_TEST(SctpHostile, GarbageIsDroppedAndTheAssociationLives) {
  for (int i = 0; i < 20000; ++i) {
    std::vector<std::byte> packet(this->random.below(200));
    this->random.fill(packet);
    EXPECT_FALSE(this->link.inject(true, packet));
    this->link.drain();
  }
  EXPECT_TRUE(this->lives());
}

TYPED_TEST(SctpHostile, FloodsOfChunksCostNoMemoryAndNotTheAssociation) {
  // INIT, INIT ACK, HEARTBEAT, HEARTBEAT ACK, COOKIE ECHO, ECNE, RE-CONFIG, chunks that nobody knows.
  for (const unsigned type : {1U, 2U, 4U, 5U, 10U, 12U, 130U, 63U, 127U, 191U, 255U}) {
    for (int i = 0; i < 3000; ++i) {
      std::vector<std::byte> value(4 * this->random.below(20));
      this->random.fill(value);
      const auto tag = type == 1 ? std::optional<std::uint32_t>(0) : std::nullopt;
      static_cast<void>(this->link.inject(true, this->packet(crafted_chunk(type, 0, value), tag)));
      if (i % 100 == 99) this->link.drain();
    }
    this->link.run(1s);
    EXPECT_LE(this->link.pool().free_blocks(), 4096U);
    ASSERT_FALSE(this->link.b().seen.closed) << type << ": " << to_string(*this->link.b().seen.closed);
  }
  EXPECT_TRUE(this->lives());
}

TYPED_TEST(SctpHostile, AnswersThatNobodyTakesAreDroppedAndCounted) {
  const std::array<std::byte, 32> value{std::byte{0}, std::byte{1}, std::byte{0}, std::byte{32}};
  for (int i = 0; i < 10000; ++i) {
    static_cast<void>(this->link.inject(true, this->packet(crafted_chunk(4, 0, value))));
  }
  EXPECT_GT(this->engine_counters().packets_overrun, 7000U);
  std::size_t waiting = 0;
  while (this->link.b().association.poll_packet()) ++waiting;
  EXPECT_LE(waiting, 2048U);
  EXPECT_TRUE(this->lives());
}

TYPED_TEST(SctpHostile, APacketThatTheCallersBufferCannotHoldIsACountedDropAndTheNextFollows) {
  const std::vector<std::byte> value(1000);
  static_cast<void>(this->link.inject(true, this->packet(crafted_chunk(4, 0, value))));  // HEARTBEAT: echoed
  static_cast<void>(this->link.inject(true, this->packet(crafted_chunk(4, 0, Bytes(value).first(8)))));
  EXPECT_EQ(this->counters().packets_oversized, 0U);
  std::array<std::byte, 200> small{};
  const auto sent = this->link.b().association.poll_transmit(this->link.now(), small);
  ASSERT_TRUE(sent) << "the short answer is behind the long one";
  EXPECT_LE(sent->size, small.size());
  EXPECT_EQ(this->counters().packets_oversized, 1U);
  EXPECT_TRUE(this->lives());
}

// These make links of their own: an engine may have state for the whole process.
template <typename EngineType>
class SctpHostilePeer : public ::testing::Test {};
TYPED_TEST_SUITE(SctpHostilePeer, testing::Engines, testing::EngineName);

TYPED_TEST(SctpHostilePeer, DamagedPacketsWithRightChecksumsNeverCrash) {
  ::bamgate::testing::SeededRandom random(13);
  std::uint64_t delivered = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    LinkOf<TypeParam> link({.seed = seed});
    link.filter = [&](bool, MutableBytes packet) {
      if (random.below(4) != 0) return true;
      for (std::uint32_t n = random.below(4); n < 4; ++n) {
        const std::size_t at = kCommonHeader + random.below(static_cast<std::uint32_t>(packet.size() - kCommonHeader));
        packet[at] = static_cast<std::byte>(random.below(256));
      }
      write_checksum(packet);
      return true;
    };
    link.a().association.start(link.now());
    link.b().association.start(link.now());
    const ChannelId id = link.a().association.open_channel(link.now(), {.label = "damaged"}).value();
    for (std::uint32_t i = 0; i < 40; ++i) {
      static_cast<void>(link.a().association.send(link.now(), id, MessageKind::kBinary, pattern(100 * i, i)));
      link.run(100ms);
    }
    link.a().association.close_channel(link.now(), id);
    link.run(5s);
    delivered += link.b().seen.message_count;
  }
  EXPECT_GT(delivered, 0U);
}

TYPED_TEST(SctpHostilePeer, AnOpenOnAStreamOfOurParityIsRefusedAndItsStreamReset) {
  // Both sides believe that they are the DTLS client.
  LinkOf<TypeParam> link({}, {.dtls_client = true}, {.dtls_client = true});
  ASSERT_TRUE(link.connect());
  ASSERT_TRUE(link.a().association.open_channel(link.now(), {.label = "wrong parity"}));
  ASSERT_TRUE(link.run(5s, [&] { return link.a().seen.closed_channels.size() == 1; }));
  EXPECT_EQ(link.b().association.counters().dcep_refused, 1U);
  EXPECT_TRUE(link.b().seen.opened.empty());
  EXPECT_TRUE(link.a().seen.opened.empty());
}

}  // namespace
}  // namespace bamgate::sctp
