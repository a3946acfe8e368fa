#include "sctp/dcep.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "support/seeded_random.h"

namespace bamgate::sctp {
namespace {

using namespace std::chrono_literals;

std::vector<std::byte> bytes_of(std::initializer_list<int> values) {
  std::vector<std::byte> result;
  for (const int value : values) result.push_back(static_cast<std::byte>(value));
  return result;
}

std::vector<std::byte> written(const DcepMessage& message) {
  std::array<std::byte, kMaxDcepSize> buffer;
  const Bytes bytes = write_dcep(message, buffer);
  return {bytes.begin(), bytes.end()};
}

TEST(Dcep, TheOpenOfATunnelChannelHasTheseBytes) {
  const ChannelOptions options{.label = "bamgate", .protocol = "", .ordered = false, .max_retransmits = 0};
  const auto expected = bytes_of({0x03, 0x81, 0x01, 0x00, 0, 0, 0, 0, 0, 7, 0, 0, 'b', 'a', 'm', 'g', 'a', 't', 'e'});
  EXPECT_EQ(written(DcepOpen{options}), expected);
  EXPECT_EQ(parse_dcep(expected), DcepMessage(DcepOpen{options}));
}

TEST(Dcep, AnAckIsOneByte) {
  EXPECT_EQ(written(DcepAck{}), bytes_of({0x02}));
  EXPECT_EQ(parse_dcep(bytes_of({0x02})), DcepMessage(DcepAck{}));
}

TEST(Dcep, WhatStandsBehindAMessageIsIgnored) {
  EXPECT_EQ(parse_dcep(bytes_of({0x02, 0, 0, 0})), DcepMessage(DcepAck{})) << "pion's";
  EXPECT_EQ(parse_dcep(bytes_of({0x02, 1, 2, 3, 4})), DcepMessage(DcepAck{}));
  const DcepOpen open{{.label = "l", .protocol = "p"}};
  auto padded = written(open);
  padded.resize(padded.size() + 3, std::byte{0xff});
  EXPECT_EQ(parse_dcep(padded), DcepMessage(open));
}

TEST(Dcep, EveryKindOfChannelComesBackAsItWent) {
  for (const bool ordered : {true, false}) {
    for (const ChannelOptions& options :
         {ChannelOptions{"label", "protocol", ordered, {}, {}}, ChannelOptions{"", "", ordered, 65535, {}},
          ChannelOptions{"x", "", ordered, {}, 4294967295ms}, ChannelOptions{"", "y", ordered, {}, 0ms},
          ChannelOptions{std::string(1024, 'l'), std::string(1024, 'p'), ordered, {}, {}}}) {
      ASSERT_TRUE(valid(options));
      EXPECT_EQ(parse_dcep(written(DcepOpen{options})), DcepMessage(DcepOpen{options}));
    }
  }
}

TEST(Dcep, MoreRetransmissionsThanWeCountAreReadAsTheMost) {
  const auto parsed = parse_dcep(bytes_of({0x03, 0x01, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0}));
  ASSERT_TRUE(parsed);
  EXPECT_EQ(std::get<DcepOpen>(*parsed).options.max_retransmits, 65535);
}

TEST(Dcep, WhatIsShortOrUnknownIsMalformed) {
  for (const auto& message :
       {bytes_of({}), bytes_of({0x00}), bytes_of({0x01}), bytes_of({0x04}), bytes_of({0x03}),
        bytes_of({0x03, 0x00, 0, 0, 0, 0, 0, 0, 0, 0, 0}),          // no room for the lengths
        bytes_of({0x03, 0x00, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0}),       // a label that is not there
        bytes_of({0x03, 0x00, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 'x'}),  // a protocol that is not there
        bytes_of({0x03, 0x03, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}),       // unknown channel type
        bytes_of({0x03, 0x7f, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})}) {
    EXPECT_EQ(parse_dcep(message), std::unexpected(Error::kMalformed));
  }
  auto long_label = written(DcepOpen{{.label = std::string(1024, 'x')}});
  long_label[8] = std::byte{4};
  long_label[9] = std::byte{1};
  long_label.push_back(std::byte{'x'});
  EXPECT_EQ(parse_dcep(long_label), std::unexpected(Error::kMalformed)) << "1,025 bytes of label";
}

TEST(Dcep, LabelsAndProtocolsAreUtf8) {
  for (const std::string text : {"", "plain", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_TRUE(valid({.label = text})) << text;
    EXPECT_TRUE(parse_dcep(written(DcepOpen{{.label = text, .protocol = text}}))) << text;
  }
  // Cut off, alone, longer than need be, a surrogate, beyond the last character.
  for (const std::string text : {"\xc3", "\xe2\x82", "\x80", "a\xff", "\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80",
                                 "\xf0\x80\x80\x80", "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80"}) {
    EXPECT_FALSE(valid({.label = text}));
    EXPECT_FALSE(valid({.protocol = text}));
    EXPECT_EQ(parse_dcep(written(DcepOpen{{.label = text}})), std::unexpected(Error::kMalformed));
    EXPECT_EQ(parse_dcep(written(DcepOpen{{.protocol = text}})), std::unexpected(Error::kMalformed));
  }
}

TEST(Dcep, RandomBytesNeverParseIntoSomethingThatCannotBeWritten) {
  ::bamgate::testing::SeededRandom random(7);
  int parsed_count = 0;
  for (int i = 0; i < 20000; ++i) {
    std::vector<std::byte> message(random.below(24));
    random.fill(message);
    if (!message.empty()) message[0] = std::byte{3};
    if (message.size() >= 12) {
      message[8] = message[10] = std::byte{0};
      message[9] = static_cast<std::byte>(message.size() - 12);
      message[11] = std::byte{0};
    }
    const auto parsed = parse_dcep(message);
    if (!parsed) continue;
    ++parsed_count;
    EXPECT_TRUE(valid(std::get<DcepOpen>(*parsed).options));
    EXPECT_EQ(parse_dcep(written(*parsed)), *parsed);
  }
  EXPECT_GT(parsed_count, 20);
}

}  // namespace
}  // namespace bamgate::sctp
