// The small parts: keys, timestamps, messages, keypairs, IP headers.
#include <gtest/gtest.h>

#include "core/encoding.h"
#include "support/seeded_random.h"
#include "wg/ip_packet.h"
#include "wg/keypair.h"
#include "wg/keys.h"
#include "wg/messages.h"
#include "wg/tai64n.h"
#include "wg/timers.h"

namespace bamgate::wg {
namespace {

using bamgate::testing::SeededRandom;
using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(WgKeys, PrivateKeysAreClampedHoweverTheyAreMade) {
  SeededRandom random(7);
  std::array<std::byte, kKeySize> ones{};
  ones.fill(std::byte{0xff});
  for (const PrivateKey& key :
       {PrivateKey::generate(random), PrivateKey::from_bytes(ones), PrivateKey::parse(to_base64(ones)).value()}) {
    EXPECT_EQ(key.bytes()[0] & std::byte{7}, std::byte{0});
    EXPECT_EQ(key.bytes()[31] & std::byte{0xc0}, std::byte{0x40});
  }
}

TEST(WgKeys, TextFormsAreReadBackAndNothingElseIs) {
  SeededRandom random(8);
  const PrivateKey key = PrivateKey::generate(random);
  EXPECT_TRUE(PrivateKey::parse(key.to_base64()).value() == key);
  EXPECT_EQ(PublicKey::parse(key.public_key().to_string()).value(), key.public_key());
  const PresharedKey preshared = PresharedKey::generate(random);
  EXPECT_EQ(PresharedKey::parse(preshared.to_base64())->to_base64(), preshared.to_base64());
  const std::string text = key.public_key().to_string();
  EXPECT_EQ(text.size(), 44U);
  for (const std::string& wrong : {std::string(), text.substr(1), text + "A", text + "\n", std::string(44, '=')}) {
    EXPECT_FALSE(PublicKey::parse(wrong)) << wrong;
    EXPECT_FALSE(PrivateKey::parse(wrong)) << wrong;
    EXPECT_FALSE(PresharedKey::parse(wrong)) << wrong;
  }
}

TEST(WgTai64n, StampHasItsEpochAndByteOrder) {
  EXPECT_EQ(to_hex(Tai64n::from_unix(0, 0).bytes), "400000000000000a00000000");
  EXPECT_EQ(to_hex(Tai64n::from_unix(1, 0x01020304).bytes), "400000000000000b01020304");
  EXPECT_LT(Tai64n::from_unix(1, 999'999'999), Tai64n::from_unix(2, 0));
}

TEST(WgTai64n, StampsGrowEvenWhenTheClockStandsOrGoesBack) {
  StampSource stamps({UnixTime{1000}, Instant{seconds(5)}});
  Tai64n last = stamps.next(Instant{seconds(5)});
  for (int i = 0; i < 200; ++i) {
    const Tai64n next = stamps.next(Instant{seconds(5)});
    EXPECT_GT(next, last);
    last = next;
  }
  stamps.set_clock({UnixTime{10}, Instant{seconds(5)}});
  EXPECT_GT(stamps.next(Instant{seconds(6)}), last);
  stamps.set_clock({UnixTime{INT64_MAX}, Instant{seconds(5)}});
  EXPECT_GT(stamps.next(Instant{seconds(6)}), last);
}

TEST(WgTai64n, StampFollowsTheClockThatWasGiven) {
  StampSource stamps({UnixTime{1000}, Instant{seconds(5)}});
  const Tai64n stamp = stamps.next(Instant{seconds(65)});
  EXPECT_GT(stamp, Tai64n::from_unix(1059, 900'000'000));
  EXPECT_LE(stamp, Tai64n::from_unix(1060, 0));
}

TEST(WgMessages, TypeNeedsItsReservedBytesToBeZero) {
  for (unsigned type = 0; type < 256; ++type) {
    const std::array<std::byte, 4> clean{static_cast<std::byte>(type)};
    EXPECT_EQ(message_type(clean).has_value(), type >= 1 && type <= 4);
    for (std::size_t i = 1; i < 4; ++i) {
      auto dirty = clean;
      dirty[i] = std::byte{1};
      EXPECT_FALSE(message_type(dirty));
    }
    EXPECT_FALSE(message_type(Bytes(clean).first(3)));
  }
}

TEST(WgMessages, EachMessageIsReadOnlyAtItsExactSize) {
  std::vector<std::byte> message(200);
  for (std::size_t size = 0; size <= message.size(); ++size) {
    const Bytes view = Bytes(message).first(size);
    message[0] = std::byte{1};
    EXPECT_EQ(InitiationMessage::parse(view).has_value(), size == 148);
    message[0] = std::byte{2};
    EXPECT_EQ(ResponseMessage::parse(view).has_value(), size == 92);
    message[0] = std::byte{3};
    EXPECT_EQ(CookieReplyMessage::parse(view).has_value(), size == 64);
    message[0] = std::byte{4};
    EXPECT_EQ(DataHeader::parse(view).has_value(), size >= 32);
  }
}

TEST(WgMessages, NumbersAreLittleEndian) {
  std::array<std::byte, kDataHeaderSize> header{};
  DataHeader{ReceiverIndex{0x01020304}, 0x1122334455667788}.write(header);
  EXPECT_EQ(to_hex(header), "04000000040302018877665544332211");
}

Keypair keypair_with(std::uint64_t send_counter, bool initiator) {
  Keypair keypair;
  keypair.initiator = initiator;
  keypair.created = Instant{seconds(100)};
  keypair.send_counter = send_counter;
  return keypair;
}

TEST(WgKeypair, LimitsOfAgeStandWhereThePaperPutsThem) {
  const Keypair initiator = keypair_with(0, true);
  const Keypair responder = keypair_with(0, false);
  EXPECT_FALSE(initiator.wants_rekey_after_send(Instant{milliseconds(219'999)}));
  EXPECT_TRUE(initiator.wants_rekey_after_send(Instant{seconds(220)}));
  EXPECT_FALSE(responder.wants_rekey_after_send(Instant{seconds(270)}));
  EXPECT_FALSE(initiator.wants_rekey_after_receive(Instant{milliseconds(264'999)}));
  EXPECT_TRUE(initiator.wants_rekey_after_receive(Instant{seconds(265)}));
  EXPECT_FALSE(responder.wants_rekey_after_receive(Instant{seconds(270)}));
  EXPECT_TRUE(initiator.may_seal(Instant{milliseconds(279'999)}));
  EXPECT_FALSE(initiator.may_seal(Instant{seconds(280)}));
  EXPECT_FALSE(initiator.may_open(Instant{seconds(280)}, 0));
}

TEST(WgKeypair, LimitsOfMessagesStandWhereThePaperPutsThem) {
  const Instant now{seconds(100)};
  const std::uint64_t rekey = std::uint64_t{1} << 60;
  EXPECT_FALSE(keypair_with(rekey - 1, false).wants_rekey_after_send(now));
  EXPECT_TRUE(keypair_with(rekey, false).wants_rekey_after_send(now));
  const std::uint64_t reject = 0 - (std::uint64_t{1} << 13) - 1;  // 2^64 - 2^13 - 1
  EXPECT_TRUE(keypair_with(reject - 1, true).may_seal(now));
  EXPECT_FALSE(keypair_with(reject, true).may_seal(now));
  EXPECT_FALSE(keypair_with(0, true).may_open(now, reject));
}

std::unique_ptr<Keypair> numbered(std::uint32_t index) {
  auto keypair = std::make_unique<Keypair>();
  keypair->keys.local_index = ReceiverIndex{index};
  return keypair;
}

TEST(WgKeypairs, ResponderSendsOnlyAfterItsKeypairIsConfirmed) {
  Keypairs keypairs;
  keypairs.add_as_responder(numbered(1));
  EXPECT_EQ(keypairs.sending(Instant{}), nullptr);
  const Keypair* next = keypairs.find(ReceiverIndex{1});
  ASSERT_NE(next, nullptr);
  EXPECT_TRUE(keypairs.confirm(*next));
  EXPECT_FALSE(keypairs.confirm(*next));
  EXPECT_EQ(keypairs.sending(Instant{}), next);
}

TEST(WgKeypairs, ConfirmedKeypairLeavesTheOldOneOpenable) {
  Keypairs keypairs;
  keypairs.add_as_initiator(numbered(1));
  keypairs.add_as_responder(numbered(2));
  EXPECT_EQ(keypairs.sending(Instant{})->keys.local_index, ReceiverIndex{1});
  EXPECT_TRUE(keypairs.confirm(*keypairs.find(ReceiverIndex{2})));
  EXPECT_EQ(keypairs.sending(Instant{})->keys.local_index, ReceiverIndex{2});
  EXPECT_NE(keypairs.find(ReceiverIndex{1}), nullptr);
}

TEST(WgKeypairs, OldKeypairsStayForOneMoreGeneration) {
  Keypairs keypairs;
  for (std::uint32_t i = 1; i <= 3; ++i) keypairs.add_as_initiator(numbered(i));
  EXPECT_EQ(keypairs.find(ReceiverIndex{1}), nullptr);
  EXPECT_NE(keypairs.find(ReceiverIndex{2}), nullptr);
  EXPECT_EQ(keypairs.sending(Instant{})->keys.local_index, ReceiverIndex{3});
  keypairs.clear();
  EXPECT_TRUE(keypairs.empty());
}

std::vector<std::byte> v4_header(std::uint8_t first, std::uint16_t total, std::size_t size) {
  std::vector<std::byte> packet(size);
  if (size > 0) packet[0] = std::byte{first};
  if (size > 3) {
    packet[2] = static_cast<std::byte>(total >> 8);
    packet[3] = static_cast<std::byte>(total & 0xff);
  }
  return packet;
}

TEST(WgIpPacket, LengthOfV4IsBoundedByHeaderAndPacket) {
  EXPECT_EQ(ip_packet_length(v4_header(0x45, 20, 20)), 20U);
  EXPECT_EQ(ip_packet_length(v4_header(0x45, 30, 32)), 30U);
  EXPECT_EQ(ip_packet_length(v4_header(0x46, 24, 32)), 24U);
  EXPECT_FALSE(ip_packet_length(v4_header(0x45, 33, 32)));
  EXPECT_FALSE(ip_packet_length(v4_header(0x45, 19, 32)));
  EXPECT_FALSE(ip_packet_length(v4_header(0x44, 32, 32)));
  EXPECT_FALSE(ip_packet_length(v4_header(0x46, 20, 32)));
  EXPECT_FALSE(ip_packet_length(v4_header(0x45, 19, 19)));
  EXPECT_FALSE(ip_packet_length(v4_header(0x55, 20, 20)));
  EXPECT_FALSE(ip_packet_length({}));
}

TEST(WgIpPacket, AddressesOfBothFamiliesAreRead) {
  const auto v4 = from_hex("450000150000000000000000c00002010a6400020f").value();
  const auto packet = parse_ip_packet(v4);
  ASSERT_TRUE(packet);
  EXPECT_EQ(packet->source.to_string(), "192.0.2.1");
  EXPECT_EQ(packet->destination.to_string(), "10.100.0.2");
  EXPECT_EQ(packet->length, 21U);
  const auto v6 =
      from_hex("60000000000100ff20010db800000000000000000000000120010db80000000000000000000000020f00").value();
  const auto other = parse_ip_packet(v6);
  ASSERT_TRUE(other);
  EXPECT_EQ(other->source.to_string(), "2001:db8::1");
  EXPECT_EQ(other->destination.to_string(), "2001:db8::2");
  EXPECT_EQ(other->length, 41U);
  EXPECT_FALSE(parse_ip_packet(Bytes(v6).first(40)));
  EXPECT_FALSE(parse_ip_packet(Bytes(v6).first(39)));
}

}  // namespace
}  // namespace bamgate::wg
