// What happens after the connection: consent, idleness, cuts, the end.
#include <gtest/gtest.h>

#include "virtual_network.h"

namespace bamgate::ice {
namespace {

using namespace std::chrono_literals;
using bamgate::testing::Filtering;
using bamgate::testing::Mapping;
using bamgate::testing::Network;
using bamgate::testing::Peer;

/// Two hosts behind port-restricted NATs, connected.
class IceConsentOnPath : public ::testing::Test {
 protected:
  IceConsentOnPath()
      : a(net.add_peer("a", options(Role::kControlling))), b(net.add_peer("b", options(Role::kControlled))) {
    net.add_stun_server("192.0.2.53:3478");
    a.nat = &net.add_nat("203.0.113.1", Mapping::kEndpointIndependent, Filtering::kAddressAndPortDependent);
    b.nat = &net.add_nat("203.0.113.2", Mapping::kEndpointIndependent, Filtering::kAddressAndPortDependent);
    net.add_socket(a, "192.168.1.2:40000");
    net.add_socket(b, "192.168.7.3:41000");
    net.signal();
    EXPECT_TRUE(net.run_until([&] { return net.connected(); }, 5s));
    net.run_for(1s);
  }
  static StartOptions options(Role role) {
    StartOptions result;
    result.role = role;
    result.stun_servers = {*Endpoint::parse("192.0.2.53:3478")};
    return result;
  }
  Network net;
  Peer& a;
  Peer& b;
};

TEST_F(IceConsentOnPath, ADayOfIdlenessKeepsConsentAlive) {
  const auto before = a.agent->counters();
  net.run_for(24h);
  EXPECT_TRUE(net.connected());
  EXPECT_TRUE(a.agent->may_send(net.now));
  EXPECT_TRUE(b.agent->may_send(net.now));
  const auto sent = a.agent->counters().consent_sent - before.consent_sent;
  EXPECT_GT(sent, 24U * 3600 / 6);
  EXPECT_LT(sent, 24U * 3600 / 4);
  EXPECT_EQ(a.agent->counters().checks_sent, before.checks_sent) << "an idle agent checks nothing else";
  EXPECT_EQ(a.selections.size(), 1U);
}

TEST_F(IceConsentOnPath, ASilentNetworkEndsConsentAfter30SecondsAndNothingIsSentThen) {
  const Instant cut = net.now;
  net.blackhole = [](const Peer&, const Path&) { return true; };
  net.run_for(23s);
  EXPECT_TRUE(a.agent->may_send(net.now));
  EXPECT_GE(a.agent->unanswered_consent_checks(), 3U);
  net.run_for(8s);
  EXPECT_EQ(a.agent->state(), State::kDisconnected);
  EXPECT_EQ(b.agent->state(), State::kDisconnected);
  EXPECT_FALSE(a.agent->may_send(net.now));
  EXPECT_FALSE(a.agent->selected_path());
  EXPECT_TRUE(a.agent->selected()) << "status still tells what it was";
  EXPECT_LT(a.last_sent, cut + 30s);
  const auto datagrams = a.datagrams_sent;
  net.blackhole = nullptr;
  net.run_for(10min);
  EXPECT_EQ(a.datagrams_sent, datagrams);
  EXPECT_EQ(a.agent->next_timeout(), kNever);
}

TEST_F(IceConsentOnPath, MaySendIsFalseAtTheInstantOfExpiryEvenBeforeTheTimerRuns) {
  const Instant heard = *a.agent->last_heard();
  EXPECT_TRUE(a.agent->may_send(heard + 29'999ms));
  EXPECT_FALSE(a.agent->may_send(heard + 30s));
}

TEST_F(IceConsentOnPath, AnOutageOf20SecondsIsSurvived) {
  net.blackhole = [](const Peer&, const Path&) { return true; };
  net.run_for(20s);
  net.blackhole = nullptr;
  net.run_for(60s);
  EXPECT_TRUE(net.connected());
  EXPECT_LE(a.agent->unanswered_consent_checks(), 1U);  // one may be in flight
}

TEST_F(IceConsentOnPath, LossDoesNotEndConsent) {
  net.loss_percent = 5;
  net.run_for(1h);
  EXPECT_TRUE(net.connected());
}

TEST_F(IceConsentOnPath, DataFromThePeerExcusesLostChecksButGivesNoConsent) {
  // Everything that a sends is lost, while b's data still arrives.
  net.blackhole = [&](const Peer& from, const Path&) { return &from == &a; };
  const Path path = *a.agent->selected_path();
  for (int second = 0; second < 40; ++second) {
    a.agent->note_authenticated(net.now, path);
    EXPECT_EQ(a.agent->unanswered_consent_checks(), 0U);
    net.run_for(1s);
  }
  EXPECT_EQ(a.agent->state(), State::kDisconnected);
}

TEST_F(IceConsentOnPath, DataOnAnotherPathIsNoSignOfLife) {
  const auto heard = a.agent->last_heard();
  a.agent->note_authenticated(net.now + 1s, {static_cast<SocketId>(1), *Endpoint::parse("198.51.100.99:1"), {}});
  EXPECT_EQ(a.agent->last_heard(), heard);
}

TEST_F(IceConsentOnPath, RoundTripIsMeasured) {
  net.run_for(60s);
  ASSERT_TRUE(a.agent->rtt());
  EXPECT_EQ(*a.agent->rtt(), 40ms);
  net.delay = 100ms;
  net.run_for(10min);
  EXPECT_GT(*a.agent->rtt(), 195ms);
}

TEST_F(IceConsentOnPath, AClosedAgentIsSilent) {
  a.agent->close(net.now);
  net.run_for(10s);
  const auto datagrams = a.datagrams_sent;
  net.run_for(1min);
  EXPECT_EQ(a.datagrams_sent, datagrams) << "not even checks of the peer are answered";
  EXPECT_EQ(a.states.back(), State::kClosed);
  EXPECT_EQ(b.agent->state(), State::kDisconnected);
  EXPECT_EQ(a.agent->add_remote_candidate(net.now, {}).error(), Error::kClosed);
}

}  // namespace
}  // namespace bamgate::ice
