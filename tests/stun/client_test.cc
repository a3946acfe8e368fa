// A client's requests: repeated, answered, late, cancelled, forged, and sent on to another server.
#include <gtest/gtest.h>

#include "error_of.h"
#include "os/native_crypto.h"
#include "stun/binding.h"
#include "stun/builder.h"
#include "stun/client.h"
#include "stun/redirect.h"
#include "support/seeded_random.h"

namespace bamgate::stun {
namespace {

using bamgate::testing::error_of;
using namespace std::chrono_literals;
using bamgate::testing::SeededRandom;

constexpr Endpoint kFrom{IpAddress::v4(203, 0, 113, 9), 40000};
constexpr std::array kKnown = {Attribute::kXorMappedAddress, Attribute::kMappedAddress, Attribute::kErrorCode};

class StunClient : public ::testing::Test {
 protected:
  TransactionId send(Client& client) {
    const TransactionId id = make_transaction_id(random_);
    std::array<std::byte, 28> request{};
    EXPECT_TRUE(write_binding_request(request, id));
    EXPECT_TRUE(client.send(now_, request));
    return id;
  }
  std::expected<Answer, Error> receive(Client& client, const TransactionId& id, Class kind = Class::kSuccess,
                                       std::uint16_t error = 0, std::uint16_t extra = 0, bool authentic = true) {
    std::array<std::byte, 200> out{};
    Builder builder(out, kind, Method::kBinding, id);
    if (kind == Class::kSuccess) builder.xor_address(Attribute::kXorMappedAddress, kFrom);
    if (error != 0) builder.error_code(error, "");
    if (extra != 0) builder.flag(static_cast<Attribute>(extra));
    const auto message = Message::parse(Bytes(out).first(builder.finish().value()));
    return client.handle_response(now_, *message, authentic, kKnown);
  }
  // Runs until nothing waits; returns when requests went out.
  std::vector<Duration> run(Client& client) {
    const Instant start = now_;
    std::vector<Duration> sent;
    for (int step = 0; step < 100; ++step) {
      while (client.poll_transmit()) sent.push_back(now_ - start);
      if (client.next_timeout() == kNever) break;
      now_ = client.next_timeout();
      client.handle_timeout(now_);
    }
    return sent;
  }

