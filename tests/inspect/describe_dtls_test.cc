// DTLS in words: the flights of both sides, fragments, what is encrypted, and what is no record.
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "core/encoding.h"
#include "inspect/describe.h"
#include "support/seeded_random.h"

namespace bamgate::inspect {
namespace {

std::vector<std::byte> bytes(std::string_view hex) { return from_hex(hex).value(); }

std::vector<std::string> texts(std::string_view hex, bool from_client) {
  std::vector<std::string> result;
  for (const Description& one : describe_dtls(bytes(hex), from_client)) result.push_back(one.text);
  return result;
}

using Texts = std::vector<std::string>;

// Record headers, then the header of a handshake message: type, length, message_seq, fragment_offset, fragment_length.
constexpr std::string_view kClientHello =
    "16feff0000000000000000000f"
    "010000030000000000000003aabbcc";
// The end of a client's flight 5, as it stands in one datagram: a certificate, ChangeCipherSpec, Finished.
constexpr std::string_view kFlight5 =
    "16fefd0000000000000005000e"
    "0b000002000100000000000200ff"
    "14fefd0000000000000006000101"
    "16fefd00010000000000000004deadbeef";

TEST(DescribeDtls, AHandshakeMessageIsShownWithItsFlight) {
  const auto hello = describe_dtls(bytes(kClientHello), true);
  ASSERT_EQ(hello.size(), 1U);
  EXPECT_EQ(hello[0].text, "flight 1: ClientHello, 3 bytes");
  EXPECT_EQ(hello[0].section, "RFC 5246 §7.4.1.2");
}

TEST(DescribeDtls, EachRecordOfADatagramIsShownInTurn) {
  EXPECT_EQ(texts(kFlight5, true), (Texts{"flight 5: Certificate, 2 bytes", "flight 5: ChangeCipherSpec",
                                          "flight 5: Finished (encrypted), epoch 1, sequence number 0, 17 bytes"}));
}

TEST(DescribeDtls, WhoSentItDecidesTheFlight) {
  EXPECT_EQ(texts(kFlight5, false), (Texts{"flight 4: Certificate, 2 bytes", "flight 6: ChangeCipherSpec",
                                           "flight 6: Finished (encrypted), epoch 1, sequence number 0, 17 bytes"}));
}

TEST(DescribeDtls, AFragmentIsShownByItsPlaceInTheMessage) {
  const auto part = describe_dtls(bytes("16fefd0000000000000001000e"
                                        "0100000a000000000400000200ff"),
                                  true);
  ASSERT_EQ(part.size(), 1U);
  EXPECT_EQ(part[0].text, "flight 1: ClientHello, bytes 4 to 6 of 10");
  EXPECT_EQ(part[0].section, "RFC 6347 §4.2.3");
}

TEST(DescribeDtls, AnUnknownHandshakeMessageIsShownByItsNumber) {
  EXPECT_EQ(texts("16fefd0000000000000001000c"
                  "630000000000000000000000",
                  true),
            (Texts{"handshake message 99"}));
}

TEST(DescribeDtls, AlertsAndDataAreShownInTheClearAndUnderKeys) {
  EXPECT_EQ(texts("15fefd00000000000000020002"
                  "0228",
                  false),
            (Texts{"alert 40"}));
  EXPECT_EQ(texts("15fefd00010000000000030002"
                  "aabb",
                  false),
            (Texts{"alert (encrypted), epoch 1, sequence number 3, 15 bytes"}));
  EXPECT_EQ(texts("17fefd00010000000000040001"
                  "aa",
                  false),
            (Texts{"application data, epoch 1, sequence number 4, 14 bytes"}));
  EXPECT_EQ(texts("17fefd00000000000000040001"
                  "aa",
                  false),
            (Texts{"application data without encryption"}));
}

TEST(DescribeDtls, ADatagramCutAnywhereShowsTheRecordsThatAreWhole) {
  const auto whole = bytes(kFlight5);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const std::size_t records = size < 27 ? 0 : size < 41 ? 1 : 2;
    const auto cut = describe_dtls(Bytes(whole).first(size), true);
    ASSERT_EQ(cut.size(), records == 0 ? 1 : records) << size;
    EXPECT_EQ(cut[0].text,
              records == 0 ? "no DTLS record, " + std::to_string(size) + " bytes" : "flight 5: Certificate, 2 bytes");
  }
}

TEST(DescribeDtls, WhateverTheBytesLookLikeThereIsAText) {
  testing::SeededRandom random(3);
  for (int round = 0; round < 2000; ++round) {
    auto datagram = bytes(round % 2 == 0 ? kFlight5 : kClientHello);
    const auto size = static_cast<std::uint32_t>(datagram.size());
    for (int i = 0; i < 3; ++i) random.fill(MutableBytes(datagram).subspan(random.below(size), 1));
    for (const Description& one : describe_dtls(datagram, true)) ASSERT_FALSE(one.text.empty()) << round;
  }
}

}  // namespace
}  // namespace bamgate::inspect
