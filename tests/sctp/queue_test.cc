// The queue above the association: nothing older than its limit is ever sent, every channel gets its turn, and what
// waits is sent before an end.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <vector>

#include "core/reader.h"
#include "sctp/association.h"
#include "sctp/engines.h"
#include "sctp/link.h"

namespace bamgate::sctp {
namespace {

using namespace std::chrono_literals;
using testing::LinkOf;
using testing::pattern;

// A message of `size` bytes that says when it was sent.
std::vector<std::byte> stamped(Instant now, std::size_t size) {
  std::vector<std::byte> message(size);
  const auto ms = static_cast<std::uint32_t>(now.time_since_epoch() / 1ms);
  for (std::size_t i = 0; i < 4; ++i) message[i] = static_cast<std::byte>(ms >> (24 - 8 * i) & 0xff);
  return message;
}

Duration age(Instant now, const Message& message) {
  return now.time_since_epoch() - std::chrono::milliseconds(Reader(message.data.data()).u32());
}

template <typename EngineType>
class SctpQueue : public ::testing::Test {
 protected:
  static constexpr auto kDelay = 20ms;

  SctpQueue() {
    link_.b().on_message = [this](Message& message) {
      oldest = std::max(oldest, age(link_.now(), message));
      ++arrived;
      if (message.data.size() < 100) ++damaged;
    };
    EXPECT_TRUE(link_.connect());
  }

  // Offers a message of 1,000 bytes every 2 ms for `span`.
  void offer(ChannelId id, Duration span) {
    const Instant end = link_.now() + span;
    while (link_.now() < end) {
      static_cast<void>(link_.a().association.send(link_.now(), id, MessageKind::kBinary, stamped(link_.now(), 1000)));
      link_.run(2ms);
    }
  }

  void outage(ChannelId id, Duration span) {
    offer(id, 2s);
    link_.run(1s);
    arrived = 0;
    oldest = {};
    link_.filter = [](bool, Bytes) { return false; };
    offer(id, span);
    link_.filter = nullptr;
  }

