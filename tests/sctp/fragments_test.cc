// Fragments of unordered messages (RFC 9260 §6.6 and §6.9) beside messages that the peer gives up (RFC 3758). The peer
// is made by hand: our own engine never loses its place in this way.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <vector>

#include "core/writer.h"
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

// Flags of a DATA chunk on an unordered channel.
constexpr unsigned kMiddle = 4;
constexpr unsigned kEnd = 5;
constexpr unsigned kBegin = 6;
constexpr unsigned kWhole = 7;

constexpr std::uint32_t kBinary = 53;
constexpr std::size_t kFragment = 100;  // bytes, unless said otherwise

template <typename EngineType>
class SctpFragments : public ::testing::Test {
 protected:
  // TSNs count from A's first one after the channel is open, which is 1.
  SctpFragments() {
    link.filter = [&](bool to_b, MutableBytes packet) {
      if (!to_b) ++answers;
      if (!to_b) return true;
      tag = read_common_header(packet).verification_tag;
      for (ChunkWalk walk(packet); walk.next();) {
        if (const auto chunk = walk.data()) {
          base = chunk->tsn;
          stream = chunk->stream;
        }
      }
      return true;
    };
    EXPECT_TRUE(link.connect());
    link.open({.label = "unordered", .ordered = false});
    link.run(1s);
  }

  // `sequence` is the place in the stream of a message with an order.
  std::vector<std::byte> data(std::uint32_t tsn, unsigned flags, std::size_t size = kFragment,
                              std::uint16_t sequence = 0) const {
    return data_on(stream, tsn, flags, size, sequence);
  }
  std::vector<std::byte> data_on(std::uint16_t on, std::uint32_t tsn, unsigned flags, std::size_t size,
                                 std::uint16_t sequence = 0) const {
    std::vector<std::byte> value(12 + size);
    Writer writer(value);
    writer.u32(base + tsn);
    writer.u16(on);
    writer.u16(sequence);
    writer.u32(kBinary);
    writer.bytes(pattern(size, tsn));
    return crafted_chunk(0, flags, value);
  }
  // FORWARD TSN: A gives up all that is lost up to this one.
  std::vector<std::byte> forward(std::uint32_t tsn) const {
    std::vector<std::byte> value(4);
    Writer(value).u32(base + tsn);
    return crafted_chunk(192, 0, value);
  }

  // In one packet, from A to B.
  void give(std::initializer_list<std::vector<std::byte>> chunks) {
    std::vector<std::byte> all;
    for (const auto& chunk : chunks) all.insert(all.end(), chunk.begin(), chunk.end());
    static_cast<void>(link.inject(true, testing::crafted_packet(tag, all)));
    link.drain();
  }

  // What the fragments with these TSNs make together.
  static std::vector<std::byte> content(std::uint32_t first, std::uint32_t last, std::size_t size = kFragment) {
    std::vector<std::byte> whole;
    for (std::uint32_t tsn = first; tsn <= last; ++tsn) {
      const auto part = pattern(size, tsn);
      whole.insert(whole.end(), part.begin(), part.end());
    }
    return whole;
  }
  void expect_messages(const std::vector<std::vector<std::byte>>& expected) {
    std::vector<std::vector<std::byte>> arrived;
    for (const Message& message : link.b().seen.messages) {
      const Bytes bytes = message.data.data();
      arrived.emplace_back(bytes.begin(), bytes.end());
    }
    EXPECT_EQ(arrived, expected);
    EXPECT_FALSE(link.b().seen.closed) << to_string(*link.b().seen.closed);
  }

  LinkOf<EngineType> link;
  // Ends whose begins are missing, up to this TSN, from 4 on: more than we keep.
  std::uint32_t fill() {
    std::uint32_t tsn = 2;
    while (refused() == 0 && tsn < 4000) give({data(tsn += 2, kEnd, 1200)});
    EXPECT_EQ(refused(), 1U);
    return tsn;
  }
  std::uint64_t refused() { return link.b().association.engine_counters().fragments_refused; }

