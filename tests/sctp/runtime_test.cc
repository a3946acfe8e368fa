// The process-wide part: repeatability, the end of usrsctp and its new beginning, hostile packets.
#include <gtest/gtest.h>

#include <array>
#include <fstream>
#include <string>
#include <utility>

#include "sctp/link.h"

namespace bamgate::sctp {
namespace {

using namespace std::chrono_literals;
using testing::Link;
using testing::LinkOptions;
using testing::pattern;

ChannelOptions tunnel_channel() { return {.label = "bamgate", .protocol = "", .ordered = false, .max_retransmits = 0}; }

struct Outcome {
  std::uint64_t trace = 0;
  std::uint64_t packets = 0;
  std::uint64_t messages = 0;
  bool operator==(const Outcome&) const = default;
};

// Traffic both ways with pauses, loss, a reliable channel that opens and closes, for `span` of virtual time.
Outcome traffic(std::uint64_t seed, Duration span) {
  Link link({.delay = 15ms, .loss_permille = 5, .seed = seed});
  EXPECT_TRUE(link.connect());
  const ChannelId tunnel = link.open(tunnel_channel());
  const Instant end = link.now() + span;
  for (std::uint32_t round = 0; link.now() < end; ++round) {
    for (std::uint32_t i = 0; i < round % 8; ++i) {
      static_cast<void>(link.a().association.send(link.now(), tunnel, MessageKind::kBinary, pattern(1312 - i, i)));
      static_cast<void>(link.b().association.send(link.now(), tunnel, MessageKind::kBinary, pattern(148 + i, i)));
    }
    if (round % 64 == 0) {
      const ChannelId file = link.open({.label = "file"});
      static_cast<void>(link.a().association.send(link.now(), file, MessageKind::kText, pattern(100000, round)));
      link.a().association.close_channel(link.now(), file);
      // usrsctp aborts when two unordered messages come while a loss holds up the reset of another stream.
      const std::size_t closed = link.a().seen.closed_channels.size();
      link.run(30s, [&] { return link.a().seen.closed_channels.size() > closed; });
    }
    link.run(round % 100 == 99 ? Duration(60s) : Duration(250ms));
    link.a().seen.messages.clear();
    link.b().seen.messages.clear();
  }
  EXPECT_FALSE(link.a().seen.closed);
  EXPECT_FALSE(link.b().seen.closed);
  return {link.trace(), link.packets(), link.a().seen.message_count + link.b().seen.message_count};
}

std::size_t threads_of_this_process() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("Threads:")) return std::stoul(line.substr(8));
  }
  return 0;
}

TEST(UsrsctpRuntime, OneVirtualHourOfTrafficIsRepeatedByteForByteFromTheSameSeed) {
  const Outcome first = traffic(42, 1h);
  EXPECT_GT(first.packets, 10000U);
  EXPECT_GT(first.messages, 10000U);
  EXPECT_EQ(traffic(42, 1h), first);
}

TEST(UsrsctpRuntime, AnotherSeedGivesOtherBytes) { EXPECT_NE(traffic(1, 1s).trace, traffic(2, 1s).trace); }

TEST(UsrsctpRuntime, WhatRanBeforeLeavesNoTraceInTheNextRun) {
  const Outcome first = traffic(3, 10s);
  {
    // A runtime that ends in the middle of everything, after an odd time.
    Link link({.loss_permille = 200, .seed = 99});
    link.a().association.start(link.now());
    link.b().association.start(link.now());
    link.run(12345678us);
  }
  EXPECT_EQ(traffic(3, 10s), first);
}

TEST(UsrsctpRuntime, OnlyOneLivesInAProcess) {
  ::bamgate::testing::SeededRandom random(1);
  auto first = UsrsctpRuntime::create(random);
  ASSERT_TRUE(first);
  const auto second = UsrsctpRuntime::create(random);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error(), Error::kRuntimeTaken);
  EXPECT_EQ((*first)->next_timeout(), kNever);
  first->reset();
  EXPECT_TRUE(UsrsctpRuntime::create(random));
}

TEST(UsrsctpRuntime, ItStartsNoThread) {
  const std::size_t before = threads_of_this_process();
  ASSERT_GT(before, 0U);
  Link link;
  EXPECT_EQ(threads_of_this_process(), before);
  ASSERT_TRUE(link.connect());
  EXPECT_EQ(threads_of_this_process(), before);
}