  LinkOf<EngineType> link_{{.delay = kDelay}};
  Duration oldest{};
  std::uint64_t arrived = 0;
  std::uint64_t damaged = 0;
};
TYPED_TEST_SUITE(SctpQueue, testing::Engines, testing::EngineName);

TYPED_TEST(SctpQueue, NothingOlderThanItsLimitIsSentAfterAnOutage) {
  auto& link = this->link_;
  for (const auto outage : {300ms, 1000ms, 3000ms, 10000ms}) {
    const ChannelId id = link.open({.label = "tunnel", .ordered = false, .max_retransmits = 0});
    link.a().association.set_queue(id, {.max_age = 200ms, .codel = true});
    this->outage(id, outage);
    this->offer(id, 10s);
    EXPECT_GT(this->arrived, 1000U) << outage;
    EXPECT_LE(this->oldest, 200ms + this->kDelay) << outage;
    link.run(1s);
  }
  EXPECT_GT(link.a().association.counters().messages_unsent, 100U);
  EXPECT_GT(link.a().association.engine_counters().messages_stale, 0U);
  EXPECT_EQ(this->damaged, 0U);
  EXPECT_EQ(link.a().association.buffered_bytes(), 0U);
}

TYPED_TEST(SctpQueue, MessagesWithALifetimeAgeWhileTheyWait) {
  auto& link = this->link_;
  const ChannelId id = link.open({.label = "fresh", .ordered = false, .max_lifetime = 150ms});
  this->outage(id, 5s);
  link.run(10s);
  EXPECT_EQ(link.a().association.buffered_bytes(), 0U);
  EXPECT_LE(this->oldest, 150ms + this->kDelay);
  EXPECT_GT(link.a().association.counters().messages_unsent, 10U);
  this->offer(id, 2s);
  EXPECT_GT(this->arrived, 500U);
  EXPECT_LE(this->oldest, 150ms + this->kDelay);
}

TYPED_TEST(SctpQueue, AReliableChannelDropsNothingHoweverLongItWaits) {
  auto& link = this->link_;
  const ChannelId id = link.open({.label = "files"});
  link.a().association.set_queue(id, {.max_age = 200ms, .codel = true});
  link.filter = [](bool, Bytes) { return false; };
  std::uint64_t taken = 0;
  while (link.a().association.send(link.now(), id, MessageKind::kBinary, stamped(link.now(), 1000))) ++taken;
  link.run(5s);
  link.filter = nullptr;
  EXPECT_GE(taken, 64U);
  EXPECT_TRUE(link.run(10s, [&] { return this->arrived == taken; }));
  EXPECT_EQ(link.a().association.counters().messages_unsent, 0U);
}

TYPED_TEST(SctpQueue, AChannelWithoutAQueueRefusesWhatTheWindowDoesNotTake) {
  auto& link = this->link_;
  const ChannelId id = link.open({.label = "tunnel", .ordered = false, .max_retransmits = 0});
  link.a().association.set_queue(id, {.max_bytes = 0});
  std::expected<void, Error> result;
  for (int i = 0; i < 1000 && result; ++i) {
    result = link.a().association.send(link.now(), id, MessageKind::kBinary, stamped(link.now(), 1000));
  }
  EXPECT_EQ(result, std::unexpected(Error::kWouldBlock));
  EXPECT_LE(link.a().association.buffered_bytes(), 4096U);
}

TYPED_TEST(SctpQueue, EveryChannelGetsItsTurn) {
  auto& link = this->link_;
  const ChannelId first = link.open({.label = "first"});
  const ChannelId second = link.open({.label = "second"});
  std::map<ChannelId, int> count;
  int before = 0;  // of the first channel, when the second's twentieth came
  link.b().on_message = [&](Message& message) {
    if (++count[message.channel] == 20 && message.channel == second) before = count[first];
  };
  for (const ChannelId id : {first, second}) {
    for (int i = 0; i < 60; ++i) {
      EXPECT_TRUE(link.a().association.send(link.now(), id, MessageKind::kBinary, pattern(1000, 0)));
    }
  }
  EXPECT_TRUE(link.run(5s, [&] { return count[second] == 60; }));
  EXPECT_LT(before, 45);
}

TYPED_TEST(SctpQueue, WhatWaitsIsSentBeforeAChannelIsClosed) {
  auto& link = this->link_;
  const ChannelId id = link.open({.label = "files"});
  for (int i = 0; i < 60; ++i) {
    ASSERT_TRUE(link.a().association.send(link.now(), id, MessageKind::kBinary, stamped(link.now(), 1000)));
  }
  EXPECT_GT(link.a().association.buffered_bytes(), 30000U);
  link.a().association.close_channel(link.now(), id);
  EXPECT_TRUE(link.run(5s, [&] { return link.b().seen.closed_channels.size() == 1; }));
  EXPECT_EQ(this->arrived, 60U);
}

TYPED_TEST(SctpQueue, WhatWaitsIsSentBeforeAShutdown) {
  auto& link = this->link_;
  const ChannelId id = link.open({.label = "files"});
  for (int i = 0; i < 60; ++i) {
    ASSERT_TRUE(link.a().association.send(link.now(), id, MessageKind::kBinary, stamped(link.now(), 1000)));
  }
  link.a().association.shutdown(link.now());
  EXPECT_TRUE(link.run(5s, [&] { return link.a().seen.closed && link.b().seen.closed; }));
  EXPECT_EQ(this->arrived, 60U);
  EXPECT_EQ(link.a().seen.closed, Error::kShutdown);
}

TYPED_TEST(SctpQueue, WhatWaitsOnAChannelThatThePeerClosesIsDroppedAndCounted) {
  auto& link = this->link_;
  const ChannelId id = link.open({.label = "files"});
  link.filter = [](bool to_b, Bytes) { return !to_b; };
  for (int i = 0; i < 60; ++i) {
    ASSERT_TRUE(link.a().association.send(link.now(), id, MessageKind::kBinary, stamped(link.now(), 1000)));
  }
  link.b().association.close_channel(link.now(), id);
  link.run(100ms);
  link.filter = nullptr;
  EXPECT_TRUE(link.run(20s, [&] { return link.a().seen.closed_channels.size() == 1; }));
  EXPECT_GT(link.a().association.counters().messages_unsent, 20U);
  EXPECT_EQ(link.a().association.buffered_bytes(), 0U);
}

}  // namespace
}  // namespace bamgate::sctp