  SeededRandom random_{3};
  Instant now_{};
};

TEST_F(StunClient, RequestIsRepeatedUntilNobodyAnswered) {
  Client client(Transport::kUnreliable);
  const TransactionId id = send(client);
  EXPECT_EQ(run(client), (std::vector<Duration>{0ms, 500ms, 1500ms, 3500ms, 7500ms, 15500ms, 31500ms}));
  EXPECT_EQ(now_ - Instant{}, 39500ms);
  const auto failure = client.poll_failure();
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->id, id);
  EXPECT_EQ(failure->reason, Error::kTimeout);
  EXPECT_FALSE(client.poll_failure());
}

TEST_F(StunClient, NothingIsRepeatedOverAReliableTransport) {
  Client client(Transport::kReliable);
  send(client);
  EXPECT_EQ(run(client), std::vector<Duration>{0ms});
  EXPECT_EQ(now_ - Instant{}, 39500ms);
  EXPECT_EQ(client.poll_failure()->reason, Error::kTimeout);
}

TEST_F(StunClient, AnswerEndsTheTransactionAndMeasuresTheRoundTrip) {
  Client client(Transport::kUnreliable);
  const TransactionId id = send(client);
  now_ += 40ms;
  const auto answer = receive(client, id);
  ASSERT_TRUE(answer);
  EXPECT_FALSE(answer->error);
  EXPECT_EQ(answer->round_trip, 40ms);
  EXPECT_EQ(client.next_timeout(), kNever);
}

TEST_F(StunClient, ResponsesToNobodyAreCountedDrops) {
  Client client(Transport::kUnreliable);
  const TransactionId cancelled = send(client);
  client.cancel(cancelled);
  EXPECT_FALSE(client.awaits(cancelled));
  EXPECT_EQ(error_of(receive(client, cancelled)), Error::kUnknownTransaction);
  const TransactionId answered = send(client);
  ASSERT_TRUE(client.awaits(answered));
  EXPECT_TRUE(receive(client, answered));
  EXPECT_EQ(error_of(receive(client, answered)), Error::kUnknownTransaction) << "a second copy";
  const TransactionId late = send(client);
  run(client);
  EXPECT_EQ(error_of(receive(client, late)), Error::kUnknownTransaction) << "late";
  const TransactionId waiting = send(client);
  EXPECT_EQ(error_of(receive(client, waiting, Class::kIndication)), Error::kUnknownTransaction) << "no response at all";
  EXPECT_EQ(client.counters().unmatched, 4U);
  EXPECT_EQ(client.waiting(), 1U);
}

TEST_F(StunClient, UnknownRequiredAttributeInAResponseFailsTheTransaction) {
  Client client(Transport::kUnreliable);
  for (const Class kind : {Class::kSuccess, Class::kError}) {
    const TransactionId id = send(client);
    EXPECT_EQ(error_of(receive(client, id, kind, kind == Class::kError ? 500 : 0, 0x7abc)), Error::kUnknownAttribute);
    EXPECT_FALSE(client.awaits(id));
    EXPECT_TRUE(receive(client, send(client), kind, kind == Class::kError ? 500 : 0, 0x8abc)) << "an optional one";
  }
  EXPECT_EQ(client.counters().incomprehensible, 2U);
}

TEST_F(StunClient, ErrorResponseSaysWhichErrorOrFailsTheTransaction) {
  Client client(Transport::kUnreliable);
  EXPECT_EQ(receive(client, send(client), Class::kError, 500)->error->code, 500);
  EXPECT_EQ(error_of(receive(client, send(client), Class::kError)), Error::kNoErrorCode);
  EXPECT_EQ(client.waiting(), 0U);
}

TEST_F(StunClient, ForgedResponseDoesNotEndATransactionOverUdp) {
  Client client(Transport::kUnreliable);
  const TransactionId id = send(client);
  EXPECT_EQ(error_of(receive(client, id, Class::kSuccess, 0, 0, false)), Error::kBadIntegrity);
  ASSERT_TRUE(client.awaits(id));
  EXPECT_EQ(run(client).size(), 7U);
  const auto failure = client.poll_failure();
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->reason, Error::kBadIntegrity) << "all that came was forged";
  EXPECT_EQ(client.counters().unauthentic, 1U);
}

TEST_F(StunClient, ForgedResponseEndsATransactionOverTcp) {
  Client client(Transport::kReliable);
  const TransactionId id = send(client);
  EXPECT_EQ(error_of(receive(client, id, Class::kSuccess, 0, 0, false)), Error::kBadIntegrity);
  EXPECT_FALSE(client.awaits(id));
}

TEST_F(StunClient, NoMoreThanTenRequestsWait) {
  Client client(Transport::kUnreliable);
  for (int i = 0; i < 10; ++i) send(client);
  std::array<std::byte, 28> request{};
  ASSERT_TRUE(write_binding_request(request, make_transaction_id(random_)));
  EXPECT_EQ(error_of(client.send(now_, request)), Error::kTooManyTransactions);
  run(client);
  EXPECT_EQ(error_of(client.send(now_, request)), Error::kTooManyTransactions) << "failures wait to be fetched";
  while (client.poll_failure()) {
  }
  EXPECT_TRUE(client.send(now_, request));
  EXPECT_EQ(error_of(client.send(now_, Bytes(request).first(27))), Error::kBadLength);
}

TEST_F(StunClient, UnreachableServerFailsAllThatWaits) {
  Client client(Transport::kUnreliable);
  send(client);
  send(client);
  client.handle_unreachable();
  EXPECT_EQ(client.waiting(), 0U);
  EXPECT_EQ(client.poll_failure()->reason, Error::kUnreachable);
  EXPECT_EQ(client.poll_failure()->reason, Error::kUnreachable);
  EXPECT_FALSE(client.poll_transmit());
}

