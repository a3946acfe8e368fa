// Every attribute of STUN, ICE and TURN: written, compared with the wire, and read again; and values that are refused.
#include <gtest/gtest.h>

#include <functional>

#include "error_of.h"
#include "stun/builder.h"
#include "stun/message.h"
#include "stun/response.h"
#include "test_vectors.h"

namespace bamgate::stun {
namespace {

using bamgate::testing::error_of;
using bamgate::testing::unhex;
using namespace std::chrono_literals;

constexpr Endpoint kServer4{IpAddress::v4(192, 0, 2, 1), 3478};

// The message that `write` makes, kept together with the bytes that it is a view of.
struct Written {
  explicit Written(const std::function<void(Builder&)>& write) : bytes(1000) {
    Builder builder(bytes, Class::kRequest, Method::kAllocate, {});
    write(builder);
    size = builder.finish();
    if (size) message = Message::parse(Bytes(bytes).first(*size)).value();
  }
  // The attributes as hex.
  std::string wire() const { return to_hex(Bytes(bytes).first(size.value()).subspan(kHeaderSize)); }

  std::vector<std::byte> bytes;
  std::expected<std::size_t, Error> size;
  std::optional<Message> message;
};

// A message with one attribute whose value is `hex`.
Written with(Attribute attribute, std::string_view hex) {
  return Written([&](Builder& builder) { builder.bytes(attribute, unhex(hex)); });
}

TEST(StunValue, NumbersAndFlagsAreRead) {
  const Written written([](Builder& builder) {
    builder.u32(Attribute::kPriority, 0x6e0001ff)
        .u64(Attribute::kIceControlling, 0x0123456789abcdef)
        .u64(Attribute::kIceControlled, 7)
        .flag(Attribute::kUseCandidate)
        .flag(Attribute::kDontFragment)
        .u32(Attribute::kConnectionId, 0xdeadbeef);
  });
  EXPECT_EQ(written.wire(),
            "002400046e0001ff802a00080123456789abcdef8029000800000000000000070025"
            "0000001a0000002a0004deadbeef");
  EXPECT_EQ(written.message->u32(Attribute::kPriority), 0x6e0001ffU);
  EXPECT_EQ(written.message->u64(Attribute::kIceControlling), 0x0123456789abcdefU);
  EXPECT_EQ(written.message->u64(Attribute::kIceControlled), 7U);
  EXPECT_TRUE(written.message->has(Attribute::kUseCandidate));
  EXPECT_TRUE(written.message->has(Attribute::kDontFragment));
  EXPECT_EQ(written.message->u32(Attribute::kConnectionId), 0xdeadbeefU);
}

TEST(StunValue, ChannelNumberAndTransportStandInTheUpperBits) {
  const Written written([](Builder& builder) { builder.channel_number(0x4001).requested_transport(17); });
  EXPECT_EQ(written.wire(), "000c0004400100000019000411000000");
  EXPECT_EQ(written.message->channel_number(), 0x4001);
  EXPECT_EQ(written.message->requested_transport(), 17);
  // What is reserved does not count.
  EXPECT_EQ(with(Attribute::kChannelNumber, "4001ffff").message->channel_number(), 0x4001);
  EXPECT_EQ(with(Attribute::kRequestedTransport, "06ffffff").message->requested_transport(), 6);
}

TEST(StunValue, LifetimeIsInSeconds) {
  const Written written([](Builder& builder) { builder.lifetime(10min); });
  EXPECT_EQ(written.wire(), "000d000400000258");
  EXPECT_EQ(written.message->lifetime(), 600s);
  EXPECT_EQ(with(Attribute::kLifetime, "ffffffff").message->lifetime(), std::chrono::seconds(0xffffffff));
  EXPECT_FALSE(with(Attribute::kLifetime, "000258").message->lifetime());
  for (const auto lifetime : {-1s, std::chrono::seconds(0x100000000)}) {
    EXPECT_EQ(error_of(Written([&](Builder& builder) { builder.lifetime(lifetime); }).size), Error::kBadValue);
  }
}

TEST(StunValue, EvenPortIsOneBit) {
  const Written reserve([](Builder& builder) { builder.even_port(true); });
  EXPECT_EQ(reserve.wire(), "0018000180000000");
  EXPECT_EQ(reserve.message->even_port(), true);
  EXPECT_EQ(Written([](Builder& builder) { builder.even_port(false); }).message->even_port(), false);
  EXPECT_EQ(with(Attribute::kEvenPort, "7f").message->even_port(), false);
  EXPECT_FALSE(with(Attribute::kEvenPort, "8000").message->even_port());
  EXPECT_FALSE(with(Attribute::kEvenPort, "").message->even_port());
}

TEST(StunValue, ReservationTokenHasEightBytes) {
  ReservationToken token{};
  copy_bytes(as_bytes("reserved"), token);
  const Written written([&](Builder& builder) { builder.reservation_token(token); });
  EXPECT_EQ(written.wire(), "002200087265736572766564");
  EXPECT_EQ(written.message->reservation_token(), token);
  EXPECT_FALSE(with(Attribute::kReservationToken, "72657365727665").message->reservation_token());
}

TEST(StunValue, AddressFamiliesAreNumbered) {
  const Written written([](Builder& builder) {
    builder.family(Attribute::kRequestedAddressFamily, Family::kV4)
        .family(Attribute::kAdditionalAddressFamily, Family::kV6);
  });
  EXPECT_EQ(written.wire(), "00170004010000008000000402000000");
  EXPECT_EQ(written.message->family(Attribute::kRequestedAddressFamily), Family::kV4);
  EXPECT_EQ(written.message->family(Attribute::kAdditionalAddressFamily), Family::kV6);
  // A server answers 440 to an unknown family, so it must not look as if there were none.
  EXPECT_EQ(with(Attribute::kRequestedAddressFamily, "03ffffff").message->family(Attribute::kRequestedAddressFamily),
            Family::kNone);
  EXPECT_FALSE(written.message->family(Attribute::kLifetime));
  const Written none([](Builder& builder) { builder.family(Attribute::kRequestedAddressFamily, Family::kNone); });
  EXPECT_EQ(error_of(none.size), Error::kBadValue);
}

TEST(StunValue, AddressErrorCodeNamesTheFamily) {
  const AddressErrorCode error{Family::kV6, {440, reason_phrase(440)}};
  const Written written([&](Builder& builder) { builder.address_error_code(error); });
  EXPECT_EQ(written.wire().substr(0, 16), "8001002002000428");
  EXPECT_EQ(written.message->address_error_code(), error);
  EXPECT_FALSE(with(Attribute::kAddressErrorCode, "02000228").message->address_error_code());
  EXPECT_FALSE(with(Attribute::kAddressErrorCode, "0200").message->address_error_code());
}

TEST(StunValue, IcmpTypeHasSevenBitsAndCodeNine) {
  const IcmpError error{.type = 3, .code = 4, .data = 1400};
  const Written written([&](Builder& builder) { builder.icmp(error); });
  EXPECT_EQ(written.wire(), "800400080000060400000578");
  EXPECT_EQ(written.message->icmp(), error);
  EXPECT_EQ(with(Attribute::kIcmp, "ffffffff00000000").message->icmp(), (IcmpError{127, 511, 0}));
  EXPECT_FALSE(with(Attribute::kIcmp, "00000604").message->icmp());
  EXPECT_EQ(error_of(Written([](Builder& builder) { builder.icmp({.type = 128}); }).size), Error::kBadValue);
  EXPECT_EQ(error_of(Written([](Builder& builder) { builder.icmp({.type = 1, .code = 512}); }).size), Error::kBadValue);
}

TEST(StunValue, SeveralAlternateServersAreRead) {
  const Endpoint other = *Endpoint::parse("[2001:db8::7]:3479");
  const Written written([&](Builder& builder) {
    builder.address(Attribute::kAlternateServer, kServer4)
        .address(Attribute::kAlternateServer, other)
        .text(Attribute::kAlternateDomain, "turn.example.org");
  });
  EXPECT_EQ(written.wire().substr(0, 24), "8023000800010d96c0000201");
  EXPECT_EQ(written.message->address(Attribute::kAlternateServer), kServer4);
  EXPECT_EQ(written.message->addresses(Attribute::kAlternateServer, 2), (std::vector{kServer4, other}));
  EXPECT_EQ(written.message->addresses(Attribute::kAlternateServer, 1).size(), 1U);
  EXPECT_EQ(written.message->alternate_domain(), "turn.example.org");
  EXPECT_FALSE(with(Attribute::kAlternateDomain, std::string(512, '6')).message->alternate_domain());
}

TEST(StunValue, AddressesOfNoFamilyAreNotWritten) {
  EXPECT_EQ(error_of(Written([](Builder& builder) { builder.address(Attribute::kMappedAddress, {}); }).size),
            Error::kBadValue);
  EXPECT_EQ(error_of(Written([](Builder& builder) { builder.xor_address(Attribute::kXorPeerAddress, {}); }).size),
            Error::kBadValue);
  // A family that does not agree with the size.
  EXPECT_FALSE(with(Attribute::kMappedAddress, "00020d96c0000201").message->address(Attribute::kMappedAddress));
}

TEST(StunValue, PasswordAlgorithmsKeepTheirOrder) {
  const Written written([](Builder& builder) {
    builder.password_algorithms(std::array{PasswordAlgorithm::kSha256, PasswordAlgorithm::kMd5})
        .password_algorithm(PasswordAlgorithm::kSha256);
  });
  EXPECT_EQ(written.wire(), "800200080002000000010000001d000400020000");
  EXPECT_EQ(written.message->password_algorithms(), (std::vector{PasswordAlgorithm::kSha256, PasswordAlgorithm::kMd5}));
  EXPECT_EQ(written.message->password_algorithm(), PasswordAlgorithm::kSha256);
}

TEST(StunValue, PasswordAlgorithmsWithParametersAreStoodOver) {
  // Algorithm 9 with 5 bytes of parameters and 3 of padding, then MD5.
  EXPECT_EQ(with(Attribute::kPasswordAlgorithms, "00090005aabbccddee00000000010000").message->password_algorithms(),
            (std::vector{PasswordAlgorithm::kMd5}));
  EXPECT_FALSE(with(Attribute::kPasswordAlgorithms, "00090005aabb").message->password_algorithms());
  EXPECT_FALSE(with(Attribute::kPasswordAlgorithms, "0001").message->password_algorithms());
  EXPECT_EQ(with(Attribute::kPasswordAlgorithms, "").message->password_algorithms()->size(), 0U);
  EXPECT_FALSE(with(Attribute::kPasswordAlgorithm, "00010004aabbccdd").message->password_algorithm());
  EXPECT_FALSE(with(Attribute::kPasswordAlgorithm, "0001000000020000").message->password_algorithm());
  // No list is longer than eight, whatever the message says.
  const std::string many(64 * 8, '0');
  EXPECT_EQ(with(Attribute::kPasswordAlgorithms, many).message->password_algorithms()->size(), 8U);
}

TEST(StunValue, UnknownAttributesAreListed) {
  const Written written(
      [](Builder& builder) { builder.unknown_attributes(std::array<std::uint16_t, 3>{1, 2, 0x7fff}); });
  EXPECT_EQ(written.wire(), "000a0006000100027fff0000");
  EXPECT_EQ(written.message->unknown_attributes(), (std::vector<std::uint16_t>{1, 2, 0x7fff}));
  EXPECT_FALSE(with(Attribute::kUnknownAttributes, "000100").message->unknown_attributes());
  EXPECT_EQ(with(Attribute::kUnknownAttributes, std::string(80, '1')).message->unknown_attributes()->size(), 8U);
}

TEST(StunValue, ErrorCodesAreFrom300To699) {
  for (const std::uint16_t code : std::array<std::uint16_t, 8>{300, 400, 401, 420, 438, 487, 500, 699}) {
    const Written written([&](Builder& builder) { builder.error_code(code, reason_phrase(code)); });
    ASSERT_TRUE(written.message);
    EXPECT_EQ(written.message->error_code(), (ErrorCode{code, reason_phrase(code)}));
  }
  for (const std::uint16_t code : std::array<std::uint16_t, 4>{0, 299, 700, 65535}) {
    EXPECT_EQ(error_of(Written([&](Builder& builder) { builder.error_code(code, ""); }).size), Error::kBadValue)
        << code;
  }
  // The reserved bits do not count; classes 2 and 7 and the number 100 are none.
  EXPECT_EQ(with(Attribute::kErrorCode, "fffffc01").message->error_code()->code, 401);
  for (const auto* hex : {"00000201", "00000701", "00000464", "000004"}) {
    EXPECT_FALSE(with(Attribute::kErrorCode, hex).message->error_code()) << hex;
  }
}

TEST(StunValue, TextsThatAreTooLongAreNotWritten) {
  std::string wide;
  for (int i = 0; i < 127; ++i) wide += "\xf0\x9f\x90\x9f";  // four bytes each
  for (const Attribute attribute : {Attribute::kRealm, Attribute::kNonce, Attribute::kSoftware}) {
    const auto size_of = [&](const std::string& text) {
      return Written([&](Builder& builder) { builder.text(attribute, text); }).size;
    };
    EXPECT_TRUE(size_of(std::string(127, 'a')));
    EXPECT_TRUE(size_of(wide));
    EXPECT_EQ(error_of(size_of(std::string(128, 'a'))), Error::kBadValue);
    EXPECT_EQ(error_of(size_of(wide + "a")), Error::kBadValue);
  }
  const auto name_of = [](std::size_t size) {
    return Written([&](Builder& builder) { builder.text(Attribute::kUsername, std::string(size, 'a')); }).size;
  };
  EXPECT_TRUE(name_of(508));
  EXPECT_EQ(error_of(name_of(509)), Error::kBadValue);
  EXPECT_EQ(error_of(Written([](Builder& builder) {
                       builder.text(Attribute::kAlternateDomain, std::string(256, 'a'));
                     }).size),
            Error::kBadValue);
  EXPECT_EQ(error_of(Written([](Builder& builder) { builder.error_code(400, std::string(128, 'a')); }).size),
            Error::kBadValue);
}

TEST(StunValue, TextsOfUpTo763BytesAreRead) {
  for (const Attribute attribute : {Attribute::kUsername, Attribute::kRealm, Attribute::kNonce, Attribute::kSoftware}) {
    EXPECT_TRUE(with(attribute, std::string(2 * 763, '6')).message->text(attribute));
    EXPECT_FALSE(with(attribute, std::string(2 * 764, '6')).message->text(attribute));
  }
}

TEST(StunValue, UserHashHas32Bytes) {
  EXPECT_TRUE(with(Attribute::kUserHash, std::string(64, '5')).message->user_hash());
  EXPECT_FALSE(with(Attribute::kUserHash, std::string(62, '5')).message->user_hash());
}

TEST(StunValue, EveryErrorHasAText) {
  for (int i = 0; i <= static_cast<int>(Error::kUnreachable); ++i) {
    EXPECT_STRNE(to_string(static_cast<Error>(i)), "unknown error");
  }
  EXPECT_EQ(reason_phrase(487), "Role Conflict");
  EXPECT_EQ(reason_phrase(599), "Error");
}

}  // namespace
}  // namespace bamgate::stun
