// The network changes under a live agent: a local address goes away.
#include "agent_alone.h"

namespace bamgate::ice {
namespace {

class IceRemoval : public IceAgentAlone {
 protected:
  void start_with_two_sockets(StartOptions options = {}) {
    start_with_host(std::move(options));
    agent->add_local_address(now, kOther, *Endpoint::parse("192.0.2.20:8000"));
  }
  void connect() {
    start_with_two_sockets();
    ASSERT_TRUE(agent->add_remote_candidate(now, host("198.51.100.1:100")));
    agent->set_remote_credentials(now, remote);
    const auto sent = first_request(drain());
    ASSERT_TRUE(sent);
    ASSERT_EQ(sent->path.local, kSocket);
    ASSERT_TRUE(receive(sent->path, answer(*sent)));
    ASSERT_EQ(agent->state(), State::kConnected);
  }
};

TEST_F(IceRemoval, WithoutItsSelectedPathTheAgentIsDisconnectedAtOnceAndSilent) {
  connect();
  agent->remove_local_address(now, kSocket);
  EXPECT_EQ(agent->state(), State::kDisconnected);
  EXPECT_FALSE(agent->may_send(now));
  EXPECT_FALSE(agent->selected_path());
  EXPECT_TRUE(run_for(1min).empty());
  EXPECT_EQ(agent->next_timeout(), kNever);
  EXPECT_EQ(std::get<StateChanged>(events.back()).state, State::kDisconnected);
}

TEST_F(IceRemoval, AnotherSocketsEndLeavesTheSelectedPathAlone) {
  connect();
  agent->remove_local_address(now, kOther);
  EXPECT_EQ(agent->state(), State::kConnected);
  EXPECT_TRUE(agent->may_send(now));
  EXPECT_EQ(receive({kOther, *Endpoint::parse("198.51.100.1:100"), RelayId::kNone}, check()).error(),
            Error::kUnknownPath);
}

TEST_F(IceRemoval, NothingLeavesFromARemovedSocketAndItsAnswersNoLongerCount) {
  start_with_two_sockets();
  ASSERT_TRUE(agent->add_remote_candidate(now, host("198.51.100.1:100")));
  agent->set_remote_credentials(now, remote);
  const auto sent = run_for(100ms);
  ASSERT_EQ(sent.size(), 2U) << "one check from each socket";
  ASSERT_EQ(sent[0].path.local, kSocket);
  ASSERT_TRUE(receive(sent[0].path, check()));  // its answer and a triggered check wait in the queue
  agent->remove_local_address(now, kSocket);
  EXPECT_EQ(agent->pair_count(), 1U);
  EXPECT_EQ(receive(sent[0].path, answer(sent[0])).error(), Error::kNoTransaction);
  for (const Sent& later : run_for(30s)) EXPECT_EQ(later.path.local, kOther);
  ASSERT_TRUE(receive(sent[1].path, answer(sent[1], "192.0.2.20:8000")));
  EXPECT_EQ(agent->state(), State::kConnected);
}

TEST_F(IceRemoval, GatheringNoLongerWaitsForARemovedSocket) {
  StartOptions options;
  options.stun_servers = {*Endpoint::parse("198.51.100.1:3478")};
  start_with_host(options);
  agent->set_local_addresses_complete(now);
  ASSERT_EQ(drain().size(), 1U);
  EXPECT_EQ(count_events<GatheringComplete>(), 0U);
  agent->remove_local_address(now, kSocket);
  EXPECT_TRUE(run_for(20s).empty());
  EXPECT_EQ(count_events<GatheringComplete>(), 1U);
}

TEST_F(IceRemoval, AnAddressMayComeBackOnAnotherSocketWhileGatheringGoesOn) {
  start_with_two_sockets();
  ASSERT_TRUE(agent->add_remote_candidate(now, host("198.51.100.1:100")));
  agent->remove_local_address(now, kSocket);
  agent->add_local_address(now, static_cast<SocketId>(7), *Endpoint::parse("192.0.2.10:7000"));
  drain();
  ASSERT_EQ(count_events<LocalCandidate>(), 3U);
  const auto priority = [&](std::size_t i) { return std::get<LocalCandidate>(events[i]).candidate.priority; };
  EXPECT_NE(priority(2), priority(1)) << "each living address has a preference of its own";
  EXPECT_EQ(agent->pair_count(), 2U);
  agent->set_remote_credentials(now, remote);
  const auto sent = run_for(100ms);
  ASSERT_EQ(sent.size(), 2U);
  EXPECT_EQ(sent[1].path.local, static_cast<SocketId>(7));
}

TEST_F(IceRemoval, WithoutAnyAddressLeftTheAgentFailsWhenPatienceEndsAndNotEarlier) {
  start_with_host();
  ASSERT_TRUE(agent->add_remote_candidate(now, host("198.51.100.1:100")));
  agent->set_local_addresses_complete(now);
  agent->set_remote_credentials(now, remote);
  agent->remove_local_address(now, kSocket);
  run_for(39'499ms);
  EXPECT_EQ(agent->state(), State::kChecking);
  run_for(1ms);
  EXPECT_EQ(agent->state(), State::kFailed);
}

TEST_F(IceRemoval, EarlyChecksOnARemovedSocketAreForgotten) {
  start_with_two_sockets();
  ASSERT_TRUE(receive(from("198.51.100.1:100"), check()));
  agent->remove_local_address(now, kSocket);
  agent->set_remote_credentials(now, remote);
  EXPECT_EQ(agent->pair_count(), 0U);
}

}  // namespace
}  // namespace bamgate::ice
