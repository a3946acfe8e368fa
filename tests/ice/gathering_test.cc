// Which candidates an agent makes, takes and pairs, and how gathering is paced.
#include "agent_alone.h"

namespace bamgate::ice {
namespace {

class IceGathering : public IceAgentAlone {
 protected:
  static StartOptions with_servers(int count) {
    StartOptions options;
    for (int i = 1; i <= count; ++i) {
      options.stun_servers.push_back(*Endpoint::parse("198.51.100." + std::to_string(i) + ":3478"));
    }
    return options;
  }
  void reply(const Sent& request, std::string_view mapped) {
    std::vector<std::byte> bytes(100);
    bytes.resize(*stun::answer_binding(*Endpoint::parse(mapped), request.bytes, bytes));
    ASSERT_TRUE(receive(request.path, bytes));
  }
  std::vector<Candidate> announced() const {
    std::vector<Candidate> result;
    for (const auto& event : events) {
      if (const auto* local = std::get_if<LocalCandidate>(&event)) result.push_back(local->candidate);
    }
    return result;
  }
  static bool is_check(const Sent& sent) { return stun::Message::parse(sent.bytes)->has(stun::Attribute::kUsername); }
};

TEST_F(IceGathering, FoundationsAreEqualForEqualTypeBaseAndServerOnly) {
  start(with_servers(2));
  agent->add_local_address(now, kSocket, *Endpoint::parse("192.0.2.10:7000"));
  agent->add_local_address(now, kOther, *Endpoint::parse("192.0.2.10:7001"));
  agent->add_local_address(now, static_cast<SocketId>(7), *Endpoint::parse("192.0.2.11:7000"));
  const auto requests = run_for(400ms);
  ASSERT_EQ(requests.size(), 6U);
  for (std::size_t i = 0; i < requests.size(); ++i) reply(requests[i], "203.0.113.5:" + std::to_string(9000 + i));
  drain();
  const auto all = announced();
  ASSERT_EQ(all.size(), 9U);
  EXPECT_EQ(all[0].foundation, all[1].foundation) << "two ports of one address";
  EXPECT_NE(all[0].foundation, all[2].foundation) << "another address";
  const auto reflexive = [&](const char* base, std::size_t number) {
    std::vector<Candidate> found;
    for (const Candidate& one : all) {
      if (one.related == Endpoint::parse(base)) found.push_back(one);
    }
    EXPECT_EQ(found.size(), 2U);
    return found.at(number).foundation;
  };
  EXPECT_NE(reflexive("192.0.2.10:7000", 0), reflexive("192.0.2.10:7000", 1)) << "another server";
  EXPECT_EQ(reflexive("192.0.2.10:7000", 0), reflexive("192.0.2.10:7001", 0));
  EXPECT_NE(reflexive("192.0.2.10:7000", 0), reflexive("192.0.2.11:7000", 0)) << "another base";
  EXPECT_NE(reflexive("192.0.2.10:7000", 0), all[0].foundation) << "another type";
}

TEST_F(IceGathering, ServerReflexiveCandidatesAreCheckedFromTheirBaseAndFormNoPairsOfTheirOwn) {
  start_with_host(with_servers(1));
  const auto request = drain();
  reply(request.at(0), "203.0.113.5:9000");
  drain();
  ASSERT_EQ(announced().size(), 2U);
  ASSERT_TRUE(agent->add_remote_candidate(now, host("198.51.100.77:100")));
  EXPECT_EQ(agent->pair_count(), 1U);
}

TEST_F(IceGathering, TellsANatWhoseMappingVariesFromOneThatKeepsIt) {
  for (const bool varies : {false, true}) {
    start(with_servers(2));
    agent->add_local_address(now, kSocket, *Endpoint::parse("192.0.2.10:7000"));
    agent->add_local_address(now, kOther, *Endpoint::parse("192.0.2.10:7001"));
    const auto requests = run_for(300ms);
    ASSERT_EQ(requests.size(), 4U);
    EXPECT_EQ(agent->stun_findings().asked, 4U);
    EXPECT_EQ(agent->stun_findings().answered, 0U);
    for (const Sent& request : requests) {
      const bool second = request.path.remote.address.to_string() == "198.51.100.2";
      const int port = (request.path.local == kSocket ? 9000 : 9100) + (varies && second ? 1 : 0);
      reply(request, "203.0.113.5:" + std::to_string(port));
    }
    EXPECT_EQ(agent->stun_findings().answered, 4U);
    EXPECT_EQ(agent->stun_findings().mapping_varies, varies) << "two sockets with a port each are no varying mapping";
  }
}

TEST_F(IceGathering, OnlyAddressesOfOneFamilyArePaired) {
  start_with_host();
  agent->add_local_address(now, kOther, *Endpoint::parse("[2001:db8::10]:7000"));
  ASSERT_TRUE(agent->add_remote_candidate(now, host("198.51.100.77:100")));
  EXPECT_EQ(agent->pair_count(), 1U);
  ASSERT_TRUE(agent->add_remote_candidate(now, host("[2001:db8::77]:100")));
  EXPECT_EQ(agent->pair_count(), 2U);
}

TEST_F(IceGathering, TheSameRemoteCandidateTwiceAddsNothing) {
  start_with_host();
  for (std::uint32_t i = 0; i < 2 * Agent::kMaxRemoteCandidates; ++i) {
    ASSERT_TRUE(agent->add_remote_candidate(now, host("198.51.100.77:100", 5000 + i, "9"))) << "it fills no table";
  }
  EXPECT_EQ(agent->pair_count(), 1U);
}

TEST_F(IceGathering, TheFamiliesTakeTurnsInTheOrderOfPriority) {
  start();
  for (int i = 0; i < 3; ++i) {
    agent->add_local_address(now, kSocket, *Endpoint::parse("192.0.2.1" + std::to_string(i) + ":7000"));
  }
  for (int i = 0; i < 3; ++i) {
    agent->add_local_address(now, kOther, *Endpoint::parse("[2001:db8::1" + std::to_string(i) + "]:7000"));
  }
  drain();
  auto all = announced();
  std::ranges::sort(all, std::ranges::greater{}, &Candidate::priority);
  ASSERT_EQ(all.size(), 6U);
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(all[i].endpoint.address.is_v6(), i % 2 == 0) << all[i].endpoint.to_string();
  }
}

TEST_F(IceGathering, GatheringAndChecksEachKeepTaAndWaitForNobodyElse) {
  start_with_host(with_servers(4));
  for (int i = 0; i < 4; ++i) {
    const auto number = std::to_string(i);
    ASSERT_TRUE(agent->add_remote_candidate(now, host("203.0.113." + number + ":100", 1000, number)));
  }
  agent->set_remote_credentials(now, remote);
  const auto sent = run_for(199ms);
  ASSERT_EQ(sent.size(), 8U);
  for (const bool checks : {false, true}) {
    std::vector<Instant> times;
    for (const Sent& one : sent) {
      if (is_check(one) == checks) times.push_back(one.when);
    }
    ASSERT_EQ(times.size(), 4U);
    for (std::size_t i = 0; i < times.size(); ++i) EXPECT_EQ(times[i] - sent[0].when, i * 50ms);
  }
}

TEST_F(IceGathering, RefreshesOfBindingsArePacedToo) {
  start_with_host(with_servers(4));
  const auto requests = run_for(200ms);
  ASSERT_EQ(requests.size(), 4U);
  for (const Sent& request : requests) reply(request, "203.0.113.5:9999");  // all answers at one instant
  const auto refreshes = run_for(15'400ms);
  ASSERT_EQ(refreshes.size(), 4U);
  for (std::size_t i = 1; i < 4; ++i) EXPECT_EQ(refreshes[i].when - refreshes[i - 1].when, 50ms);
}

TEST_F(IceGathering, ManyRequestsStretchTheirTimeout) {
  // 8 servers and 2 sockets make 16 candidates to gather, so RTO is 16 * 50 ms.
  start_with_host(with_servers(8));
  agent->add_local_address(now, kOther, *Endpoint::parse("192.0.2.20:7000"));
  const auto sent = run_for(5s);
  std::vector<Sent> last;
  for (const Sent& one : sent) {
    if (one.path == Path{kOther, *Endpoint::parse("198.51.100.8:3478"), RelayId::kNone}) last.push_back(one);
  }
  ASSERT_GE(last.size(), 2U);
  EXPECT_EQ(last[0].bytes, last[1].bytes);
  EXPECT_EQ(last[1].when - last[0].when, 800ms);
}

TEST_F(IceGathering, NoCandidateIsAnnouncedAfterTheNomination) {
  start_with_host(with_servers(1));
  const auto request = drain();
  ASSERT_TRUE(agent->add_remote_candidate(now, host("198.51.100.77:100")));
  agent->set_remote_credentials(now, remote);
  const auto check = first_request(run_for(50ms));
  ASSERT_TRUE(check);
  ASSERT_TRUE(receive(check->path, answer(*check)));
  ASSERT_EQ(agent->state(), State::kConnected);
  drain();
  const std::size_t before = announced().size();
  agent->add_local_address(now, kOther, *Endpoint::parse("192.0.2.20:8000"));
  std::vector<std::byte> late(100);
  late.resize(*stun::answer_binding(*Endpoint::parse("203.0.113.5:9000"), request.at(0).bytes, late));
  (void)receive(request.at(0).path, late);
  drain();
  EXPECT_EQ(announced().size(), before);
}

TEST_F(IceGathering, ALanInsideARoutedNetworkCountsOnlyForAHostOnThatLan) {
  const std::vector<IpPrefix> tunnel = {*IpPrefix::parse("10.100.0.2/16"), *IpPrefix::parse("192.168.1.0/24")};
  StartOptions at_home;
  at_home.route_filter = RouteFilter(tunnel, {*IpPrefix::parse("192.168.1.7/24")});
  start(at_home);
  agent->add_local_address(now, kSocket, *Endpoint::parse("192.168.1.7:7000"));
  drain();
  EXPECT_EQ(announced().size(), 1U);
  EXPECT_TRUE(agent->add_remote_candidate(now, host("192.168.1.5:100")));
  EXPECT_EQ(agent->pair_count(), 1U);

  StartOptions elsewhere;
  elsewhere.route_filter = RouteFilter(tunnel, {*IpPrefix::parse("172.16.0.9/16")});
  start(elsewhere);
  agent->add_local_address(now, kSocket, *Endpoint::parse("172.16.0.9:7000"));
  EXPECT_EQ(agent->add_remote_candidate(now, host("192.168.1.5:100")).error(), Error::kExcludedAddress);
  EXPECT_EQ(agent->pair_count(), 0U);
  EXPECT_EQ(agent->counters().dropped_excluded, 1U);
}

TEST_F(IceGathering, AServerThatSeesUsThroughTheTunnelGivesNoCandidate) {
  StartOptions options = with_servers(1);
  options.route_filter = RouteFilter({*IpPrefix::parse("10.100.0.0/16")});
  start_with_host(options);
  agent->set_local_addresses_complete(now);
  const auto request = drain();
  reply(request.at(0), "10.100.0.9:9000");
  drain();
  EXPECT_EQ(announced().size(), 1U);
  EXPECT_EQ(count_events<GatheringComplete>(), 1U);
}

TEST_F(IceGathering, NamesAndOtherTransportsAreIgnoredAndCounted) {
  start_with_host();
  const auto error = [&](std::string_view line) { return agent->add_remote_candidate_line(now, line).error(); };
  EXPECT_EQ(error("candidate:1 1 udp 2130706431 4e8c0b8e-1b2c.local 9 typ host"), Error::kHostName);
  EXPECT_EQ(error("candidate:1 1 tcp 1518280447 192.0.2.1 9 typ host tcptype active"), Error::kTcpCandidate);
  EXPECT_EQ(error("candidate:1 2 udp 2130706430 192.0.2.1 9 typ host"), Error::kOtherComponent);
  EXPECT_EQ(error("nonsense"), Error::kBadCandidate);
  EXPECT_EQ(agent->counters().ignored_candidates, 4U);
  EXPECT_EQ(agent->pair_count(), 0U);
  ASSERT_TRUE(agent->add_remote_candidate_line(now, "candidate:1 1 udp 2130706431 198.51.100.77 9 typ host"));
  EXPECT_EQ(agent->pair_count(), 1U);
  EXPECT_EQ(agent->counters().ignored_candidates, 4U);
}

}  // namespace
}  // namespace bamgate::ice
