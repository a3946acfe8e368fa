// One agent under a microscope: gathering, pacing, limits, hostile and unusual peers. The test plays the network and
#include "agent_alone.h"

namespace bamgate::ice {
namespace {

TEST_F(IceAgentAlone, ServerReflexiveCandidatesComeFromEachServerOnce) {
  StartOptions options;
  options.stun_servers = {*Endpoint::parse("198.51.100.1:3478"), *Endpoint::parse("198.51.100.2:3478"),
                          *Endpoint::parse("[2001:db8::1]:3478")};
  start_with_host(options);
  agent->set_local_addresses_complete(now);
  const auto sent = run_for(200ms);
  ASSERT_EQ(sent.size(), 2U) << "no request to a server of the other family";
  EXPECT_EQ(sent[1].when - sent[0].when, 50ms) << "Ta";
  EXPECT_EQ(count_events<GatheringComplete>(), 0U);
  for (const Sent& request : sent) {
    std::vector<std::byte> reply(100);
    reply.resize(*stun::answer_binding(*Endpoint::parse("203.0.113.5:9999"), request.bytes, reply));
    ASSERT_TRUE(receive(request.path, reply));
  }
  drain();
  ASSERT_EQ(count_events<LocalCandidate>(), 2U) << "the second server says the same";
  EXPECT_EQ(std::get<LocalCandidate>(events[1]).candidate.to_string("abc"),
            "candidate:2 1 udp 1694498559 203.0.113.5 9999 typ srflx raddr 192.0.2.10 rport 7000 ufrag abc");
  EXPECT_EQ(count_events<GatheringComplete>(), 1U);
}

TEST_F(IceAgentAlone, AServerThatSeesTheBaseItselfAddsNothing) {
  StartOptions options;
  options.stun_servers = {*Endpoint::parse("198.51.100.1:3478")};
  start_with_host(options);
  agent->set_local_addresses_complete(now);
  const auto sent = drain();
  std::vector<std::byte> reply(100);
  reply.resize(*stun::answer_binding(*Endpoint::parse("192.0.2.10:7000"), sent.at(0).bytes, reply));
  EXPECT_EQ(receive(from("198.51.100.9:3478"), reply).error(), Error::kNoTransaction) << "not from the server";
  ASSERT_TRUE(receive(sent.at(0).path, reply));
  drain();
  EXPECT_EQ(count_events<LocalCandidate>(), 1U);
  EXPECT_EQ(count_events<GatheringComplete>(), 1U);
}

TEST_F(IceAgentAlone, ADeadStunServerIsGivenUpAndGatheringCompletes) {
  StartOptions options;
  options.stun_servers = {*Endpoint::parse("198.51.100.1:3478")};
  start_with_host(options);
  agent->set_local_addresses_complete(now);
  EXPECT_EQ(run_for(8400ms).size(), 8U);
  EXPECT_EQ(count_events<GatheringComplete>(), 0U);
  run_for(200ms);
  EXPECT_EQ(count_events<GatheringComplete>(), 1U);
  EXPECT_EQ(agent->next_timeout(), kNever);
}

TEST_F(IceAgentAlone, BindingsAreRefreshedEvery15SecondsWhileNobodyIsConnected) {
  StartOptions options;
  options.stun_servers = {*Endpoint::parse("198.51.100.1:3478")};
  start_with_host(options);
  agent->set_local_addresses_complete(now);
  std::vector<Sent> sent = drain();
  for (int i = 0; i < 5; ++i) {
    ASSERT_EQ(sent.size(), 1U);
    std::vector<std::byte> reply(100);
    reply.resize(*stun::answer_binding(*Endpoint::parse("203.0.113.5:9999"), sent.at(0).bytes, reply));
    ASSERT_TRUE(receive(sent.at(0).path, reply));
    sent = run_for(15s);
  }
  EXPECT_EQ(count_events<LocalCandidate>(), 2U);
  EXPECT_EQ(count_events<GatheringComplete>(), 1U);
}

TEST_F(IceAgentAlone, StunServersMayComeAfterTheAddresses) {
  start_with_host();
  EXPECT_TRUE(drain().empty());
  agent->add_stun_server(now, *Endpoint::parse("198.51.100.1:3478"));
  agent->add_stun_server(now, *Endpoint::parse("198.51.100.1:3478"));
  EXPECT_EQ(run_for(400ms).size(), 1U);
}

TEST_F(IceAgentAlone, AddressesInsideTheTunnelOrOfNoUseAreNoCandidates) {
  StartOptions options;
  options.route_filter = RouteFilter({*IpPrefix::parse("10.100.0.0/16"), *IpPrefix::parse("fd12::/64")});
  start(options);
  for (const auto* text :
       {"10.100.3.4:1", "[fd12::9]:1", "127.0.0.1:1", "[::1]:1", "169.254.1.1:1", "[fe80::1]:1", "0.0.0.0:1", "[::]:1",
        "224.0.0.1:1", "[ff02::1]:1", "[::ffff:192.0.2.1]:1", "192.0.2.1:0"}) {
    agent->add_local_address(now, kSocket, *Endpoint::parse(text));
    EXPECT_FALSE(agent->add_remote_candidate(now, host(text))) << text;
  }
  drain();
  EXPECT_EQ(count_events<LocalCandidate>(), 0U);
  EXPECT_EQ(agent->add_remote_candidate(now, host("10.100.3.4:1")).error(), Error::kExcludedAddress);
  EXPECT_EQ(agent->add_remote_candidate(now, host("127.0.0.1:1")).error(), Error::kUnusableAddress);
}

TEST_F(IceAgentAlone, EachAddressHasAPriorityOfItsOwnAndIpv6ComesFirst) {
  start();
  agent->add_local_address(now, kSocket, *Endpoint::parse("192.0.2.10:7000"));
  agent->add_local_address(now, kSocket, *Endpoint::parse("192.0.2.11:7000"));
  agent->add_local_address(now, kSocket, *Endpoint::parse("[2001:db8::1]:7000"));
  agent->add_local_address(now, kSocket, *Endpoint::parse("192.0.2.10:7000"));
  drain();
  ASSERT_EQ(events.size(), 3U);
  const auto priority = [&](std::size_t i) { return std::get<LocalCandidate>(events[i]).candidate.priority; };
  EXPECT_GT(priority(2), priority(0));
  EXPECT_GT(priority(0), priority(1));
}

// --- Pacing and limits

TEST_F(IceAgentAlone, OrdinaryChecksLeaveEvery50MillisecondsBestFirst) {
  start_with_host();
  for (int i = 0; i < 5; ++i) {
    const auto priority = static_cast<std::uint32_t>(1000 + i);
    ASSERT_TRUE(
        agent->add_remote_candidate(now, host("198.51.100.1:" + std::to_string(100 + i), priority, std::to_string(i))));
  }
  EXPECT_TRUE(drain().empty()) << "nothing to check with before the credentials";
  agent->set_remote_credentials(now, remote);
  const auto sent = run_for(300ms);
  ASSERT_EQ(sent.size(), 5U);
  for (std::size_t i = 0; i < sent.size(); ++i) {
    EXPECT_EQ(sent[i].when - sent[0].when, i * 50ms);
    EXPECT_EQ(sent[i].path.remote.port, 104 - i);
  }
}

TEST_F(IceAgentAlone, AChecksContentIsWhatRfc8445AsksFor) {
  start_with_host();
  ASSERT_TRUE(agent->add_remote_candidate(now, host("198.51.100.1:100")));
  agent->set_remote_credentials(now, remote);
  const auto sent = drain();
  const auto message = stun::Message::parse(sent.at(0).bytes);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->text(stun::Attribute::kUsername), "peer:" + agent->local_credentials().ufrag);
  EXPECT_TRUE(stun::check_integrity(*message, crypto, as_bytes(remote.pwd)));
  EXPECT_TRUE(message->has_fingerprint());
  EXPECT_TRUE(message->u64(stun::Attribute::kIceControlling));
  EXPECT_FALSE(message->has(stun::Attribute::kUseCandidate)) << "regular nomination";
  EXPECT_EQ(message->u32(stun::Attribute::kPriority), candidate_priority(CandidateType::kPeerReflexive, 65534));
}

TEST_F(IceAgentAlone, ATriggeredCheckLeavesAtOnceAndAgainForEachCheckOfThePeer) {
  start_with_host();
  ASSERT_TRUE(agent->add_remote_candidate(now, host("198.51.100.1:100")));
  agent->set_remote_credentials(now, remote);
  ASSERT_EQ(drain().size(), 1U);  // in flight now, and dropped by the peer's NAT
  now += 20ms;
  ASSERT_TRUE(receive(from("198.51.100.1:100"), check()));
  const auto sent = drain();
  ASSERT_EQ(sent.size(), 2U) << "the answer, and a new check at the same instant";
  EXPECT_FALSE(is_request(sent[0]));
  EXPECT_TRUE(is_request(sent[1]));
}

TEST_F(IceAgentAlone, NoTwoChecksStartWithin5MillisecondsTriggeredOnesFirst) {
  start_with_host();
  for (int i = 0; i < 3; ++i) {
    const std::string endpoint = "198.51.100.1:" + std::to_string(100 + i);
    ASSERT_TRUE(agent->add_remote_candidate(
        now, host(endpoint, static_cast<std::uint32_t>(1000 - i), std::string(1, static_cast<char>('1' + i)))));
  }
  agent->set_remote_credentials(now, remote);
  ASSERT_EQ(drain().size(), 1U);
  now += 2ms;
  ASSERT_TRUE(receive(from("198.51.100.1:102"), check()));
  EXPECT_FALSE(first_request(drain())) << "an ordinary check left 2 ms ago";
  const auto triggered = run_for(10ms);
  ASSERT_EQ(triggered.size(), 1U);
  EXPECT_EQ(triggered[0].when, now - 7ms);
  now += 38ms;  // the instant of the next ordinary check
  ASSERT_TRUE(receive(from("198.51.100.1:100"), check()));
  const auto at_once = first_request(drain());
  ASSERT_TRUE(at_once);
  EXPECT_EQ(at_once->path, from("198.51.100.1:100"));
  const auto ordinary = run_for(10ms);
  ASSERT_EQ(ordinary.size(), 1U);
  EXPECT_EQ(ordinary[0].path, from("198.51.100.1:101"));
  EXPECT_EQ(ordinary[0].when, now - 5ms);
}

TEST_F(IceAgentAlone, TheAnswerToACancelledCheckStillCounts) {
  start_with_host();
  ASSERT_TRUE(agent->add_remote_candidate(now, host("198.51.100.1:100")));
  agent->set_remote_credentials(now, remote);
  const auto first = drain();
  now += 20ms;
  ASSERT_TRUE(receive(from("198.51.100.1:100"), check()));
  drain();
  ASSERT_TRUE(receive(first.at(0).path, answer(first.at(0))));
  EXPECT_TRUE(agent->is_valid_path(first.at(0).path));
  EXPECT_EQ(agent->state(), State::kConnected);
}

TEST_F(IceAgentAlone, AnAggressiveNominatorEndsOnTheBestPair) {
  StartOptions options;
  options.role = Role::kControlled;
  start_with_host(options);
  agent->set_remote_credentials(now, remote);
  ASSERT_TRUE(agent->add_remote_candidate(now, host("198.51.100.1:100", 1000, "1")));
  ASSERT_TRUE(agent->add_remote_candidate(now, host("198.51.100.1:200", 2000, "2")));
  auto sent = run_for(100ms);
  ASSERT_EQ(sent.size(), 2U);
  // The worse pair works first, and both are nominated by every check of the peer (RFC 5245).
  ASSERT_TRUE(receive(from("198.51.100.1:100"), check(true, Role::kControlling)));
  ASSERT_TRUE(receive(from("198.51.100.1:100"), answer(sent[0])));
  EXPECT_EQ(agent->selected_path(), from("198.51.100.1:100"));
  drain();
  now += 10ms;
  ASSERT_TRUE(receive(from("198.51.100.1:200"), check(true, Role::kControlling)));
  const auto triggered = first_request(drain());
  ASSERT_TRUE(triggered);
  ASSERT_TRUE(receive(from("198.51.100.1:200"), answer(*triggered)));
  EXPECT_EQ(agent->selected_path(), from("198.51.100.1:200"));
  // Now the worse one again: the selection stays.
  ASSERT_TRUE(receive(from("198.51.100.1:100"), check(true, Role::kControlling)));
  EXPECT_EQ(agent->selected_path(), from("198.51.100.1:200"));
  drain();
  EXPECT_EQ(count_events<PathSelected>(), 2U);
  EXPECT_EQ(count_events<StateChanged>(), 2U);  // checking, connected
}

TEST_F(IceAgentAlone, ANominationThatComesBeforeOurOwnSuccessIsRemembered) {
  StartOptions options;
  options.role = Role::kControlled;
  start_with_host(options);
  agent->set_remote_credentials(now, remote);
  ASSERT_TRUE(receive(from("198.51.100.1:100"), check(true, Role::kControlling)));
  const auto sent = first_request(drain());
  ASSERT_TRUE(sent);
  EXPECT_EQ(agent->state(), State::kChecking);
  ASSERT_TRUE(receive(sent->path, answer(*sent)));
  EXPECT_EQ(agent->state(), State::kConnected);
}

TEST_F(IceAgentAlone, TheControllingSideNominatesOnceAndRepeatsItUntilAnswered) {
  start_with_host();
  ASSERT_TRUE(agent->add_remote_candidate(now, host("198.51.100.1:100")));
  ASSERT_TRUE(agent->add_remote_candidate(now, host("198.51.100.1:200", 2000, "2")));
  agent->set_remote_credentials(now, remote);
  const auto sent = drain();
  ASSERT_TRUE(receive(sent.at(0).path, answer(sent.at(0))));
  EXPECT_EQ(agent->state(), State::kConnected) << "a valid pair of hosts is taken at once";
  const auto nominations = run_for(1600ms);
  ASSERT_EQ(nominations.size(), 3U) << "at 0, 0.5 and 1.5 s; the other pair is not checked any more";
  for (const Sent& nomination : nominations) {
    EXPECT_TRUE(has_use_candidate(nomination));
    EXPECT_EQ(nomination.bytes, nominations[0].bytes);
  }
  ASSERT_TRUE(receive(sent[0].path, answer(nominations[0])));
  const auto later = run_for(7s);
  ASSERT_GE(later.size(), 1U);
  EXPECT_FALSE(has_use_candidate(later[0])) << "consent checks of a confirmed path nominate nothing";
}

TEST_F(IceAgentAlone, RoleConflictIsAnsweredWith487ByTheLargerTieBreaker) {
  start_with_host();
  agent->set_remote_credentials(now, remote);
  ASSERT_TRUE(receive(from("198.51.100.1:100"), check(true, Role::kControlling, 0)));
  auto sent = drain();
  ASSERT_EQ(sent.size(), 1U);
  EXPECT_EQ(stun::Message::parse(sent[0].bytes)->error_code()->code, 487);
  EXPECT_EQ(agent->role(), Role::kControlling);
  EXPECT_EQ(agent->pair_count(), 0U);
  ASSERT_TRUE(receive(from("198.51.100.1:100"), check(false, Role::kControlling, UINT64_MAX)));
  sent = drain();
  EXPECT_EQ(agent->role(), Role::kControlled);
  ASSERT_EQ(sent.size(), 2U);
  EXPECT_TRUE(stun::Message::parse(sent[1].bytes)->has(stun::Attribute::kIceControlled));
}

TEST_F(IceAgentAlone, After487TheCheckIsRepeatedInTheOtherRoleWithANewTieBreaker) {
  start_with_host();
  ASSERT_TRUE(agent->add_remote_candidate(now, host("198.51.100.1:100")));
  agent->set_remote_credentials(now, remote);
  const auto first = drain();
  const auto id = stun::Message::parse(first.at(0).bytes)->id();
  now += 10ms;
  ASSERT_TRUE(receive(first[0].path, write_check_error(crypto, id, 487, {}, remote)));
  EXPECT_EQ(agent->role(), Role::kControlled);
  const auto second = first_request(drain());
  ASSERT_TRUE(second);
  const auto before = stun::Message::parse(first[0].bytes)->u64(stun::Attribute::kIceControlling);
  const auto after = stun::Message::parse(second->bytes)->u64(stun::Attribute::kIceControlled);
  ASSERT_TRUE(after);
  EXPECT_NE(before, after);
}

TEST_F(IceAgentAlone, WithoutAnyCandidateItFailsWhenPatienceEnds) {
  start_with_host();
  agent->set_remote_credentials(now, remote);
  agent->set_remote_candidates_complete(now);
  run_for(39'499ms);
  EXPECT_EQ(agent->state(), State::kChecking);
  run_for(1ms);
  EXPECT_EQ(agent->state(), State::kFailed);
}

TEST_F(IceAgentAlone, WithoutCredentialsNothingHappensForEver) {
  start_with_host();
  ASSERT_TRUE(agent->add_remote_candidate(now, host("198.51.100.1:100")));
  EXPECT_TRUE(run_for(24h).empty());
  EXPECT_EQ(agent->state(), State::kNew);
  EXPECT_EQ(agent->set_remote_credentials(now, {"a:b", "short"}).error(), Error::kBadCredentials);
  EXPECT_EQ(agent->state(), State::kNew);
}

}  // namespace
}  // namespace bamgate::ice
