// One ICE agent against floods, forgeries, strangers and garbage.
#include "agent_alone.h"

namespace bamgate::ice {
namespace {

TEST_F(IceAgentAlone, AFloodOfRemoteCandidatesIsBounded) {
  start();
  for (int i = 0; i < 10; ++i) {
    agent->add_local_address(now, static_cast<SocketId>(i + 1),
                             *Endpoint::parse("192.0.2.1:" + std::to_string(7000 + i)));
  }
  agent->set_remote_credentials(now, remote);
  std::size_t refused = 0;
  for (std::uint32_t i = 0; i < 1000; ++i) {
    const Candidate flood{CandidateType::kHost, "1", i + 1, {IpAddress::v4(0xc6336400 + i), 9}, std::nullopt};
    const auto added = agent->add_remote_candidate(now, flood);
    EXPECT_TRUE(added || added.error() == Error::kTooMany);
    refused += added ? 0 : 1;
  }
  EXPECT_EQ(refused, 1000 - Agent::kMaxRemoteCandidates);
  EXPECT_LE(agent->pair_count(), Checklist::kMaxPairs);
  run_for(2min);
  EXPECT_EQ(agent->state(), State::kFailed);
}

TEST_F(IceAgentAlone, AFloodOfChecksFromManyAddressesIsBounded) {
  start_with_host();
  agent->set_remote_credentials(now, remote);
  for (std::uint32_t i = 0; i < 1000; ++i) {
    const Path path{kSocket, {IpAddress::v4(0xc6336400 + i), 9}, RelayId::kNone};
    ASSERT_TRUE(receive(path, check()));
  }
  EXPECT_LE(agent->pair_count(), Agent::kMaxPeerReflexiveCandidates);
  EXPECT_LE(drain().size(), Agent::kMaxQueuedDatagrams);
  EXPECT_GT(agent->counters().dropped_limit, 0U);
}

TEST_F(IceAgentAlone, ADatagramThatTheCallersBufferCannotHoldIsACountedDrop) {
  start_with_host();
  agent->set_remote_credentials(now, remote);
  ASSERT_TRUE(receive(from("198.51.100.1:9"), check()));
  std::array<std::byte, 19> small{};
  EXPECT_FALSE(agent->poll_transmit(now, small));
  EXPECT_EQ(agent->counters().dropped_oversized, 2U) << "the answer, and a check of ours";
  EXPECT_TRUE(drain().empty());
}

TEST_F(IceAgentAlone, AFloodOfEarlyChecksIsBounded) {
  start_with_host();
  for (std::uint32_t i = 0; i < 1000; ++i) {
    ASSERT_TRUE(receive({kSocket, {IpAddress::v4(0xc6336400 + i), 9}, RelayId::kNone}, check()));
    drain();
  }
  agent->set_remote_credentials(now, remote);
  EXPECT_EQ(agent->pair_count(), Agent::kMaxEarlyChecks);
}

// --- Hostile and unusual peers

TEST_F(IceAgentAlone, StrangersGetNoAnswer) {
  start_with_host();
  agent->set_remote_credentials(now, remote);
  ASSERT_TRUE(agent->add_remote_candidate(now, host("198.51.100.1:100")));
  drain();
  const OutgoingCheck out{stun::make_transaction_id(random), Role::kControlled, 1, 1000, true};
  Credentials wrong = agent->local_credentials();
  wrong.pwd[0] = wrong.pwd[0] == 'x' ? 'y' : 'x';
  EXPECT_EQ(receive(from("198.51.100.1:100"), write_check(crypto, out, remote, wrong)).error(), Error::kBadIntegrity);
  const Credentials stranger{"else", agent->local_credentials().pwd};
  EXPECT_EQ(receive(from("198.51.100.1:100"), write_check(crypto, out, remote, stranger)).error(), Error::kBadUsername);
  const Credentials old{"oldo", remote.pwd};
  EXPECT_EQ(receive(from("198.51.100.1:100"), write_check(crypto, out, old, agent->local_credentials())).error(),
            Error::kBadUsername);
  std::array<std::byte, 64> plain{};
  const auto size = stun::write_binding_request(plain, stun::make_transaction_id(random));
  EXPECT_EQ(receive(from("198.51.100.1:100"), {plain.begin(), plain.begin() + static_cast<long>(*size)}).error(),
            Error::kBadUsername);
  EXPECT_EQ(receive(from("198.51.100.1:100"), {}).error(), Error::kNotStun);
  EXPECT_TRUE(drain().empty());
  EXPECT_EQ(agent->counters().dropped_unauthenticated, 4U);
}

TEST_F(IceAgentAlone, ForgedAnswersAreDropped) {
  start_with_host();
  ASSERT_TRUE(agent->add_remote_candidate(now, host("198.51.100.1:100")));
  agent->set_remote_credentials(now, remote);
  const auto sent = drain();
  const auto id = stun::Message::parse(sent.at(0).bytes)->id();
  const Credentials wrong{"peer", std::string(24, 'w')};
  const Endpoint mapped = *Endpoint::parse("192.0.2.10:7000");
  EXPECT_EQ(receive(sent[0].path, write_check_success(crypto, id, mapped, wrong)).error(), Error::kBadIntegrity);
  EXPECT_EQ(receive(sent[0].path, write_check_error(crypto, id, 400, {}, wrong)).error(), Error::kBadIntegrity);
  auto unknown_id = id;
  unknown_id[0] ^= std::byte{1};
  EXPECT_EQ(receive(sent[0].path, write_check_success(crypto, unknown_id, mapped, remote)).error(),
            Error::kNoTransaction);
  EXPECT_FALSE(agent->is_valid_path(sent[0].path));
  ASSERT_TRUE(receive(sent[0].path, answer(sent[0])));
  EXPECT_TRUE(agent->is_valid_path(sent[0].path)) << "the true answer still counts";
}

TEST_F(IceAgentAlone, AnAnswerFromElsewhereFailsThePair) {
  start_with_host();
  ASSERT_TRUE(agent->add_remote_candidate(now, host("198.51.100.1:100")));
  agent->set_remote_credentials(now, remote);
  const auto sent = drain();
  EXPECT_EQ(receive(from("198.51.100.1:101"), answer(sent.at(0))).error(), Error::kBadResponse);
  EXPECT_FALSE(agent->is_valid_path(sent[0].path));
  EXPECT_EQ(agent->counters().checks_failed, 1U);
  // A check of the peer revives it.
  now += 5ms;
  ASSERT_TRUE(receive(sent[0].path, check()));
  EXPECT_TRUE(first_request(drain()));
}

TEST_F(IceAgentAlone, AMappedAddressInsideTheTunnelFailsThePair) {
  StartOptions options;
  options.route_filter = RouteFilter({*IpPrefix::parse("10.100.0.0/16")});
  start_with_host(options);
  ASSERT_TRUE(agent->add_remote_candidate(now, host("198.51.100.1:100")));
  agent->set_remote_credentials(now, remote);
  const auto sent = drain();
  EXPECT_FALSE(receive(sent.at(0).path, answer(sent.at(0), "10.100.0.1:7000")));
  EXPECT_FALSE(agent->is_valid_path(sent[0].path));
}

TEST_F(IceAgentAlone, ChecksThroughTheTunnelAreDropped) {
  StartOptions options;
  options.route_filter = RouteFilter({*IpPrefix::parse("10.100.0.0/16")});
  start_with_host(options);
  agent->set_remote_credentials(now, remote);
  EXPECT_EQ(receive(from("10.100.0.7:5000"), check()).error(), Error::kExcludedAddress);
  EXPECT_EQ(receive({static_cast<SocketId>(77), *Endpoint::parse("198.51.100.1:1"), {}}, check()).error(),
            Error::kUnknownPath);
  EXPECT_TRUE(drain().empty());
  EXPECT_EQ(agent->pair_count(), 0U);
}

TEST_F(IceAgentAlone, UnknownRequiredAttributesAreAnsweredWith420) {
  start_with_host();
  agent->set_remote_credentials(now, remote);
  std::array<std::byte, 300> buffer{};
  const auto size = stun::Builder(buffer, stun::Class::kRequest, stun::Method::kBinding, {})
                        .text(stun::Attribute::kUsername, agent->local_credentials().ufrag + ":peer")
                        .u32(stun::Attribute::kPriority, 1)
                        .u64(stun::Attribute::kIceControlled, 1)
                        .flag(static_cast<stun::Attribute>(0x7123))
                        .integrity(crypto, as_bytes(agent->local_credentials().pwd))
                        .fingerprint()
                        .finish();
  EXPECT_EQ(receive(from("198.51.100.1:100"), {buffer.begin(), buffer.begin() + static_cast<long>(*size)}).error(),
            Error::kBadRequest);
  const auto sent = drain();
  ASSERT_EQ(sent.size(), 1U);
  const auto message = stun::Message::parse(sent[0].bytes);
  EXPECT_EQ(message->error_code()->code, 420);
  EXPECT_TRUE(stun::check_integrity(*message, crypto, as_bytes(agent->local_credentials().pwd)));
  EXPECT_EQ(agent->pair_count(), 0U);
}

TEST_F(IceAgentAlone, SeveralDatagramsOfOneReadAreEachAnswered) {
  start_with_host();
  agent->set_remote_credentials(now, remote);
  auto batch = check();
  const auto stride = static_cast<std::uint16_t>(batch.size());
  for (const std::byte byte : check()) batch.push_back(byte);
  ASSERT_EQ(batch.size(), 2U * stride);
  ASSERT_TRUE(agent->handle_input(now, {.path = from("198.51.100.1:100"), .data = batch, .stride = stride}));
  EXPECT_EQ(agent->counters().checks_received, 2U);
}

TEST_F(IceAgentAlone, ATooSmallBufferLosesTheDatagramAndNothingElse) {
  start_with_host();
  agent->set_remote_credentials(now, remote);
  ASSERT_TRUE(receive(from("198.51.100.1:100"), check()));
  std::array<std::byte, 10> tiny{};
  EXPECT_FALSE(agent->poll_transmit(now, tiny));
  EXPECT_FALSE(run_for(600ms).empty()) << "the check is retransmitted";
}

TEST_F(IceAgentAlone, GarbageChangesNothing) {
  start_with_host();
  ASSERT_TRUE(agent->add_remote_candidate(now, host("198.51.100.1:100")));
  agent->set_remote_credentials(now, remote);
  const auto sent = drain();
  const auto good = answer(sent.at(0));
  const auto request = check(true);
  for (int round = 0; round < 10'000; ++round) {
    auto bytes = round % 2 == 0 ? good : request;
    // Whatever integrity covers, or the attribute itself; FINGERPRINT behind it may be missing.
    const auto index = random.below(static_cast<std::uint32_t>(bytes.size() - 8));
    bytes[index] ^= static_cast<std::byte>(1 + random.below(255));
    if (round % 5 == 0) bytes.resize(random.below(static_cast<std::uint32_t>(bytes.size())));
    EXPECT_FALSE(receive(sent[0].path, bytes));
  }
  for (int round = 0; round < 2'000; ++round) {
    std::vector<std::byte> noise(random.below(200));
    random.fill(noise);
    EXPECT_FALSE(receive(sent[0].path, noise));
  }
  EXPECT_TRUE(drain().empty());
  EXPECT_EQ(agent->pair_count(), 1U);
  ASSERT_TRUE(receive(sent[0].path, good));
  EXPECT_EQ(agent->state(), State::kConnected);
}

// Random commands: nothing may crash, stall a timer or send to where nobody checked.
TEST_F(IceAgentAlone, RandomCommandsKeepTheInvariants) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    random = SeededRandom(seed);
    events.clear();
    StartOptions options;
    options.role = random.below(2) == 0 ? Role::kControlling : Role::kControlled;
    options.stun_servers = {*Endpoint::parse("198.51.100.253:3478")};
    start(options);
    std::vector<Sent> requests;
    const auto port = [&] { return "198.51.100.1:" + std::to_string(100 + random.below(40)); };
    for (int step = 0; step < 400; ++step) {
      const auto role = random.below(2) == 0 ? Role::kControlling : Role::kControlled;
      switch (random.below(10)) {
        case 0:
          agent->add_local_address(now, kSocket,
                                   *Endpoint::parse("192.0.2.10:" + std::to_string(7000 + random.below(9))));
          break;
        case 1:
          (void)agent->add_remote_candidate(now,
                                            host(port(), 1 + random.below(100000), std::to_string(random.below(4))));
          break;
        case 2:
          if (random.below(4) == 0) agent->set_remote_credentials(now, remote);
          break;
        case 3:
          if (random.below(6) == 0) agent->set_remote_candidates_complete(now);
          if (random.below(6) == 0) agent->set_local_addresses_complete(now);
          break;
        case 4:
        case 5:
          (void)receive(from(port()), check(random.below(2) == 0, role, random.number<std::uint64_t>()));
          break;
        case 6:
          if (!requests.empty()) {
            const Sent& sent = requests[random.below(static_cast<std::uint32_t>(requests.size()))];
            (void)receive(random.below(8) == 0 ? from(port()) : sent.path, answer(sent));
          }
          break;
        case 7:
          if (!requests.empty()) {
            const Sent& sent = requests[random.below(static_cast<std::uint32_t>(requests.size()))];
            const auto id = stun::Message::parse(sent.bytes)->id();
            (void)receive(sent.path, write_check_error(crypto, id, random.below(3) == 0 ? 400 : 487, {}, remote));
          }
          break;
        default:
          for (auto& sent : run_for(std::chrono::milliseconds(random.below(300)))) {
            if (is_request(sent)) requests.push_back(std::move(sent));
          }
          break;
      }
      for (auto& sent : drain()) {
        if (is_request(sent)) requests.push_back(std::move(sent));
      }
      ASSERT_LE(agent->pair_count(), Checklist::kMaxPairs);
      const bool over = agent->state() == State::kFailed || agent->state() == State::kDisconnected;
      ASSERT_TRUE(!over || agent->next_timeout() == kNever);
      if (agent->state() == State::kConnected) {
        ASSERT_TRUE(agent->is_valid_path(*agent->selected_path()));
      }
      if (over) break;
    }
    // Left alone, every session comes to its end and wants nothing more.
    run_for(3min);
    const bool final_state = agent->state() != State::kChecking && agent->state() != State::kConnected;
    EXPECT_TRUE(final_state) << "seed " << seed << " " << to_string(agent->state());
  }
}

}  // namespace
}  // namespace bamgate::ice
