// The end of an allocation, and what holds for all of a client's life.
#include <gtest/gtest.h>

#include "turn/client_fixture.h"

namespace bamgate::turn {
namespace {

TEST_F(TurnClient, CloseDeletesTheAllocation) {
  make_ready();
  client_->close(now_);
  run();
  EXPECT_EQ(relay_.deletions(), 1U);
  EXPECT_FALSE(relay_.allocation);
  EXPECT_EQ(events<Closed>().size(), 1U);
  EXPECT_EQ(client_->state(), Client::State::kClosed);
  EXPECT_EQ(client_->next_timeout(), kNever);
}

TEST_F(TurnClient, DeletionOfWhatIsGoneIsASuccess) {
  make_ready();
  relay_.allocation.reset();
  client_->close(now_);
  run();
  EXPECT_EQ(relay_.deletions(), 1U) << "answered with 437";
  EXPECT_EQ(events<Closed>().size(), 1U);
  EXPECT_TRUE(events<Lost>().empty());
}

TEST_F(TurnClient, CloseDoesNotWaitLongForASilentServer) {
  make_ready();
  relay_.silent = true;
  client_->close(now_);
  run();
  EXPECT_TRUE(events<Closed>().empty());
  pass(2s);
  EXPECT_EQ(events<Closed>().size(), 1U);
}

TEST_F(TurnClient, CloseDeletesAnAllocationThatIsOnlyComingAbout) {
  make();
  client_->set_transport(now_, kPath);
  std::array<std::byte, 2048> buffer;
  auto transmit = client_->poll_transmit(now_, buffer);
  auto challenge = relay_.handle(now_, Bytes(buffer).first(transmit->size));
  ASSERT_TRUE(client_->handle_input(now_, {.path = kPath, .data = *challenge}));
  client_->close(now_);
  EXPECT_EQ(client_->state(), Client::State::kClosing);
  run();
  EXPECT_EQ(relay_.deletions(), 1U);
  EXPECT_FALSE(relay_.allocation);
  EXPECT_EQ(events<Closed>().size(), 1U);
}

TEST_F(TurnClient, ClosedClientStaysClosed) {
  make();
  client_->close(now_);
  run();
  EXPECT_EQ(events<Closed>().size(), 1U) << "nothing to delete";
  client_->set_transport(now_, kPath);
  client_->clear_transport(now_);
  client_->restart(now_);
  client_->close(now_);
  run();
  EXPECT_EQ(sent_, 0U);
  EXPECT_EQ(events<Closed>().size(), 1U);
}

// RFC 8656 §7.3: what a client is not prepared to handle it deletes.
TEST_F(TurnClient, UnusableAllocationsAreDeletedAndNotAskedForAgain) {
  const auto ipv6 = Endpoint{IpAddress::parse("2001:db8::5").value(), 50000};
  const std::vector<testing::Relay::Fill> answers = {
      [](stun::Builder& builder) { builder.lifetime(600s); },
      [&](stun::Builder& builder) {
        builder.xor_address(stun::Attribute::kXorRelayedAddress, ipv6)
            .xor_address(stun::Attribute::kXorMappedAddress, kAlice)
            .lifetime(600s);
      },
      [](stun::Builder& builder) { builder.xor_address(stun::Attribute::kXorRelayedAddress, kBob).lifetime(600s); },
      [](stun::Builder& builder) {
        builder.xor_address(stun::Attribute::kXorRelayedAddress, kBob)
            .xor_address(stun::Attribute::kXorMappedAddress, kAlice);
      },
  };
  for (const auto& answer : answers) {
    clear();
    relay_.allocation.reset();
    relay_.answers[stun::Method::kAllocate] = answer;
    make();
    client_->set_transport(now_, kPath);
    run();
    ASSERT_EQ(events<Failed>().size(), 1U);
    EXPECT_EQ(events<Failed>()[0].reason, Reason::kBadAnswer);
    EXPECT_EQ(events<Failed>()[0].retry, kNever);
    EXPECT_EQ(relay_.deletions(), 1U);
    EXPECT_EQ(client_->next_timeout(), kNever);
  }
}

TEST_F(TurnClient, BindingIsKeptAliveOverUdpWhileNothingElseIsSent) {
  make_ready();
  sent_ = 0;
  pass(14s);
  EXPECT_EQ(sent_, 0U);
  pass(1s);
  ASSERT_EQ(sent_, 1U);
  const auto message = stun::Message::parse(last_sent_);
  EXPECT_TRUE(message->is(stun::Class::kIndication, stun::Method::kBinding));
  EXPECT_TRUE(message->has_fingerprint());
  ASSERT_TRUE(client_->permit(now_, kAlice.address));
  run();
  sent_ = 0;
  for (int i = 0; i < 10; ++i) {
    pass(10s);
    EXPECT_TRUE(send(kAlice, "traffic"));
  }
  EXPECT_EQ(sent_, 0U) << "traffic keeps it alive too";
}

TEST_F(TurnClient, StreamsAreNotKeptAliveByBindings) {
  make_ready({.transport = Transport::kWebSocket});
  sent_ = 0;
  pass(5min);
  EXPECT_EQ(sent_, 0U);
}

TEST_F(TurnClient, RequestThatTheCallersBufferIsTooSmallForIsACountedDrop) {
  make();
  client_->set_transport(now_, kPath);
  std::array<std::byte, 16> small;
  EXPECT_FALSE(client_->poll_transmit(now_, small));
  EXPECT_EQ(client_->counters().oversized, 1U);
}

TEST_F(TurnClient, NameThatFitsNoRequestIsRefused) {
  make();
  client_->set_credentials(now_, {.username = std::string(600, 'x'), .password = SecretText("secret")});
  client_->set_transport(now_, kPath);
  run();
  ASSERT_EQ(events<Failed>().size(), 1U);
  EXPECT_EQ(events<Failed>()[0].retry, kNever);
}

TEST_F(TurnClient, EveryReasonHasAText) {
  for (int reason = 0; reason <= static_cast<int>(Reason::kServerError); ++reason) {
    EXPECT_STRNE(to_string(static_cast<Reason>(reason)), "unknown reason");
  }
  for (int error = 0; error <= static_cast<int>(Error::kTooMany); ++error) {
    EXPECT_STRNE(to_string(static_cast<Error>(error)), "unknown error");
  }
}

}  // namespace
}  // namespace bamgate::turn
