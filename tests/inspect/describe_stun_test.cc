// STUN and ICE messages in words: the samples of RFC 5769, and what must not reach a terminal.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "inspect/describe.h"
#include "stun/builder.h"
#include "stun/message.h"
#include "stun/test_vectors.h"
#include "support/seeded_random.h"

namespace bamgate::inspect {
namespace {

using bamgate::testing::SeededRandom;
using bamgate::testing::unhex;

template <typename Fill>
Description built(stun::Class message_class, Fill fill) {
  SeededRandom random(1);
  std::vector<std::byte> out(600);
  stun::Builder builder(out, message_class, stun::Method::kBinding, stun::make_transaction_id(random));
  fill(builder);
  out.resize(builder.finish().value());
  return describe_stun(out);
}

TEST(DescribeStun, ACheckIsShownWithEachAttribute) {
  const Description check = describe_stun(unhex(bamgate::testing::kSampleRequest));
  EXPECT_EQ(
      check.text,
      "check, 108 bytes, transaction b7e7a701bc34d686fa87dfae, SOFTWARE \"STUN test client\", PRIORITY 1845494271, "
      "ICE-CONTROLLED 932ff9b151263b36, USERNAME \"evtj:h6vY\", "
      "MESSAGE-INTEGRITY 9aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2, FINGERPRINT e57a3bcf");
  EXPECT_EQ(check.section, "RFC 8445 §7.2.4");
}

TEST(DescribeStun, AResponseNamesTheAddressOfBothFamilies) {
  const Description v4 = describe_stun(unhex(bamgate::testing::kSampleResponse4));
  EXPECT_NE(v4.text.find("success response, 80 bytes"), std::string::npos) << v4.text;
  EXPECT_NE(v4.text.find("XOR-MAPPED-ADDRESS 192.0.2.1:32853"), std::string::npos) << v4.text;
  EXPECT_EQ(v4.section, "RFC 8489 §6.3.3");
  const Description v6 = describe_stun(unhex(bamgate::testing::kSampleResponse6));
  EXPECT_NE(v6.text.find("XOR-MAPPED-ADDRESS [2001:db8:1234:5678:11:2233:4455:6677]:32853"), std::string::npos)
      << v6.text;
}

TEST(DescribeStun, EachKindOfMessageHasItsHeadingAndSection) {
  const auto nothing = [](stun::Builder&) {};
  EXPECT_EQ(built(stun::Class::kRequest, nothing).section, "RFC 8489 §6.2.1");
  EXPECT_EQ(built(stun::Class::kIndication, nothing).section, "RFC 8489 §6.3.2");
  const Description nominates = built(stun::Class::kRequest, [](stun::Builder& builder) {
    builder.text(stun::Attribute::kUsername, "a:b").flag(stun::Attribute::kUseCandidate);
  });
  EXPECT_EQ(nominates.section, "RFC 8445 §8.1.1");
  EXPECT_TRUE(nominates.text.ends_with(", USERNAME \"a:b\", USE-CANDIDATE")) << nominates.text;
  const Description refused =
      built(stun::Class::kError, [](stun::Builder& builder) { builder.error_code(487, "Role Conflict"); });
  EXPECT_EQ(refused.section, "RFC 8489 §6.3.4");
  EXPECT_TRUE(refused.text.ends_with(", ERROR-CODE 487 Role Conflict")) << refused.text;
}

TEST(DescribeStun, AnAttributeOfAnotherUsageIsShownByNumberAndSize) {
  const Description message = built(stun::Class::kRequest, [](stun::Builder& builder) {
    builder.bytes(static_cast<stun::Attribute>(0xc0de), as_bytes("abcde"));
  });
  EXPECT_TRUE(message.text.ends_with(", attribute 0xc0de of 5 bytes")) << message.text;
}

TEST(DescribeStun, TextOfThePeerCannotSteerATerminal) {
  const Description message = built(stun::Class::kError, [](stun::Builder& builder) {
    builder.error_code(400, "\x1b[2J\n").text(stun::Attribute::kSoftware, "a\x1b]0;b\x07\xc3\xa9");
  });
  EXPECT_NE(message.text.find("ERROR-CODE 400 ?[2J?"), std::string::npos) << message.text;
  EXPECT_NE(message.text.find("SOFTWARE \"a?]0;b???\""), std::string::npos) << message.text;
}

TEST(DescribeStun, AMessageCutAnywhereIsNone) {
  const auto whole = unhex(bamgate::testing::kSampleRequest);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const Description cut = describe_stun(Bytes(whole).first(size));
    EXPECT_TRUE(cut.text.starts_with("no STUN message: ")) << size;
    EXPECT_EQ(cut.section, "RFC 8489 §6.3");
  }
}

TEST(DescribeStun, WhateverTheBytesLookLikeTheTextIsPrintable) {
  SeededRandom random(2);
  for (int round = 0; round < 2000; ++round) {
    auto message = unhex(bamgate::testing::kSampleRequest);
    // Without its fingerprint, which would refuse the change.
    message.resize(100);
    message[3] = std::byte{80};
    for (int i = 0; i < 4; ++i) random.fill(MutableBytes(message).subspan(20 + random.below(80), 1));
    for (const char c : describe_stun(message).text) ASSERT_TRUE(c >= ' ' && c <= '~') << round;
  }
}

TEST(DescribeTurn, EachMethodHasItsNameAndSection) {
  SeededRandom random(1);
  std::vector<std::byte> out(600);
  stun::Builder builder(out, stun::Class::kSuccess, stun::Method::kAllocate, stun::make_transaction_id(random));
  builder.xor_address(stun::Attribute::kXorRelayedAddress, {IpAddress::v4(203, 0, 113, 5), 50000})
      .lifetime(std::chrono::seconds(600));
  out.resize(builder.finish().value());
  const Description allocated = describe_turn(out);
  EXPECT_TRUE(allocated.text.starts_with("Allocate success response, 40 bytes")) << allocated.text;
  EXPECT_TRUE(allocated.text.ends_with(", XOR-RELAYED-ADDRESS 203.0.113.5:50000, LIFETIME 600")) << allocated.text;
  EXPECT_EQ(allocated.section, "RFC 8656 §7");
}

TEST(DescribeTurn, DataIsShownByChannelAndSize) {
  EXPECT_EQ(describe_turn(unhex("4001000568656c6c6f")).text, "ChannelData on channel 0x4001 with 5 bytes");
  EXPECT_EQ(describe_turn(unhex("4001000668656c6c6f")).text, "no ChannelData: shorter than its header says");
  std::vector<std::byte> out(600);
  stun::Builder builder(out, stun::Class::kIndication, stun::Method::kData, {});
  builder.xor_address(stun::Attribute::kXorPeerAddress, {IpAddress::v4(203, 0, 113, 5), 50000})
      .bytes(stun::Attribute::kData, as_bytes("secret"));
  out.resize(builder.finish().value());
  const Description data = describe_turn(out);
  EXPECT_TRUE(data.text.starts_with("Data indication, ")) << data.text;
  EXPECT_TRUE(data.text.ends_with("XOR-PEER-ADDRESS 203.0.113.5:50000, DATA of 6 bytes")) << data.text;
}

}  // namespace
}  // namespace bamgate::inspect