TEST(UsrsctpRuntime, ManyAssociationsComeAndGoInOneRuntime) {
  ::bamgate::testing::SeededRandom random(5);
  BufferPool pool;
  auto runtime = UsrsctpRuntime::create(random).value();
  Instant now{};
  for (int i = 0; i < 200; ++i) {
    auto association = Association::create(*runtime, {}, pool).value();
    association.start(now);
    EXPECT_TRUE(association.poll_packet().has_value()) << "INIT";
    now += 37ms;
    association.handle_timeout(now);
  }
  EXPECT_EQ(runtime->next_timeout(), kNever);
}

TEST(UsrsctpRuntime, AnAssociationMayBeMovedWhileItLives) {
  Link link;
  ASSERT_TRUE(link.connect());
  Association moved = std::move(link.a().association);
  link.a().association = std::move(moved);
  link.open(tunnel_channel());
  EXPECT_EQ(link.b().seen.opened.size(), 1U);
}

// Gives `packet` a correct CRC32c, so that it gets past the door.
void seal_checksum(MutableBytes packet) {
  for (std::size_t i = 8; i < 12; ++i) packet[i] = std::byte{0};
  std::uint32_t crc = 0xffffffff;
  for (const std::byte byte : packet) {
    crc ^= std::to_integer<std::uint32_t>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ ((crc & 1) != 0 ? 0x82f63b78 : 0);
  }
  for (std::size_t i = 0; i < 4; ++i) packet[8 + i] = static_cast<std::byte>(~crc >> (8 * i) & 0xff);
}

TEST(UsrsctpRuntime, GarbageIsDroppedAndTheAssociationLives) {
  Link link;
  ASSERT_TRUE(link.connect());
  const ChannelId id = link.open(tunnel_channel());
  ::bamgate::testing::SeededRandom random(11);
  for (int i = 0; i < 20000; ++i) {
    std::vector<std::byte> packet(random.below(200));
    random.fill(packet);
    const auto result = link.b().association.handle_input(link.now(), {.path = {}, .data = packet});
    EXPECT_EQ(result.has_value(), packet.size() >= 16);
    link.drain();
  }
  ASSERT_TRUE(link.a().association.send(link.now(), id, MessageKind::kBinary, pattern(100, 1)));
  EXPECT_TRUE(link.run(1s, [&] { return link.b().seen.message_count == 1; }));
}

TEST(UsrsctpRuntime, DamagedPacketsOfALivePeerWithRightChecksumsNeverCrash) {
  ::bamgate::testing::SeededRandom random(13);
  std::uint64_t delivered = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    Link link({.seed = seed});
    link.filter = [&](bool, Bytes packet) {
      if (random.below(4) != 0 || packet.size() < 16) return true;
      // The link carries a vector that belongs to the flight: damage it where it lies.
      auto* bytes = const_cast<std::byte*>(packet.data());
      for (std::uint32_t n = random.below(4); n < 4; ++n) {
        const std::size_t at = 12 + random.below(static_cast<std::uint32_t>(packet.size() - 12));
        bytes[at] = static_cast<std::byte>(random.below(256));
      }
      seal_checksum(MutableBytes(bytes, packet.size()));
      return true;
    };
    link.a().association.start(link.now());
    link.b().association.start(link.now());
    const auto id = link.a().association.open_channel(link.now(), {.label = "damaged"});
    for (std::uint32_t i = 0; i < 40 && id; ++i) {
      static_cast<void>(link.a().association.send(link.now(), *id, MessageKind::kBinary, pattern(100 * i, i)));
      link.run(100ms);
    }
    link.a().association.close_channel(link.now(), *id);
    link.run(5s);
    delivered += link.b().seen.message_count;
  }
  EXPECT_GT(delivered, 0U);
}

TEST(UsrsctpRuntime, DcepThatBreaksTheRulesIsRefusedAndItsStreamReset) {
  // Both sides believe that they are the DTLS client: the peer's OPEN comes on a stream of our parity.
  Link link({}, {.dtls_client = true}, {.dtls_client = true});
  ASSERT_TRUE(link.connect());
  const auto id = link.a().association.open_channel(link.now(), {.label = "wrong parity"});
  ASSERT_TRUE(id);
  ASSERT_TRUE(link.run(5s, [&] { return link.a().seen.closed_channels.size() == 1; }));
  EXPECT_EQ(link.b().association.counters().dcep_refused, 1U);
  EXPECT_TRUE(link.b().seen.opened.empty());
  EXPECT_TRUE(link.a().seen.opened.empty());
}

}  // namespace
}  // namespace bamgate::sctp