  std::uint64_t answers = 0;  // packets of B
  std::uint32_t tag = 0;
  std::uint32_t base = 0;
  std::uint16_t stream = 0;
};
TYPED_TEST_SUITE(SctpFragments, testing::Engines, testing::EngineName);

TYPED_TEST(SctpFragments, AWholeMessageMayFollowTheLastOneGivenUpWhileAnotherLacksItsBegin) {
  this->give({this->data(4, kEnd)});
  this->give({this->forward(1)});
  this->give({this->data(2, kWhole)});
  this->give({this->data(3, kBegin)});
  this->expect_messages({this->content(2, 2), this->content(3, 4)});
}

TYPED_TEST(SctpFragments, OfAMessageWhoseBeginIsGivenUpNothingIsDelivered) {
  this->give({this->data(1, kBegin)});
  this->give({this->data(4, kEnd)});
  this->give({this->forward(2)});
  this->give({this->forward(3)});
  this->give({this->data(5, kWhole)});
  this->expect_messages({this->content(5, 5)});
}

TYPED_TEST(SctpFragments, WhatFollowsAMessageThatIsGivenUpIsPutTogetherAtOnce) {
  this->give({this->data(1, kBegin)});
  this->give({this->data(4, kEnd)});
  this->give({this->forward(2)});
  this->give({this->data(5, kBegin), this->data(6, kMiddle), this->data(7, kEnd)});
  this->expect_messages({this->content(5, 7)});
}

TYPED_TEST(SctpFragments, AGivenUpBeginTakesNothingOfTheNextMessageWithIt) {
  this->give({this->data(2, kEnd), this->data(3, kBegin)});
  this->give({this->forward(1)});
  this->give({this->data(4, kEnd)});
  this->expect_messages({this->content(3, 4)});
}

TYPED_TEST(SctpFragments, InEveryOrderEachMessageComesOnceAndWhole) {
  std::vector<std::uint32_t> order{1, 2, 3, 4, 5, 6};
  constexpr unsigned kFlags[] = {kBegin, kEnd, kWhole, kBegin, kMiddle, kEnd};
  std::size_t rounds = 0;
  do {
    this->link.b().seen.messages.clear();
    for (const std::uint32_t tsn : order) {
      for (int copy = 0; copy < 2; ++copy) this->give({this->data(tsn, kFlags[tsn - 1])});
    }
    auto& messages = this->link.b().seen.messages;
    std::ranges::sort(messages, {}, [](const Message& message) { return message.data.size(); });
    this->expect_messages({this->content(3, 3), this->content(1, 2), this->content(4, 6)});
    this->base += 6;
    ++rounds;
  } while (std::ranges::next_permutation(order).found && !this->HasFailure());
  EXPECT_EQ(rounds, 720U);
}

TYPED_TEST(SctpFragments, FragmentsOfDifferentStreamsMakeNoMessage) {
  const auto other = static_cast<std::uint16_t>(this->stream + 2);
  this->give({this->data(1, kBegin), this->data_on(other, 2, kMiddle, kFragment), this->data(3, kEnd)});
  this->give({this->data(4, kBegin), this->data(5, kBegin), this->data(6, kEnd), this->data(7, kEnd)});
  this->expect_messages({this->content(5, 6)});
}

// What a channel's opener sends before the ACK is ordered, what it sends later is not.
TYPED_TEST(SctpFragments, AMessageOfAnUnorderedChannelMayComeInTheMiddleOfALongOneWithAnOrder) {
  constexpr std::uint32_t kLast = 101;  // beyond what is handed over in parts
  constexpr std::size_t kSize = 1000;
  for (std::uint32_t tsn = 1; tsn <= kLast; ++tsn) {
    const unsigned begin = tsn == 1 ? kBegin : kMiddle;
    const unsigned end = tsn == kLast ? kEnd : kMiddle;
    this->give({this->data(tsn, (begin | end) & ~kMiddle, kSize, 1)});
    if (tsn == kLast - 1) this->give({this->data(kLast + 1, kWhole)});
  }
  this->expect_messages({this->content(kLast + 1, kLast + 1), this->content(1, kLast, kSize)});
}

