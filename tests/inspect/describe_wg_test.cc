// WireGuard's messages in words. The handshake is that of the known answers in tests/wg.
#include <gtest/gtest.h>

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/encoding.h"
#include "inspect/describe.h"
#include "wg/messages.h"

namespace bamgate::inspect {
namespace {

constexpr std::string_view kInitiation =
    "010000004433221179a631eede1bf9c98f12032cdeadd0e7a079398fc786b88cc846ec89af85a51af0225eb421886af8f54fb31289d49dcd"
    "82b0f6f3279d40d7cff913fece0c64ad226eef3320755b393b72f16842c8d7ee78a74e937e3f2a828ff4ecc11547a9c7d1ee1b22fedf3178"
    "ecbaddb3973670a77b16f58c9b44871270be911000000000000000000000000000000000";
constexpr std::string_view kResponse =
    "020000008877665544332211675dd574ed7789310b3d2e7681f3790b466c773b1521fecf36577958371ea52f5656f683cf4eca2baff0b0af"
    "3d5ad13745c0172023747fd7c2bc2da361a285d000000000000000000000000000000000";

std::vector<std::byte> data_message(std::size_t size) {
  std::vector<std::byte> message(size);
  const wg::DataHeader header{.receiver = wg::ReceiverIndex{0xa0b0c0d}, .counter = 7};
  header.write(std::span(message).first<wg::kDataHeaderSize>());
  return message;
}

TEST(DescribeWireGuard, AHandshakeIsShownWithItsIndices) {
  const Description initiation = describe_wireguard(from_hex(kInitiation).value());
  EXPECT_EQ(initiation.text, "handshake initiation, 148 bytes, sender 0x11223344, no cookie (mac2 is zero)");
  EXPECT_EQ(initiation.section, "WireGuard paper §5.4.2");
  const Description response = describe_wireguard(from_hex(kResponse).value());
  EXPECT_EQ(response.text,
            "handshake response, 92 bytes, sender 0x55667788, receiver 0x11223344, no cookie (mac2 is zero)");
  EXPECT_EQ(response.section, "WireGuard paper §5.4.3");
}

TEST(DescribeWireGuard, OneByteOfMac2IsACookie) {
  auto message = from_hex(kInitiation).value();
  message.back() = std::byte{1};
  EXPECT_TRUE(describe_wireguard(message).text.ends_with("with a cookie (mac2 is set)"));
}

TEST(DescribeWireGuard, ACookieReplyNamesItsReceiver) {
  std::array<std::byte, wg::kCookieReplySize> message{};
  const wg::CookieReplyMessage reply{.receiver = wg::ReceiverIndex{0x1020304}, .nonce = {}, .sealed_cookie = {}};
  reply.write(message);
  EXPECT_EQ(describe_wireguard(message).text, "cookie reply, 64 bytes, receiver 0x01020304");
  EXPECT_EQ(describe_wireguard(message).section, "WireGuard paper §5.4.7");
}

TEST(DescribeWireGuard, DataWithoutAPacketIsAKeepalive) {
  EXPECT_EQ(describe_wireguard(data_message(32)).text, "keepalive, 32 bytes, receiver 0x0a0b0c0d, counter 7");
  EXPECT_EQ(describe_wireguard(data_message(32)).section, "WireGuard paper §6.5");
  EXPECT_EQ(describe_wireguard(data_message(48)).text, "transport data, 48 bytes, receiver 0x0a0b0c0d, counter 7");
  EXPECT_EQ(describe_wireguard(data_message(48)).section, "WireGuard paper §5.4.6");
}

TEST(DescribeWireGuard, AMessageCutAnywhereIsNone) {
  for (const auto& whole : {from_hex(kInitiation).value(), from_hex(kResponse).value(), data_message(32)}) {
    for (std::size_t size = 0; size < whole.size(); ++size) {
      EXPECT_EQ(describe_wireguard(Bytes(whole).first(size)).text,
                "no WireGuard message, " + std::to_string(size) + " bytes");
    }
  }
}

TEST(DescribeWireGuard, AnUnknownTypeOrAReservedByteIsNoMessage) {
  auto message = from_hex(kInitiation).value();
  for (const std::byte type : {std::byte{0}, std::byte{5}, std::byte{0xff}}) {
    message[0] = type;
    EXPECT_TRUE(describe_wireguard(message).text.starts_with("no WireGuard message"));
  }
  message[0] = message[2] = std::byte{1};
  EXPECT_EQ(describe_wireguard(message).section, "WireGuard paper §5.4");
}

}  // namespace
}  // namespace bamgate::inspect
