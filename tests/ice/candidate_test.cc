// Candidates, credentials and priorities: text and numbers.
#include <gtest/gtest.h>

#include "ice/candidate.h"
#include "ice/credentials.h"
#include "ice/pair.h"
#include "support/seeded_random.h"

namespace bamgate::ice {
namespace {

using bamgate::testing::SeededRandom;

TEST(IceCandidate, LinesSurviveTheRoundTrip) {
  for (const auto* line : {"candidate:1 1 udp 2130706431 192.0.2.1 41000 typ host",
                           "candidate:2 1 udp 1694498815 203.0.113.9 40000 typ srflx raddr 192.0.2.1 rport 41000",
                           "candidate:a+/Z 1 udp 16777215 10.255.0.1 50000 typ relay raddr 0.0.0.0 rport 0",
                           "candidate:3 1 udp 2130706175 2001:db8::1 5 typ prflx"}) {
    const auto parsed = parse_candidate(line);
    ASSERT_TRUE(parsed) << line;
    EXPECT_EQ(parsed->candidate.to_string(), line);
    EXPECT_TRUE(parsed->ufrag.empty());
    const auto again = parse_candidate("a=" + parsed->candidate.to_string("AbC+") + "\r\n");
    ASSERT_TRUE(again);
    EXPECT_EQ(again->candidate, parsed->candidate);
    EXPECT_EQ(again->ufrag, "AbC+");
  }
}

TEST(IceCandidate, LinesOfBrowsersAndPionAreRead) {
  const auto chrome = parse_candidate(
      "candidate:842163049 1 UDP 1677729535 198.51.100.4 46154 typ srflx raddr 0.0.0.0 rport 0 generation 0 "
      "ufrag EsAw network-id 1 network-cost 10");
  ASSERT_TRUE(chrome);
  EXPECT_EQ(chrome->ufrag, "EsAw");
  EXPECT_EQ(chrome->candidate.type, CandidateType::kServerReflexive);
  EXPECT_EQ(chrome->candidate.endpoint, Endpoint::parse("198.51.100.4:46154"));
  const auto pion = parse_candidate("candidate:3370534130 1 udp 2130706431 172.17.0.2 38124 typ host ufrag jzDvSlQrs");
  ASSERT_TRUE(pion);
  EXPECT_EQ(pion->candidate.describe(), "host 172.17.0.2:38124 udp");
}

TEST(IceCandidate, WhatIsNotForUsHasAnErrorOfItsOwn) {
  const auto error = [](std::string_view line) { return parse_candidate(line).error(); };
  EXPECT_EQ(error("candidate:1 1 tcp 1518280447 192.0.2.1 9 typ host tcptype active"), Error::kTcpCandidate);
  EXPECT_EQ(error("candidate:1 2 udp 2130706430 192.0.2.1 9 typ host"), Error::kOtherComponent);
  EXPECT_EQ(error("candidate:1 1 udp 2130706431 4e8c.local 9 typ host"), Error::kHostName);
  EXPECT_EQ(error("candidate:1 1 udp 2130706431 192.0.2.1 0 typ host"), Error::kUnusableAddress);
}

TEST(IceCandidate, MalformedLinesAreRefused) {
  for (const auto* line :
       {"", "a=", "candidate:", "candidate: 1 udp 1 192.0.2.1 9 typ host", "candidate:1 1 udp",
        "candidat:1 1 udp 1 192.0.2.1 9 typ host", "candidate:1 x udp 1 192.0.2.1 9 typ host",
        "candidate:1 1 udp 0 192.0.2.1 9 typ host", "candidate:1 1 udp 2147483648 192.0.2.1 9 typ host",
        "candidate:1 1 udp 1 192.0.2.1 65536 typ host", "candidate:1 1 udp 1 192.0.2.1 9 typ",
        "candidate:1 1 udp 1 192.0.2.1 9 typ lan", "candidate:1 1 udp 1 192.0.2.1 9 kind host",
        "candidate:1-1 1 udp 1 192.0.2.1 9 typ host",
        "candidate:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa 1 udp 1 192.0.2.1 9 typ host"}) {
    EXPECT_EQ(parse_candidate(line).error(), Error::kBadCandidate) << line;
  }
  const std::string line = "candidate:1 1 udp 1 192.0.2.1 9 typ host ";
  EXPECT_TRUE(parse_candidate(line + "x"));
  EXPECT_EQ(parse_candidate(line + std::string(2000, 'x')).error(), Error::kBadCandidate);
}

TEST(IceCandidate, ChangedLinesAreReadWithoutHarm) {
  SeededRandom random(1);
  const std::string original =
      "candidate:2 1 udp 1694498815 203.0.113.9 40000 typ srflx raddr 192.0.2.1 rport 41000 ufrag x";
  for (int round = 0; round < 20'000; ++round) {
    std::string line = original;
    for (int change = 0; change < 3; ++change) {
      line[random.below(static_cast<std::uint32_t>(line.size()))] = static_cast<char>(random.below(256));
    }
    line.resize(random.below(static_cast<std::uint32_t>(line.size() + 1)));
    if (const auto parsed = parse_candidate(line)) {
      EXPECT_TRUE(parse_candidate(parsed->candidate.to_string(parsed->ufrag))) << line;
    }
  }
}

TEST(IceCandidate, PrioritiesFollowTheFormula) {
  EXPECT_EQ(candidate_priority(CandidateType::kHost, 65535), 2130706431U);
  EXPECT_EQ(candidate_priority(CandidateType::kServerReflexive, 65535), 1694498815U);
  EXPECT_EQ(candidate_priority(CandidateType::kPeerReflexive, 65535), 1862270975U);
  EXPECT_EQ(candidate_priority(CandidateType::kRelayed, 65535), 16777215U);
}

TEST(IcePair, BothSidesComputeTheSamePriority) {
  const std::uint32_t mine = 2130706431;
  const std::uint32_t theirs = 1694498815;
  EXPECT_EQ(pair_priority(Role::kControlling, mine, theirs), pair_priority(Role::kControlled, theirs, mine));
  EXPECT_EQ(pair_priority(Role::kControlling, mine, theirs),
            (std::uint64_t{theirs} << 32) + 2 * std::uint64_t{mine} + 1);
  EXPECT_EQ(pair_priority(Role::kControlled, mine, theirs), (std::uint64_t{theirs} << 32) + 2 * std::uint64_t{mine});
}

TEST(IceCredentials, GeneratedOnesAreValidAndDiffer) {
  SeededRandom random(1);
  const auto first = Credentials::generate(random);
  const auto second = Credentials::generate(random);
  EXPECT_TRUE(first.valid());
  EXPECT_TRUE(second.valid());
  EXPECT_NE(first.ufrag, second.ufrag);
  EXPECT_NE(first.pwd, second.pwd);
}

TEST(IceCredentials, LengthsAndCharactersAreChecked) {
  const std::string pwd(22, 'p');
  EXPECT_TRUE((Credentials{"abcd", pwd}).valid());
  EXPECT_FALSE((Credentials{"abc", pwd}).valid());
  EXPECT_FALSE((Credentials{"abcd", std::string(21, 'p')}).valid());
  EXPECT_FALSE((Credentials{"ab:d", pwd}).valid());
  EXPECT_FALSE((Credentials{"abcd", pwd + " "}).valid());
  EXPECT_FALSE((Credentials{std::string(257, 'u'), pwd}).valid());
  EXPECT_FALSE((Credentials{"abcd", std::string(257, 'p')}).valid());
}

}  // namespace
}  // namespace bamgate::ice
