// One agent under a microscope: gathering, pacing, limits, hostile and unusual peers. The test plays the network and
// the peer.
#include <gtest/gtest.h>

#include <algorithm>

#include "ice/check_message.h"
#include "stun/binding.h"
#include "stun/builder.h"
#include "stun/integrity.h"
#include "virtual_network.h"

namespace bamgate::ice {
namespace {

using namespace std::chrono_literals;
using bamgate::testing::SeededRandom;

constexpr auto kSocket = static_cast<SocketId>(5);

struct Sent {
  Instant when;
  Path path;
  std::vector<std::byte> bytes;
};

/// An agent, its clock, and a hand-made peer.
class IceAgentAlone : public ::testing::Test {
 protected:
  void start(Options options = {}) {
    if (!options.local.valid()) options.local = Credentials::generate(random);
    agent.emplace(std::move(options), random, crypto);
  }
  void start_with_host(Options options = {}) {
    start(std::move(options));
    agent->add_local_address(now, kSocket, *Endpoint::parse("192.0.2.10:7000"));
  }
  /// Whatever the agent wants to send now.
  std::vector<Sent> drain() {
    std::vector<Sent> sent;
    std::array<std::byte, 1200> buffer{};
    while (const auto out = agent->poll_transmit(now, buffer)) {
      sent.push_back({now, out->path, {buffer.begin(), buffer.begin() + out->size}});
    }
    while (const auto event = agent->poll_event()) events.push_back(*event);
    return sent;
  }
  std::vector<Sent> run_for(Duration duration) {
    std::vector<Sent> all = drain();
    const Instant end = now + duration;
    for (int step = 0; step < 100'000; ++step) {
      const Instant next = agent->next_timeout();
      if (next > end) break;
      EXPECT_GE(next, now);
      now = std::max(now, next);
      agent->handle_timeout(now);
      for (auto& sent : drain()) all.push_back(std::move(sent));
    }
    now = end;
    return all;
  }
  std::expected<void, Error> receive(const Path& path, std::vector<std::byte> bytes) {
    return agent->handle_input(now, {.path = path, .data = bytes});
  }
  static Path from(std::string_view endpoint) { return {kSocket, *Endpoint::parse(endpoint), RelayId::kNone}; }
  /// A check of the peer.
  std::vector<std::byte> check(bool use_candidate = false, Role role = Role::kControlled,
                               std::uint64_t tie_breaker = 1) {
    const OutgoingCheck out{stun::make_transaction_id(random), role, tie_breaker, 1000, use_candidate};
    return write_check(crypto, out, remote, agent->local_credentials());
  }
  /// The peer's answer to a check of the agent.
  std::vector<std::byte> answer(const Sent& sent, std::string_view mapped = "192.0.2.10:7000") {
    const auto message = stun::Message::parse(sent.bytes);
    return write_check_success(crypto, message->id(), *Endpoint::parse(mapped), remote);
  }
  static bool is_request(const Sent& sent) {
    return stun::Message::parse(sent.bytes)->message_class() == stun::Class::kRequest;
  }
  static bool has_use_candidate(const Sent& sent) {
    return stun::Message::parse(sent.bytes)->has(stun::Attribute::kUseCandidate);
  }
  std::optional<Sent> first_request(const std::vector<Sent>& all) {
    const auto found = std::ranges::find_if(all, is_request);
    return found == all.end() ? std::nullopt : std::optional(*found);
  }
  Candidate host(std::string_view endpoint, std::uint32_t priority = 2130706431, std::string foundation = "1") {
    return {CandidateType::kHost, std::move(foundation), priority, *Endpoint::parse(endpoint), std::nullopt};
  }
  template <typename T>
  std::size_t count_events() const {
    return static_cast<std::size_t>(
        std::ranges::count_if(events, [](const auto& event) { return std::holds_alternative<T>(event); }));
  }

  Instant now = Instant{} + 1h;
  SeededRandom random{99};
  os::NativeCrypto crypto;
  Credentials remote{"peer", std::string(24, 'r')};
  std::optional<Agent> agent;
  std::vector<Agent::Event> events;
};

// --- Gathering

TEST_F(IceAgentAlone, ServerReflexiveCandidatesComeFromEachServerOnce) {
  Options options;
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
  Options options;
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
  Options options;
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
  Options options;
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
  Options options;
  options.excluded = {*IpPrefix::parse("10.100.0.0/16"), *IpPrefix::parse("fd12::/64")};
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
  ASSERT_TRUE(receive(sent[0].path, check()));
  EXPECT_TRUE(first_request(drain()));
}

TEST_F(IceAgentAlone, AMappedAddressInsideTheTunnelFailsThePair) {
  Options options;
  options.excluded = {*IpPrefix::parse("10.100.0.0/16")};
  start_with_host(options);
  ASSERT_TRUE(agent->add_remote_candidate(now, host("198.51.100.1:100")));
  agent->set_remote_credentials(now, remote);
  const auto sent = drain();
  EXPECT_FALSE(receive(sent.at(0).path, answer(sent.at(0), "10.100.0.1:7000")));
  EXPECT_FALSE(agent->is_valid_path(sent[0].path));
}

TEST_F(IceAgentAlone, ChecksThroughTheTunnelAreDropped) {
  Options options;
  options.excluded = {*IpPrefix::parse("10.100.0.0/16")};
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

TEST_F(IceAgentAlone, AnAggressiveNominatorEndsOnTheBestPair) {
  Options options;
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
  Options options;
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
    Options options;
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
