// The Binding server and the retransmission schedule of a client.
#include <gtest/gtest.h>

#include "os/native_crypto.h"
#include "stun/binding.h"
#include "stun/builder.h"
#include "stun/transaction.h"
#include "support/seeded_random.h"
#include "test_vectors.h"

namespace bamgate::stun {
namespace {

using namespace std::chrono_literals;
using bamgate::testing::SeededRandom;

TEST(StunBinding, ServerTellsTheClientItsAddress) {
  SeededRandom random(1);
  for (const auto* text : {"203.0.113.9:40000", "[2001:db8::9]:40000"}) {
    const Endpoint from = *Endpoint::parse(text);
    const TransactionId id = make_transaction_id(random);
    std::array<std::byte, 100> request{};
    std::array<std::byte, 100> response{};
    const auto size = write_binding_request(request, id);
    ASSERT_EQ(size, 28U);
    const auto answered = answer_binding(from, Bytes(request).first(*size), response);
    ASSERT_TRUE(answered);
    EXPECT_LE(*answered, *size + 32);
    const auto message = Message::parse(Bytes(response).first(*answered));
    ASSERT_TRUE(message);
    EXPECT_TRUE(message->is(Class::kSuccess, Method::kBinding));
    EXPECT_EQ(message->id(), id);
    EXPECT_EQ(message->mapped_address(), from);
    EXPECT_TRUE(message->has_fingerprint());
  }
}

TEST(StunBinding, UnknownRequiredAttributesAreRefusedByName) {
  std::array<std::byte, 100> request{};
  const auto size =
      Builder(request, Class::kRequest, Method::kBinding, {}).flag(static_cast<Attribute>(0x7abc)).finish();
  std::array<std::byte, 100> response{};
  const auto answered = answer_binding({}, Bytes(request).first(*size), response);
  ASSERT_TRUE(answered);
  EXPECT_LE(*answered, *size + 32);
  const auto message = Message::parse(Bytes(response).first(*answered));
  ASSERT_TRUE(message && message->error_code());
  EXPECT_EQ(message->error_code()->code, 420);
  EXPECT_EQ(to_hex(*message->bytes(Attribute::kUnknownAttributes)), "7abc");
}

TEST(StunBinding, OnlyBindingRequestsAreAnswered) {
  std::array<std::byte, 200> out{};
  const Endpoint from{IpAddress::v4(192, 0, 2, 1), 1};
  EXPECT_FALSE(answer_binding(from, {}, out));
  EXPECT_FALSE(answer_binding(from, as_bytes("GET / HTTP/1.1\r\n\r\n.........."), out));
  EXPECT_FALSE(answer_binding(from, bamgate::testing::unhex(bamgate::testing::kSampleResponse4), out));
  std::array<std::byte, 20> allocate{};
  ASSERT_TRUE(Builder(allocate, Class::kRequest, Method::kAllocate, {}).finish());
  EXPECT_FALSE(answer_binding(from, allocate, out));
  std::array<std::byte, 20> indication{};
  ASSERT_TRUE(Builder(indication, Class::kIndication, Method::kBinding, {}).finish());
  EXPECT_FALSE(answer_binding(from, indication, out)) << "an indication is never answered";
  std::array<std::byte, 20> binding{};
  ASSERT_TRUE(Builder(binding, Class::kRequest, Method::kBinding, {}).finish());
  EXPECT_TRUE(answer_binding(from, binding, out));
  EXPECT_FALSE(answer_binding(from, binding, MutableBytes(out).first(20)));
}

TEST(StunBinding, FingerprintIsAnsweredWithFingerprintAndNoneWithNone) {
  for (const bool fingerprint : {true, false}) {
    for (const bool unknown : {true, false}) {
      std::array<std::byte, 100> request{};
      Builder builder(request, Class::kRequest, Method::kBinding, {});
      if (unknown) builder.flag(static_cast<Attribute>(0x7abc));
      if (fingerprint) builder.fingerprint();
      std::array<std::byte, 100> response{};
      const auto answered =
          answer_binding({IpAddress::v4(192, 0, 2, 1), 1}, Bytes(request).first(builder.finish().value()), response);
      ASSERT_TRUE(answered);
      EXPECT_EQ(Message::parse(Bytes(response).first(*answered))->has_fingerprint(), fingerprint);
    }
  }
}

TEST(StunBinding, KnownAttributesThatNobodyExpectsAreIgnored) {
  std::array<std::byte, 200> request{};
  const auto size = Builder(request, Class::kRequest, Method::kBinding, {})
                        .u32(Attribute::kPriority, 1)
                        .flag(Attribute::kUseCandidate)
                        .text(Attribute::kUsername, "user")
                        .text(Attribute::kSoftware, "software")
                        .flag(static_cast<Attribute>(0xfabc))
                        .finish();
  std::array<std::byte, 100> response{};
  const auto answered = answer_binding({IpAddress::v4(192, 0, 2, 1), 1}, Bytes(request).first(*size), response);
  ASSERT_TRUE(answered);
  EXPECT_EQ(Message::parse(Bytes(response).first(*answered))->message_class(), Class::kSuccess);
}

TEST(StunTransaction, SendsSevenTimesAndGivesUpAfter39AndAHalfSeconds) {
  const Instant start{};
  Transaction transaction(start, {});
  std::vector<Duration> sent = {0ms};
  Instant now = start;
  bool failed = false;
  for (int step = 0; step < 20 && !failed; ++step) {
    now = transaction.next_timeout();
    EXPECT_EQ(transaction.handle_timeout(now - 1ns), Transaction::Step::kWait);
    switch (transaction.handle_timeout(now)) {
      case Transaction::Step::kSend:
        sent.push_back(now - start);
        break;
      case Transaction::Step::kFail:
        failed = true;
        break;
      case Transaction::Step::kWait:
        FAIL();
    }
  }
  EXPECT_EQ(sent, (std::vector<Duration>{0ms, 500ms, 1500ms, 3500ms, 7500ms, 15500ms, 31500ms}));
  EXPECT_TRUE(failed);
  EXPECT_EQ(now - start, 39500ms);
  EXPECT_EQ(transaction.next_timeout(), kNever);
  EXPECT_EQ(transaction.handle_timeout(now + 1h), Transaction::Step::kWait);
}

TEST(StunTransaction, LateTimeoutsDoNotSendInABurst) {
  Transaction transaction(Instant{}, {}, {.rto = 100ms});
  const Instant late = Instant{} + 1h;
  EXPECT_EQ(transaction.handle_timeout(late), Transaction::Step::kSend);
  EXPECT_EQ(transaction.handle_timeout(late), Transaction::Step::kWait);
}

TEST(StunTransaction, RoundTripIsKnownOnlyWithoutRetransmission) {
  Transaction transaction(Instant{}, {});
  EXPECT_EQ(transaction.round_trip(Instant{} + 40ms), 40ms);
  ASSERT_EQ(transaction.handle_timeout(Instant{} + 500ms), Transaction::Step::kSend);
  EXPECT_FALSE(transaction.round_trip(Instant{} + 540ms));
}

}  // namespace
}  // namespace bamgate::stun