TYPED_TEST(SctpFragments, AMessageWithoutEndIsRefusedWhenItIsTooLong) {
  this->give({this->data(1, kBegin, 1000)});
  std::uint32_t tsn = 1;
  while (!this->link.b().seen.closed && tsn < 1000) this->give({this->data(++tsn, kMiddle, 1000)});
  EXPECT_EQ(this->link.b().seen.closed, Error::kMessageTooLarge);
  EXPECT_EQ(tsn, 263U) << "of 262,144 bytes at most";
}

TYPED_TEST(SctpFragments, BeginsWithoutEndCostNoMemory) {
  std::uint32_t tsn = 0;
  for (int i = 0; i < 20000; ++i) this->give({this->data(++tsn, kBegin, 1000)});
  this->give({this->data(++tsn, kWhole)});
  this->expect_messages({this->content(tsn, tsn)});
  EXPECT_GT(this->link.b().association.engine_counters().messages_aborted, 19000U);
}

// A peer whose first fragment is lost goes on; what it sends then is kept up to a bound, and all of it arrives.
TYPED_TEST(SctpFragments, MoreFragmentsThanWeKeepArriveWhenTheyAreSentAgain) {
  constexpr std::uint32_t kMessages = 1200;
  constexpr std::size_t kSize = 1200;
  const auto offer = [&](std::uint32_t message) {
    this->give({this->data(2 * message + 1, kBegin, kSize)});
    this->give({this->data(2 * message + 2, kEnd, kSize)});
  };
  for (std::uint32_t message = 0; message < kMessages; ++message) {
    this->give({this->data(2 * message + 2, kEnd, kSize)});
  }
  EXPECT_EQ(this->link.b().seen.message_count, 0U);
  EXPECT_GT(this->refused(), kMessages - (std::size_t{1} << 20) / kSize) << "1 MiB is kept";
  EXPECT_LT(this->refused(), kMessages / 2);
  for (std::uint32_t message = 0; message < kMessages; ++message) offer(message);
  EXPECT_EQ(this->link.b().seen.message_count, kMessages);
  EXPECT_FALSE(this->link.b().seen.closed);
}

// The acknowledgement may have been lost: the peer sends again what lies before the hole, and nothing else.
TYPED_TEST(SctpFragments, WhatIsThereAlreadyIsAcknowledgedAgainHoweverFullItIs) {
  this->fill();
  this->give({this->data(1, kBegin, 1200)});
  const std::uint64_t before = this->answers;
  this->give({this->data(1, kBegin, 1200)});
  EXPECT_EQ(this->answers, before + 1);
  EXPECT_EQ(this->refused(), 1U);
}

TYPED_TEST(SctpFragments, WhileWeShutDownWhatIsGivenUpMakesRoomToo) {
  const std::uint32_t last = this->fill();
  this->link.b().association.shutdown(this->link.now());
  this->give({this->forward(last)});
  this->give({this->data(last + 2, kEnd, 1200), this->data(last + 1, kBegin, 1200)});
  this->expect_messages({this->content(last + 1, last + 2, 1200)});
}

// Far from one fragment a message: all fragments of a long one, the last first.
TYPED_TEST(SctpFragments, ALongMessageMayComeFromItsEnd) {
  constexpr std::uint32_t kLast = 2600;
  for (std::uint32_t tsn = kLast; tsn >= 1; --tsn) {
    this->give({this->data(tsn, tsn == 1 ? kBegin : tsn == kLast ? kEnd : kMiddle)});
  }
  this->expect_messages({this->content(1, kLast)});
}

}  // namespace
}  // namespace bamgate::sctp
