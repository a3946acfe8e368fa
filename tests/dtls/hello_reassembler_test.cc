// Fragmented ClientHellos: in order, out of order, twice, forged.
#include "dtls/hello_reassembler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "core/writer.h"
#include "support/seeded_random.h"

namespace bamgate::dtls {
namespace {

using Outcome = HelloReassembler::Outcome;

std::vector<std::byte> content(std::size_t size) {
  std::vector<std::byte> body(size);
  for (std::size_t i = 0; i < size; ++i) body[i] = static_cast<std::byte>(i * 7 & 0xff);
  return body;
}

struct Piece {
  std::uint32_t length = 0;
  std::uint32_t offset = 0;
  std::vector<std::byte> body;
  std::uint16_t message_seq = 0;
  std::uint8_t type = kClientHello;
};

std::vector<std::byte> record(const Piece& piece, std::uint32_t sequence = 0) {
  std::vector<std::byte> bytes(kRecordHeader + kHandshakeHeader + piece.body.size());
  Writer writer(bytes);
  writer.u8(22);
  writer.u16(kDtls10);
  writer.u16(0);
  writer.u16(0);
  writer.u32(sequence);
  writer.u16(static_cast<std::uint16_t>(kHandshakeHeader + piece.body.size()));
  writer.u8(piece.type);
  writer.u24(piece.length);
  writer.u16(piece.message_seq);
  writer.u24(piece.offset);
  writer.u24(static_cast<std::uint32_t>(piece.body.size()));
  writer.bytes(piece.body);
  return bytes;
}

Outcome add(HelloReassembler& reassembler, const std::vector<std::byte>& bytes) {
  Bytes rest = bytes;
  return reassembler.add(take_record(rest).value());
}

Piece cut(const std::vector<std::byte>& body, std::size_t offset, std::size_t size) {
  const auto begin = body.begin() + static_cast<std::ptrdiff_t>(offset);
  return {.length = static_cast<std::uint32_t>(body.size()),
          .offset = static_cast<std::uint32_t>(offset),
          .body = {begin, begin + static_cast<std::ptrdiff_t>(size)}};
}

void expect_message(const HelloReassembler& reassembler, const std::vector<std::byte>& body, std::uint32_t sequence) {
  const auto whole = record(cut(body, 0, body.size()), sequence);
  EXPECT_TRUE(std::ranges::equal(reassembler.message(), whole));
}

TEST(HelloReassembler, AnUnfragmentedMessagePassesUnchanged) {
  HelloReassembler reassembler;
  const auto body = content(200);
  const auto whole = record(cut(body, 0, 200), 9);
  EXPECT_EQ(add(reassembler, whole), Outcome::kComplete);
  EXPECT_TRUE(std::ranges::equal(reassembler.message(), whole));
  EXPECT_EQ(reassembler.buffered(), 0U);
}

TEST(HelloReassembler, TwoFragmentsMakeOneRecordWithTheSequenceNumberOfTheLast) {
  HelloReassembler reassembler;
  const auto body = content(1700);
  EXPECT_EQ(add(reassembler, record(cut(body, 0, 1100), 0)), Outcome::kIncomplete);
  EXPECT_EQ(reassembler.buffered(), 1100U);
  EXPECT_EQ(add(reassembler, record(cut(body, 1100, 600), 1)), Outcome::kComplete);
  expect_message(reassembler, body, 1);
}

TEST(HelloReassembler, AnyOrderAndDuplicatesAndOverlapsGiveTheSameMessage) {
  bamgate::testing::SeededRandom random(5);
  const auto body = content(3000);
  for (int round = 0; round < 50; ++round) {
    HelloReassembler reassembler;
    Outcome outcome = Outcome::kIncomplete;
    std::uint32_t sequence = 0;
    for (; outcome == Outcome::kIncomplete && sequence < 5000; ++sequence) {
      const std::size_t offset = 100 * random.below(30);
      const std::size_t size = 1 + random.below(static_cast<std::uint32_t>(std::min<std::size_t>(700, 3000 - offset)));
      outcome = add(reassembler, record(cut(body, offset, size), sequence));
    }
    ASSERT_EQ(outcome, Outcome::kComplete);
    expect_message(reassembler, body, sequence - 1);
  }
}

TEST(HelloReassembler, ARetransmissionIsPutTogetherAgain) {
  HelloReassembler reassembler;
  const auto body = content(1500);
  for (std::uint32_t round = 0; round < 3; ++round) {
    EXPECT_EQ(add(reassembler, record(cut(body, 0, 1000), 2 * round)), Outcome::kIncomplete);
    EXPECT_EQ(add(reassembler, record(cut(body, 1000, 500), 2 * round + 1)), Outcome::kComplete);
    expect_message(reassembler, body, 2 * round + 1);
  }
}

TEST(HelloReassembler, OnlyFragmentsOfAClientHelloAreTaken) {
  HelloReassembler reassembler;
  const auto body = content(1000);
  Piece other = cut(body, 0, 500);
  other.type = 2;
  EXPECT_EQ(add(reassembler, record(other)), Outcome::kRefused);
  EXPECT_EQ(add(reassembler, record(cut(body, 500, 0))), Outcome::kRefused);
  Piece past = cut(body, 0, 500);
  past.offset = 600;
  EXPECT_EQ(add(reassembler, record(past)), Outcome::kRefused);
  auto two = record(cut(body, 0, 500));
  two.push_back(std::byte{0});
  two[12] = static_cast<std::byte>(std::to_integer<int>(two[12]) + 1);  // the record's length
  EXPECT_EQ(add(reassembler, two), Outcome::kRefused);
  EXPECT_EQ(reassembler.buffered(), 0U);
}

TEST(HelloReassembler, MemoryIsBoundedByOneRecord) {
  HelloReassembler reassembler;
  const std::uint32_t longest = kMaxPlaintext - kHandshakeHeader;
  Piece piece{.length = longest + 1, .offset = 0, .body = content(100)};
  EXPECT_EQ(add(reassembler, record(piece)), Outcome::kRefused);
  piece.length = 0xffffff;
  EXPECT_EQ(add(reassembler, record(piece)), Outcome::kRefused);
  const auto body = content(longest);
  EXPECT_EQ(add(reassembler, record(cut(body, 0, longest - 1))), Outcome::kIncomplete);
  EXPECT_EQ(add(reassembler, record(cut(body, longest - 1, 1), 1)), Outcome::kComplete);
  expect_message(reassembler, body, 1);
}

TEST(HelloReassembler, AForgedFragmentCannotLockTheTrueMessageOut) {
  const auto body = content(1500);
  Piece longer = cut(body, 0, 100);
  longer.length = 9000;
  Piece another = cut(body, 0, 100);
  another.message_seq = 7;
  Piece contradiction = cut(body, 0, 100);
  contradiction.body[50] ^= std::byte{1};
  for (const Piece& forged : {longer, another, contradiction}) {
    HelloReassembler reassembler;
    EXPECT_EQ(add(reassembler, record(forged)), Outcome::kIncomplete);
    EXPECT_EQ(add(reassembler, record(cut(body, 0, 1000), 1)), Outcome::kIncomplete);
    EXPECT_EQ(reassembler.buffered(), 1000U);
    EXPECT_EQ(add(reassembler, record(cut(body, 1000, 500), 2)), Outcome::kComplete);
    expect_message(reassembler, body, 2);
  }
}

TEST(HelloReassembler, AContradictingFragmentIsNeverMixedWithTheOthers) {
  HelloReassembler reassembler;
  const auto body = content(1500);
  Piece contradiction = cut(body, 0, 100);
  contradiction.body[50] ^= std::byte{1};
  EXPECT_EQ(add(reassembler, record(cut(body, 0, 1000))), Outcome::kIncomplete);
  EXPECT_EQ(add(reassembler, record(contradiction, 1)), Outcome::kIncomplete);
  EXPECT_EQ(add(reassembler, record(cut(body, 1000, 500), 2)), Outcome::kIncomplete);
  EXPECT_EQ(add(reassembler, record(cut(body, 0, 1000), 3)), Outcome::kIncomplete);  // contradicts again: afresh
  EXPECT_EQ(add(reassembler, record(cut(body, 1000, 500), 4)), Outcome::kComplete);
  expect_message(reassembler, body, 4);
}

TEST(HelloReassembler, TwoMessagesAreNeverMixed) {
  HelloReassembler reassembler;
  const auto body = content(1500);
  Piece second_half = cut(body, 1000, 500);
  second_half.message_seq = 1;
  EXPECT_EQ(add(reassembler, record(cut(body, 0, 1000))), Outcome::kIncomplete);
  EXPECT_EQ(add(reassembler, record(second_half)), Outcome::kIncomplete);
  EXPECT_EQ(reassembler.buffered(), 500U);
}

TEST(HelloReassembler, RandomFragmentsStayWithinBounds) {
  bamgate::testing::SeededRandom random(11);
  HelloReassembler reassembler;
  for (std::uint32_t i = 0; i < 20'000; ++i) {
    Piece piece{.length = random.below(400), .offset = random.below(400), .body = {}};
    piece.body.resize(random.below(200));
    random.fill(piece.body);
    piece.message_seq = static_cast<std::uint16_t>(random.below(2));
    const auto bytes = record(piece, i);
    if (add(reassembler, bytes) == Outcome::kComplete) {
      EXPECT_EQ(reassembler.message().size(), kRecordHeader + kHandshakeHeader + piece.length);
    }
    EXPECT_LE(reassembler.buffered(), 400U);
  }
}

}  // namespace
}  // namespace bamgate::dtls