TEST_F(StunClient, SlowServerIsGivenMoreTimeNextTime) {
  Client client(Transport::kUnreliable);
  const TransactionId id = send(client);
  now_ += 400ms;
  ASSERT_TRUE(receive(client, id));
  send(client);
  // 400 ms, and four times the deviation of 200 ms.
  EXPECT_EQ(client.next_timeout() - now_, 1200ms);
  client.handle_timeout(client.next_timeout());
}

TEST(StunRto, FollowsRfc6298WithinItsBounds) {
  RtoEstimate estimate;
  Instant now{};
  EXPECT_EQ(estimate.rto(now), 500ms);
  estimate.note_transaction(now, 20ms);
  EXPECT_EQ(estimate.rto(now), 500ms) << "never less";
  RtoEstimate slow;
  slow.note_transaction(now, 800ms);
  EXPECT_EQ(slow.rto(now), 800ms + 4 * 400ms);
  // Deviation 3/4 * 400 + 1/4 * |800 - 1000| = 350, mean 7/8 * 800 + 1/8 * 1000 = 825.
  slow.note_transaction(now, 1000ms);
  EXPECT_EQ(slow.rto(now), 825ms + 4 * 350ms);
  RtoEstimate fine;
  fine.note_transaction(now, 333'333us);
  EXPECT_EQ(fine.rto(now), 1000ms) << "whole milliseconds";
  slow.note_transaction(now, 1h);
  EXPECT_EQ(slow.rto(now), 60s) << "never more";
}

TEST(StunRto, IsForgottenAfterTenMinutesWithoutTransactions) {
  RtoEstimate estimate;
  Instant now{};
  estimate.note_transaction(now, 800ms);
  now += 10min - 1ns;
  EXPECT_EQ(estimate.rto(now), 2400ms);
  estimate.note_transaction(now, std::nullopt);  // repeated, so not measured: but the server is in use
  now += 10min - 1ns;
  EXPECT_EQ(estimate.rto(now), 2400ms);
  now += 1ns;
  EXPECT_EQ(estimate.rto(now), 500ms);
  estimate.note_transaction(now, 600ms);
  EXPECT_EQ(estimate.rto(now), 600ms + 4 * 300ms) << "starts afresh";
}

class StunRedirect : public ::testing::Test {
 protected:
  std::optional<Endpoint> follow(const Endpoint& asked, std::vector<Endpoint> servers, std::uint16_t code = 300) {
    std::array<std::byte, 200> out{};
    Builder builder(out, Class::kError, Method::kAllocate, {});
    builder.error_code(code, "");
    for (const Endpoint& server : servers) builder.address(Attribute::kAlternateServer, server);
    return redirects_.follow(now_, asked, Message::parse(Bytes(out).first(builder.finish().value())).value());
  }
  static Endpoint server(std::uint8_t number) { return {IpAddress::v4(192, 0, 2, number), 3478}; }

  Redirects redirects_;
  Instant now_{};
};

TEST_F(StunRedirect, LeadsToTheServerOfTheSameFamily) {
  const Endpoint six = *Endpoint::parse("[2001:db8::1]:3478");
  EXPECT_EQ(follow(server(1), {six, server(2)}), server(2));
  EXPECT_EQ(follow(server(2), {six}), std::nullopt);
  EXPECT_EQ(follow(server(3), {}), std::nullopt);
  EXPECT_EQ(follow(server(4), {server(5)}, 400), std::nullopt);
}

TEST_F(StunRedirect, DoesNotGoInCircles) {
  EXPECT_EQ(follow(server(1), {server(2)}), server(2));
  EXPECT_EQ(follow(server(2), {server(1)}), std::nullopt);
  EXPECT_EQ(follow(server(3), {server(3)}), std::nullopt) << "nor to itself";
  now_ += 5min;
  EXPECT_EQ(follow(server(2), {server(1)}), server(1)) << "after five minutes";
}

TEST_F(StunRedirect, EndsAfterEightServers) {
  std::uint8_t asked = 1;
  while (asked < 100 && follow(server(asked), {server(static_cast<std::uint8_t>(asked + 1))})) ++asked;
  EXPECT_EQ(asked, 9);
}

}  // namespace
}  // namespace bamgate::stun
