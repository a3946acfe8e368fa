// Hostile input in each state of the agent: nothing that strangers send may move it, be answered, or grow without
// bound.
#include "agent_alone.h"

namespace bamgate::ice {
namespace {

class IceHostileInput : public IceAgentAlone, public ::testing::WithParamInterface<State> {
 protected:
  void reach(State state) {
    start_with_host();
    if (state == State::kNew) return;
    if (state == State::kClosed) return agent->close(now);
    ASSERT_TRUE(agent->add_remote_candidate(now, host("198.51.100.1:100")));
    agent->set_remote_credentials(now, remote);
    const auto sent = drain();
    if (state == State::kConnected || state == State::kDisconnected) {
      now += 20ms;
      ASSERT_TRUE(receive(sent.at(0).path, answer(sent.at(0))));
      const auto nomination = first_request(drain());
      ASSERT_TRUE(nomination);
      ASSERT_TRUE(receive(nomination->path, answer(*nomination)));
    }
    if (state == State::kDisconnected) run_for(31s);
    if (state == State::kFailed) run_for(2min);
  }
  std::vector<std::byte> check_with(const Credentials& mine, const Credentials& theirs) {
    const OutgoingCheck out{stun::make_transaction_id(random), Role::kControlled, UINT64_MAX, 1000, true};
    return write_check(crypto, out, mine, theirs);
  }
  /// One datagram that a stranger might send.
  std::vector<std::byte> hostile(std::uint32_t kind) {
    const Credentials& own = agent->local_credentials();
    const Credentials wrong{own.ufrag, std::string(24, 'w')};
    const auto id = stun::make_transaction_id(random);
    const Endpoint mapped = *Endpoint::parse("192.0.2.10:7000");
    switch (kind) {
      case 0:
        return check_with(remote, wrong);
      case 1:
        return check_with(remote, {"elsewhere", own.pwd});
      case 2:
        return write_check_success(crypto, id, mapped, remote);
      case 3:
        return write_check_error(crypto, id, 487, {}, remote);
      case 4: {
        auto bytes = check_with(remote, own);
        bytes.at(random.below(static_cast<std::uint32_t>(bytes.size() - 8))) ^= std::byte{0x10};
        return bytes;
      }
      case 5: {
        auto bytes = check_with(remote, own);
        bytes.resize(random.below(static_cast<std::uint32_t>(bytes.size())));
        return bytes;
      }
      default: {
        std::vector<std::byte> noise(random.below(300));
        random.fill(noise);
        return noise;
      }
    }
  }
};

TEST_P(IceHostileInput, ChangesNothingAndGetsNoAnswer) {
  reach(GetParam());
  ASSERT_EQ(agent->state(), GetParam());
  drain();
  events.clear();
  const Role role = agent->role();
  const auto path = agent->selected_path();
  const auto pairs = agent->pair_count();
  const Instant deadline = agent->next_timeout();
  for (std::uint32_t round = 0; round < 7'000; ++round) {
    EXPECT_FALSE(receive(from("198.51.100.1:" + std::to_string(100 + random.below(3))), hostile(round % 7)));
  }
  EXPECT_TRUE(drain().empty()) << "no stranger gets an answer: nothing to amplify";
  EXPECT_TRUE(events.empty());
  EXPECT_EQ(agent->state(), GetParam());
  EXPECT_EQ(agent->role(), role);
  EXPECT_EQ(agent->selected_path(), path);
  EXPECT_EQ(agent->pair_count(), pairs);
  EXPECT_EQ(agent->next_timeout(), deadline);
}

INSTANTIATE_TEST_SUITE_P(EachState, IceHostileInput,
                         ::testing::Values(State::kNew, State::kChecking, State::kConnected, State::kDisconnected,
                                           State::kFailed, State::kClosed),
                         [](const auto& instance) { return std::string(to_string(instance.param)); });

TEST_F(IceAgentAlone, WrongUserNamesAndPasswordsAreCounted) {
  start_with_host();
  agent->set_remote_credentials(now, remote);
  const OutgoingCheck out{stun::make_transaction_id(random), Role::kControlled, 1, 1000, false};
  const Credentials& own = agent->local_credentials();
  EXPECT_EQ(receive(from("198.51.100.1:100"), write_check(crypto, out, remote, {"elsewhere", own.pwd})).error(),
            Error::kBadUsername);
  EXPECT_EQ(
      receive(from("198.51.100.1:100"), write_check(crypto, out, remote, {own.ufrag, std::string(24, 'w')})).error(),
      Error::kBadIntegrity);
  EXPECT_EQ(agent->counters().dropped_unauthenticated, 2U);
  EXPECT_EQ(agent->counters().checks_received, 0U);
}

}  // namespace
}  // namespace bamgate::ice
