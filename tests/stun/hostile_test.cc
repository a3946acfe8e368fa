// Hostile input: sample messages that were changed, cut and made longer at random, and everything that reads them.
// The sanitizers of the asan build watch.
#include <gtest/gtest.h>

#include "os/native_crypto.h"
#include "stun/binding.h"
#include "stun/client.h"
#include "stun/long_term_client.h"
#include "stun/long_term_server.h"
#include "stun/redirect.h"
#include "stun/response.h"
#include "stun/short_term.h"
#include "support/seeded_random.h"
#include "test_vectors.h"

namespace bamgate::stun {
namespace {

using namespace bamgate::testing;

constexpr Endpoint kStranger{IpAddress::v4(192, 0, 2, 9), 4000};

// A message with every attribute that has a form of its own.
std::vector<std::byte> all_attributes(Crypto& crypto, Class message_class) {
  std::vector<std::byte> out(800);
  const auto size = Builder(out, message_class, Method::kAllocate, {})
                        .error_code(401, "Unauthenticated")
                        .unknown_attributes(std::array<std::uint16_t, 3>{1, 2, 3})
                        .text(Attribute::kUsername, "user")
                        .text(Attribute::kRealm, "bamgate")
                        .text(Attribute::kNonce, nonce_cookie({.password_algorithms = true}) + "abc")
                        .bytes(Attribute::kUserHash, user_hash(crypto, "user", "bamgate"))
                        .password_algorithms(std::array{PasswordAlgorithm::kSha256, PasswordAlgorithm::kMd5})
                        .password_algorithm(PasswordAlgorithm::kMd5)
                        .text(Attribute::kAlternateDomain, "example.org")
                        .address(Attribute::kAlternateServer, kStranger)
                        .xor_address(Attribute::kXorMappedAddress, kStranger)
                        .xor_address(Attribute::kXorPeerAddress, *Endpoint::parse("[2001:db8::1]:1"))
                        .family(Attribute::kRequestedAddressFamily, Family::kV6)
                        .address_error_code({Family::kV4, {508, "Insufficient Capacity"}})
                        .even_port(true)
                        .reservation_token({})
                        .icmp({.type = 3, .code = 1})
                        .lifetime(std::chrono::seconds(1))
                        .bytes(Attribute::kData, as_bytes("abcde"))
                        .integrity(crypto, as_bytes("key"))
                        .integrity_sha256(crypto, as_bytes("key"))
                        .finish();
  out.resize(size.value());
  return out;
}

std::vector<std::vector<std::byte>> samples(Crypto& crypto) {
  std::vector<std::vector<std::byte>> all;
  for (const auto hex : {kSampleRequest, kSampleResponse4, kSampleResponse6, kSampleLongTerm, kSampleSha256}) {
    all.push_back(unhex(hex));
    if (Message::parse(all.back())->has_fingerprint()) {
      all.back().resize(all.back().size() - 8);  // FINGERPRINT would stop most changes
      all.back()[3] = static_cast<std::byte>(all.back().size() - kHeaderSize);
    }
  }
  for (const Class kind : {Class::kRequest, Class::kIndication, Class::kSuccess, Class::kError}) {
    all.push_back(all_attributes(crypto, kind));
  }
  return all;
}

void set_length(std::vector<std::byte>& bytes) {
  if (bytes.size() < kHeaderSize) return;
  const std::size_t length = bytes.size() - kHeaderSize;
  bytes[2] = static_cast<std::byte>(length >> 8);
  bytes[3] = static_cast<std::byte>(length & 0xff);
}

// One random change: bytes, a cut, or more bytes; half the time with the header's length put right again.
void change(std::vector<std::byte>& bytes, SeededRandom& random) {
  const auto size = static_cast<std::uint32_t>(bytes.size());
  const std::uint32_t kind = random.below(4);
  if (kind == 0) {
    bytes.resize(random.below(size + 1));
  } else if (kind == 1) {
    bytes.resize(size + random.below(64), random.number<std::byte>());
  } else {
    for (std::uint32_t changes = 1 + random.below(4); changes > 0; --changes) {
      bytes[random.below(size)] ^= static_cast<std::byte>(1U << random.below(8));
    }
  }
  if (random.below(2) == 0) set_length(bytes);
}

// Whatever is read must lie within the message.
void expect_within(const Message& message, Bytes part) {
  if (part.empty()) return;
  EXPECT_GE(part.data(), message.bytes().data());
  EXPECT_LE(part.data() + part.size(), message.bytes().data() + message.bytes().size());
}

void read_everything(const Message& message) {
  Message::Attributes all = message.attributes();
  std::size_t count = 0;
  while (const auto attribute = all.next()) {
    ASSERT_LE(++count, message.bytes().size() / 4);
    expect_within(message, attribute->value);
    const auto type = static_cast<Attribute>(attribute->type);
    expect_within(message, message.bytes(type).value_or(Bytes{}));
    message.address(type);
    message.family(type);
    EXPECT_LE(message.addresses(type, 3).size(), 3U);
    EXPECT_LE(message.xor_addresses(type, 3).size(), 3U);
  }
  if (const auto error = message.error_code()) expect_within(message, as_bytes(error->reason));
  if (const auto error = message.address_error_code()) expect_within(message, as_bytes(error->error.reason));
  EXPECT_LE(message.unknown_attributes().value_or(std::vector<std::uint16_t>{}).size(), 8U);
  EXPECT_LE(message.password_algorithms().value_or(std::vector<PasswordAlgorithm>{}).size(), 8U);
  EXPECT_LE(message.unknown_required({}).size(), 8U);
  message.password_algorithm();
  message.user_hash();
  message.alternate_domain();
  message.reservation_token();
  message.icmp();
}

TEST(StunHostile, ChangedMessagesAreReadWithoutHarm) {
  os::NativeCrypto crypto;
  SeededRandom random(7);
  std::size_t parsed = 0;
  for (const auto& sample : samples(crypto)) {
    for (int round = 0; round < 4000; ++round) {
      auto bytes = sample;
      change(bytes, random);
      const std::vector<std::byte> exact(bytes);  // no spare capacity: the address sanitizer watches its end
      const auto message = Message::parse(exact);
      if (!message) continue;
      ++parsed;
      read_everything(*message);
    }
  }
  EXPECT_GT(parsed, 5000U);
}

TEST(StunHostile, ChangedMessagesAreNeverAuthentic) {
  os::NativeCrypto crypto;
  SeededRandom random(8);
  const auto original = all_attributes(crypto, Class::kRequest);
  std::size_t parsed = 0;
  for (int round = 0; round < 4000; ++round) {
    auto bytes = original;
    // Any change before the first integrity attribute, which takes 24 bytes, before the second, which takes 36.
    bytes[random.below(static_cast<std::uint32_t>(original.size() - 60))] ^=
        static_cast<std::byte>(1U << random.below(8));
    const auto message = Message::parse(bytes);
    if (!message) continue;
    ++parsed;
    EXPECT_FALSE(check_integrity(*message, crypto, as_bytes("key")));
    EXPECT_FALSE(check_integrity_sha256(*message, crypto, as_bytes("key")));
  }
  EXPECT_GT(parsed, 1000U);
}

TEST(StunHostile, ServersAndClientsSurviveChangedMessages) {
  os::NativeCrypto crypto;
  SeededRandom random(9);
  const LongTermServer server({.realm = "bamgate"}, Secret<32>{});
  LongTermClient credentials("user", "password");
  Redirects redirects;
  Client client(Transport::kUnreliable);
  std::size_t answered = 0;
  for (const auto& sample : samples(crypto)) {
    for (int round = 0; round < 1500; ++round) {
      auto bytes = sample;
      change(bytes, random);
      std::array<std::byte, 1000> out{};
      if (const auto size = answer_binding(kStranger, bytes, out)) {
        ++answered;
        EXPECT_LE(*size, bytes.size() + 32);
        EXPECT_TRUE(Message::parse(Bytes(out).first(*size)));
      }
      const auto message = Message::parse(bytes);
      if (!message) continue;
      const auto checked = server.check({}, kStranger, *message, Account{"user", "password"}, crypto);
      ASSERT_FALSE(checked);
      const auto size = server.refuse({}, kStranger, *message, checked.error(), crypto, out);
      ASSERT_TRUE(size);
      EXPECT_TRUE(Message::parse(Bytes(out).first(*size)));
      EXPECT_FALSE(check_short_term(*message, crypto, "user", "password"));
      LongTermClient::Attempt attempt;
      credentials.handle_response(*message, crypto, attempt);
      redirects.follow({}, kStranger, *message);
      EXPECT_FALSE(client.handle_response({}, *message, true, {}));
    }
  }
  EXPECT_GT(answered, 100U);
  EXPECT_GT(client.counters().unmatched, 1000U);
}

}  // namespace
}  // namespace bamgate::stun
