// The life of an allocation: made, kept, lost, made again, deleted.
#include <gtest/gtest.h>

#include "turn/client_fixture.h"

namespace bamgate::turn {
namespace {

static_assert(SansIo<Client>);

TEST_F(TurnClient, WantsATransportAndThenAllocatesAfterOneChallenge) {
  make();
  run();
  ASSERT_EQ(events<TransportWanted>().size(), 1U);
  EXPECT_EQ(events<TransportWanted>()[0].server, kServer);
  EXPECT_EQ(sent_, 0U);
  client_->set_transport(now_, kPath);
  run();
  ASSERT_EQ(relay_.count(stun::Method::kAllocate), 2U) << "one without credentials, one with";
  EXPECT_FALSE(relay_.seen[0].is_signed);
  ASSERT_EQ(events<Allocated>().size(), 1U);
  const Allocated allocated = events<Allocated>()[0];
  EXPECT_EQ(allocated.relayed4, relay_.relayed[0]);
  EXPECT_FALSE(allocated.relayed6);
  EXPECT_EQ(allocated.mapped, relay_.mapped);
  EXPECT_EQ(allocated.lifetime, 600s);
  EXPECT_EQ(client_->relayed_for(kAlice.address), relay_.relayed[0]);
  EXPECT_FALSE(client_->relayed_for(kCarol6.address));
}

TEST_F(TurnClient, AllocateAsksForUdpAndNamesNoFamilyForIPv4) {
  make_ready();
  const auto request = stun::Message::parse(relay_.seen[0].bytes);
  EXPECT_EQ(request->requested_transport(), kTransportUdp);
  EXPECT_FALSE(request->has(stun::Attribute::kRequestedAddressFamily));
  EXPECT_FALSE(request->has(stun::Attribute::kAdditionalAddressFamily));
}

TEST_F(TurnClient, IPv6IsAskedForByName) {
  relay_.relayed = {{IpAddress::parse("2001:db8::5").value(), 50000}};
  make_ready({.families = Families::kV6});
  const auto request = stun::Message::parse(relay_.seen[0].bytes);
  EXPECT_EQ(request->family(stun::Attribute::kRequestedAddressFamily), Family::kV6);
  EXPECT_EQ(client_->relayed_for(kCarol6.address), relay_.relayed[0]);
}

TEST_F(TurnClient, BothFamiliesComeInOneAllocation) {
  relay_.relayed.push_back({IpAddress::parse("2001:db8::5").value(), 50000});
  make_ready({.families = Families::kBoth});
  const auto request = stun::Message::parse(relay_.seen[0].bytes);
  EXPECT_EQ(request->family(stun::Attribute::kAdditionalAddressFamily), Family::kV6);
  EXPECT_FALSE(request->has(stun::Attribute::kRequestedAddressFamily));
  EXPECT_EQ(events<Allocated>()[0].relayed4, relay_.relayed[0]);
  EXPECT_EQ(events<Allocated>()[0].relayed6, relay_.relayed[1]);
  EXPECT_FALSE(events<Allocated>()[0].missing_code);
}

TEST_F(TurnClient, OneOfTwoFamiliesIsEnoughAndTheRelaySaysWhy) {
  relay_.missing = 440;
  make_ready({.families = Families::kBoth});
  EXPECT_TRUE(events<Allocated>()[0].relayed4);
  EXPECT_FALSE(events<Allocated>()[0].relayed6);
  EXPECT_EQ(events<Allocated>()[0].missing_code, 440);
}

TEST_F(TurnClient, AllocationIsRefreshedAMinuteBeforeItsEndForADay) {
  make_ready();
  clear();
  pass(24h);
  EXPECT_EQ(client_->state(), Client::State::kReady);
  EXPECT_TRUE(events<Lost>().empty());
  EXPECT_EQ(relay_.count(stun::Method::kRefresh), 160U) << "one each 540 s";
  EXPECT_EQ(relay_.seen[0].at, Instant{1h} + 540s);
  EXPECT_TRUE(relay_.seen[0].is_signed);
}

TEST_F(TurnClient, ShortLifetimesAreRefreshedAtHalfTime) {
  relay_.lifetime = 60s;
  make_ready();
  clear();
  pass(31s);
  ASSERT_EQ(relay_.count(stun::Method::kRefresh), 1U);
  EXPECT_EQ(relay_.seen[0].at, Instant{1h} + 30s);
}

TEST_F(TurnClient, RequestsAreRepeatedOverUdpAndGivenUpAfter39AndAHalfSeconds) {
  relay_.silent = true;
  make();
  client_->set_transport(now_, kPath);
  run();
  pass(39s);
  EXPECT_EQ(sent_, 7U);
  EXPECT_TRUE(events<Failed>().empty());
  pass(500ms);
  ASSERT_EQ(events<Failed>().size(), 1U);
  EXPECT_EQ(events<Failed>()[0].reason, Reason::kNoAnswer);
  EXPECT_LE(events<Failed>()[0].retry, now_ + 1s);
}

TEST_F(TurnClient, RequestsAreSentOnceOverAStreamWhichIsGivenUpWithThem) {
  relay_.silent = true;
  make({.transport = Transport::kStream});
  client_->set_transport(now_, kPath);
  run();
  pass(39s);
  EXPECT_EQ(sent_, 1U);
  pass(500ms);
  ASSERT_EQ(events<Failed>().size(), 1U);
  pass(2s);
  EXPECT_EQ(events<TransportWanted>().size(), 2U) << "another connection";
  EXPECT_EQ(sent_, 1U);
}

TEST_F(TurnClient, WaitsBetweenFailuresGrowToFiveMinutesAndNoFurther) {
  relay_.silent = true;
  make();
  client_->set_transport(now_, kPath);
  run();
  pass(24h);
  const auto failures = events<Failed>();
  ASSERT_GT(failures.size(), 200U);
  ASSERT_LT(failures.size(), 600U);
  EXPECT_EQ(client_->state() == Client::State::kAllocating || client_->state() == Client::State::kResting, true);
}

TEST_F(TurnClient, StaleNonceCostsOneRoundTripOnEachKindOfRequest) {
  make_ready();
  relay_.nonce = "nonce-2";
  ASSERT_TRUE(client_->permit(now_, kAlice.address));
  run();
  EXPECT_EQ(events<PermissionInstalled>().size(), 1U);
  relay_.nonce = "nonce-3";
  ASSERT_TRUE(client_->bind(now_, kAlice));
  run();
  EXPECT_EQ(events<ChannelBound>().size(), 1U);
  relay_.nonce = "nonce-4";
  client_->check(now_);
  run();
  EXPECT_EQ(relay_.count(stun::Method::kRefresh), 2U);
  relay_.nonce = "nonce-5";
  client_->close(now_);
  run();
  EXPECT_EQ(events<Closed>().size(), 1U);
  EXPECT_FALSE(relay_.allocation);
  EXPECT_TRUE(events<Lost>().empty());
  EXPECT_EQ(client_->counters().challenges, 5U);
}

TEST_F(TurnClient, WrongPasswordIsSaidOnceAndNotTriedAgainWithoutAnotherOne) {
  relay_.password = "other";
  make();
  client_->set_transport(now_, kPath);
  run();
  pass(24h);
  EXPECT_EQ(relay_.count(stun::Method::kAllocate), 2U);
  ASSERT_EQ(events<Failed>().size(), 1U);
  EXPECT_EQ(events<Failed>()[0].reason, Reason::kBadCredentials);
  EXPECT_EQ(events<Failed>()[0].code, 401);
  EXPECT_EQ(events<Failed>()[0].retry, kNever);
  EXPECT_EQ(client_->next_timeout(), kNever);
  client_->set_credentials(now_, credentials("other"));
  run();
  EXPECT_EQ(client_->state(), Client::State::kReady);
}

TEST_F(TurnClient, ServerThatAlwaysAsksInAnotherRealmIsNotFollowedForever) {
  make();
  client_->set_transport(now_, kPath);
  for (int i = 0; i < 50; ++i) {
    std::array<std::byte, 2048> buffer;
    const auto transmit = client_->poll_transmit(now_, buffer);
    if (!transmit) break;
    relay_.realm = "realm-" + std::to_string(i);
    auto answer = relay_.handle(now_, Bytes(buffer).first(transmit->size));
    (void)client_->handle_input(now_, {.path = transmit->path, .data = *answer});
  }
  run();
  EXPECT_LE(relay_.seen.size(), 5U);
  ASSERT_EQ(events<Failed>().size(), 1U);
  EXPECT_EQ(events<Failed>()[0].reason, Reason::kBadCredentials);
}

// What each error means for the attempt (RFC 8656 §7.4).
struct ErrorCase {
  std::uint16_t code;
  Reason reason;
  Duration rest;  // at least so long; max(): for good
};
class TurnClientError : public TurnClientTest, public ::testing::WithParamInterface<ErrorCase> {};

TEST_P(TurnClientError, EndsTheAttemptWithItsReasonAndItsRest) {
  const ErrorCase& wanted = GetParam();
  relay_.errors[stun::Method::kAllocate] = {wanted.code};
  make();
  client_->set_transport(now_, kPath);
  run();
  ASSERT_EQ(events<Failed>().size(), 1U);
  const Failed failed = events<Failed>()[0];
  EXPECT_EQ(failed.reason, wanted.reason);
  EXPECT_EQ(failed.code, wanted.code);
  EXPECT_FALSE(relay_.allocation);
  if (wanted.rest == Duration::max()) {
    EXPECT_EQ(failed.retry, kNever);
    pass(24h);
    EXPECT_EQ(relay_.count(stun::Method::kAllocate), 2U) << "never again by itself";
    client_->restart(now_);
    run();
    EXPECT_EQ(client_->state(), Client::State::kReady) << "but when a person wants it";
    return;
  }
  EXPECT_GE(failed.retry, now_ + wanted.rest);
  EXPECT_LE(failed.retry, now_ + wanted.rest + 2s);
  pass(wanted.rest + 2s);
  EXPECT_EQ(client_->state(), Client::State::kReady);
  EXPECT_EQ(events<Failed>().size(), 1U);
}

INSTANTIATE_TEST_SUITE_P(
    All, TurnClientError,
    ::testing::Values(ErrorCase{300, Reason::kRedirected, 60s}, ErrorCase{400, Reason::kBadRequest, Duration::max()},
                      ErrorCase{403, Reason::kForbidden, Duration::max()},
                      ErrorCase{420, Reason::kBadRequest, Duration::max()},
                      ErrorCase{440, Reason::kFamily, Duration::max()},
                      ErrorCase{442, Reason::kTransport, Duration::max()}, ErrorCase{486, Reason::kQuota, 60s},
                      ErrorCase{500, Reason::kServerError, 500ms}, ErrorCase{508, Reason::kCapacity, 60s},
                      ErrorCase{477, Reason::kServerError, Duration::max()}),
    [](const auto& error) { return std::to_string(error.param.code); });

TEST_F(TurnClient, WrongCredentialsToAllocateAreLikeAWrongPassword) {
  relay_.errors[stun::Method::kAllocate] = {441};
  make();
  client_->set_transport(now_, kPath);
  run();
  ASSERT_EQ(events<Failed>().size(), 1U);
  EXPECT_EQ(events<Failed>()[0].reason, Reason::kBadCredentials);
}

TEST_F(TurnClient, OwnAllocationOfBeforeIsDeletedAndReplaced) {
  relay_.allocation.emplace().expires = now_ + 1h;
  make();
  client_->set_transport(now_, kPath);
  run();
  EXPECT_EQ(client_->state(), Client::State::kReady);
  EXPECT_EQ(relay_.deletions(), 1U);
  EXPECT_TRUE(events<Failed>().empty());
}

TEST_F(TurnClient, MismatchThatDoesNotEndIsLeftAloneForTwoMinutes) {
  relay_.errors[stun::Method::kAllocate] = {437, 437, 437};
  make();
  client_->set_transport(now_, kPath);
  run();
  ASSERT_EQ(events<Failed>().size(), 1U);
  EXPECT_EQ(events<Failed>()[0].reason, Reason::kMismatch);
  EXPECT_GE(events<Failed>()[0].retry, now_ + 120s);
  EXPECT_EQ(relay_.deletions(), 2U);
  pass(122s);
  EXPECT_EQ(client_->state(), Client::State::kReady);
}

TEST_F(TurnClient, AllocationOfSomebodyElseIsNotFoughtFor) {
  relay_.errors[stun::Method::kAllocate] = {437};
  relay_.errors[stun::Method::kRefresh] = {441};
  make();
  client_->set_transport(now_, kPath);
  run();
  ASSERT_EQ(events<Failed>().size(), 1U);
  EXPECT_EQ(events<Failed>()[0].reason, Reason::kMismatch);
  EXPECT_GE(events<Failed>()[0].retry, now_ + 120s);
}

TEST_F(TurnClient, MismatchOverAStreamIsTriedOnTwoMoreConnections) {
  relay_.errors[stun::Method::kAllocate] = {437, 437, 437};
  make({.transport = Transport::kStream});
  for (std::size_t connection = 1; connection <= 3; ++connection) {
    client_->set_transport(now_, kPath);
    run();
    if (connection == 3) break;
    EXPECT_EQ(events<TransportWanted>().size(), connection + 1);
    EXPECT_TRUE(events<Failed>().empty());
  }
  ASSERT_EQ(events<Failed>().size(), 1U);
  EXPECT_EQ(events<Failed>()[0].reason, Reason::kMismatch);
  EXPECT_EQ(relay_.deletions(), 0U);
}

TEST_F(TurnClient, TryAlternateLeadsToTheOtherServerOverUdp) {
  constexpr Endpoint other{IpAddress::v4(203, 0, 113, 2), 3479};
  relay_.errors[stun::Method::kAllocate] = {300};
  relay_.decorate = [&](stun::Builder& builder) { builder.address(stun::Attribute::kAlternateServer, other); };
  make_ready();
  ASSERT_EQ(events<Redirected>().size(), 1U);
  EXPECT_EQ(events<Redirected>()[0].server, other);
  EXPECT_EQ(client_->transport().remote, other);
  EXPECT_EQ(client_->handle_input(now_, {.path = kPath, .data = {}}).error(), Error::kOtherSource);
}

TEST_F(TurnClient, TryAlternateOverAStreamAsksForAnotherConnection) {
  constexpr Endpoint other{IpAddress::v4(203, 0, 113, 2), 3479};
  relay_.errors[stun::Method::kAllocate] = {300};
  relay_.decorate = [&](stun::Builder& builder) {
    builder.address(stun::Attribute::kAlternateServer, other).text(stun::Attribute::kAlternateDomain, "two.example");
  };
  make({.transport = Transport::kStream});
  client_->set_transport(now_, kPath);
  run();
  ASSERT_EQ(events<TransportWanted>().size(), 2U);
  EXPECT_EQ(events<TransportWanted>()[1].server, other);
  EXPECT_TRUE(events<TransportWanted>()[1].alternate);
  EXPECT_EQ(events<TransportWanted>()[1].domain, "two.example");
  client_->set_transport(now_, {.local = {}, .remote = other, .relay = {}});
  run();
  EXPECT_EQ(client_->state(), Client::State::kReady);
}

TEST_F(TurnClient, UnsignedTryAlternateLeadsNowhere) {
  constexpr Endpoint other{IpAddress::v4(203, 0, 113, 2), 3479};
  relay_.errors[stun::Method::kAllocate] = {300};
  relay_.decorate = [&](stun::Builder& builder) { builder.address(stun::Attribute::kAlternateServer, other); };
  relay_.unsigned_errors = true;
  make();
  client_->set_transport(now_, kPath);
  run();
  EXPECT_TRUE(events<Redirected>().empty());
  EXPECT_EQ(client_->counters().forged, 1U);
  relay_.unsigned_errors = false;
  pass(1s);
  EXPECT_EQ(client_->state(), Client::State::kReady) << "the repeated request is answered";
  EXPECT_EQ(client_->transport().remote, kServer);
}

TEST_F(TurnClient, RelayThatForgetsUsCostsOneNewAllocation) {
  make_ready();
  ASSERT_TRUE(client_->bind(now_, kAlice));
  run();
  pass(2min);
  relay_.restart();
  clear();
  pass(3min);
  ASSERT_EQ(events<Lost>().size(), 1U);
  EXPECT_EQ(events<Lost>()[0].reason, Reason::kForgotten);
  EXPECT_EQ(events<Allocated>().size(), 1U);
  EXPECT_TRUE(relay_.allocation->permissions.contains(kAlice.address)) << "what was wanted is asked for again";
  EXPECT_EQ(events<ChannelBound>().size(), 1U);
  EXPECT_EQ(send(kAlice, "again")->first, kAlice);
  clear();
  pass(1h);
  EXPECT_TRUE(events<Lost>().empty());
}

TEST_F(TurnClient, CheckFindsOutAtOnceThatTheRelayForgotUs) {
  make_ready();
  pass(61s);
  relay_.restart();
  clear();
  client_->check(now_);
  run();
  EXPECT_EQ(events<Lost>().size(), 1U);
  EXPECT_EQ(events<Allocated>().size(), 1U);
}

TEST_F(TurnClient, RefusedSignatureOnARefreshMeansAnotherServerBehindTheSameAddress) {
  make_ready();
  pass(61s);
  relay_.allocation.reset();
  relay_.errors[stun::Method::kRefresh] = {401};
  client_->check(now_);
  run();
  ASSERT_EQ(events<Lost>().size(), 1U);
  EXPECT_EQ(events<Lost>()[0].reason, Reason::kForgotten);
  EXPECT_EQ(client_->state(), Client::State::kReady);
}

TEST_F(TurnClient, AllocationsThatAreLostAgainAndAgainAreNotALoop) {
  make_ready();
  clear();
  for (int i = 0; i < 600; ++i) {
    relay_.allocation.reset();
    client_->check(now_);
    run();
    pass(1s);
  }
  EXPECT_LT(events<Lost>().size(), 30U) << "in ten minutes";
  EXPECT_GE(events<Lost>()[1].retry, events<Lost>()[0].retry);
}

TEST_F(TurnClient, SilentRelayIsLostWhenItsRefreshFailsAndTriedAgain) {
  make_ready();
  relay_.silent = true;
  pass(540s + 40s);
  ASSERT_EQ(events<Lost>().size(), 1U);
  EXPECT_EQ(events<Lost>()[0].reason, Reason::kNoAnswer);
  EXPECT_FALSE(client_->relayed_for(kAlice.address));
  relay_.silent = false;
  relay_.restart();
  pass(60s);
  EXPECT_EQ(client_->state(), Client::State::kReady);
}

TEST_F(TurnClient, RefreshThatFailsInPassingIsRepeatedUntilTheEnd) {
  make_ready();
  relay_.errors[stun::Method::kRefresh] = {500, 508, 400};
  pass(1h);
  EXPECT_TRUE(events<Lost>().empty());
  EXPECT_EQ(client_->state(), Client::State::kReady);
}

TEST_F(TurnClient, AllocationThatNobodyRefreshesExpires) {
  make_ready();
  for (int i = 0; i < 100; ++i) relay_.errors[stun::Method::kRefresh].push_back(500);
  pass(601s);
  ASSERT_EQ(events<Lost>().size(), 1U);
  EXPECT_EQ(events<Lost>()[0].reason, Reason::kExpired);
}

TEST_F(TurnClient, AnswerWithoutOurPasswordOverAStreamCostsTheConnection) {
  make_ready({.transport = Transport::kWebSocket});
  pass(61s);
  clear();
  relay_.restart();
  relay_.nonce = "nonce-1";
  relay_.errors[stun::Method::kRefresh] = {437};
  relay_.unsigned_errors = true;
  client_->check(now_);
  run();
  ASSERT_EQ(events<Lost>().size(), 1U);
  EXPECT_EQ(events<Lost>()[0].reason, Reason::kForged);
  ASSERT_EQ(events<TransportWanted>().size(), 1U);
  client_->set_transport(now_, kPath);
  run();
  EXPECT_EQ(client_->state(), Client::State::kReady);
}

TEST_F(TurnClient, ClosedStreamCostsOneNewConnectionAndAllocation) {
  make_ready({.transport = Transport::kStream});
  pass(61s);
  clear();
  relay_.allocation.reset();
  client_->clear_transport(now_);
  run();
  ASSERT_EQ(events<Lost>().size(), 1U);
  EXPECT_EQ(events<Lost>()[0].reason, Reason::kConnectionClosed);
  ASSERT_EQ(events<TransportWanted>().size(), 1U);
  client_->set_transport(now_, kPath);
  run();
  EXPECT_EQ(client_->state(), Client::State::kReady);
}

TEST_F(TurnClient, ConnectionsThatFailAreTriedWithGrowingWaits) {
  make({.transport = Transport::kWebSocket});
  run();
  for (int i = 0; i < 20; ++i) {
    client_->clear_transport(now_);
    run();
    ASSERT_EQ(events<Failed>().size(), static_cast<std::size_t>(i) + 1);
    EXPECT_EQ(events<Failed>().back().reason, Reason::kUnreachable);
    pass(events<Failed>().back().retry - now_);
    ASSERT_EQ(events<TransportWanted>().size(), static_cast<std::size_t>(i) + 2);
  }
  EXPECT_GE(now_ - Instant{1h}, 30min);
}

TEST_F(TurnClient, MovingToAnotherSocketMakesANewAllocationAtOnceHoweverOften) {
  make_ready();
  for (std::uint32_t socket = 2; socket < 12; ++socket) {
    relay_.allocation.reset();  // the relay sees another client address
    const Path path{.local = SocketId{socket}, .remote = kServer, .relay = {}};
    client_->set_transport(now_, path);
    run();
    EXPECT_EQ(client_->state(), Client::State::kReady);
    EXPECT_EQ(client_->transport(), path);
    EXPECT_EQ(events<Lost>().back().reason, Reason::kMoved);
    now_ += 100ms;
  }
}

TEST_F(TurnClient, RestAfterAQuotaIsKeptOnAnotherSocketToo) {
  relay_.errors[stun::Method::kAllocate] = {486};
  make();
  client_->set_transport(now_, kPath);
  run();
  clear();
  client_->set_transport(now_, {.local = SocketId{2}, .remote = kServer, .relay = {}});
  run();
  EXPECT_TRUE(relay_.seen.empty());
  pass(62s);
  EXPECT_EQ(client_->state(), Client::State::kReady);
}

TEST_F(TurnClient, NewCredentialsAreForTheNextAllocation) {
  make_ready();
  pass(61s);
  client_->set_credentials(now_, credentials("renewed"));
  client_->check(now_);
  run();
  EXPECT_TRUE(events<Lost>().empty()) << "an allocation belongs to the name that it was made with";
  relay_.restart();
  relay_.password = "renewed";
  client_->check(now_);
  run();
  EXPECT_EQ(events<Lost>().size(), 1U);
  EXPECT_EQ(client_->state(), Client::State::kReady);
}

}  // namespace
}  // namespace bamgate::turn
