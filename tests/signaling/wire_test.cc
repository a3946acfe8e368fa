// The wire of signaling: each message as tests/vectors keeps it, ours in both directions, those of the Go original as
// it writes them.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>

#include "signaling/message.h"
#include "support/source_tree.h"

namespace bamgate::signaling {
namespace {

std::vector<std::string> lines_of(const char* name) {
  std::ifstream file(testing::vector_file(name));
  EXPECT_TRUE(file) << name;
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) {
    if (!line.starts_with('#')) lines.push_back(line);
  }
  return lines;
}

PeerInfo home() {
  return {.peer_id = "home",
          .public_key = "aG9tZS1rZXktaG9tZS1rZXktaG9tZS1rZXktaG9tZS0=",
          .address = "10.100.0.1/16",
          .address6 = "fd12:3456:789a::1/64",
          .routes = {"192.168.1.0/24", "fd00:1::/64"},
          .metadata = {{"dns", R"(["192.168.1.1"])"}, {"routes", R"(["192.168.1.0/24"])"}},
          .extra = {}};
}

PeerInfo bare() {
  return {
      .peer_id = "bare", .public_key = "", .address = "", .address6 = "", .routes = {}, .metadata = {}, .extra = {}};
}

/// One of each, as the lines of signaling.txt.
std::vector<Message> all() {
  const std::string key = home().public_key;
  PeerInfo later = bare();
  later.extra = {{"colour", json::Array{1, "red"}}};
  return {
      Join{home()},
      Join{bare()},
      Peers{},
      Peers{.peers = {home(), later}, .more = true, .revoked = {{"old", key}}, .malformed = 0},
      Offer{"a", "b", "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\n", key, {}},
      Offer{"", "b", "v=0\r\n", "", {{"later", nullptr}}},
      Answer{"b", "a", "v=0\r\n", key, {}},
      IceCandidate{"a", "b", "candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host ufrag abcd", {}},
      PeerLeft{"home"},
      PeerRevoked{"home", key},
  };
}

TEST(SignalingWire, EachMessageIsWrittenByteForByteAsItWasRecorded) {
  std::string today = "# Messages of signaling, one of each kind, as tests/signaling/wire_test.cc has them in order.\n";
  for (const Message& message : all()) today += write(message) + "\n";
  // tests/vectors/record sets it, after a wanted change of the wire.
  if (std::getenv("BAMGATE_RECORD") != nullptr) {
    std::ofstream(testing::vector_file("signaling.txt")) << today;
    return;
  }
  std::ifstream file(testing::vector_file("signaling.txt"));
  EXPECT_EQ(today, (std::string{std::istreambuf_iterator<char>(file), {}}));
}

TEST(SignalingWire, EachRecordedMessageMeansWhatItMeant) {
  const auto lines = lines_of("signaling.txt");
  const auto messages = all();
  ASSERT_EQ(lines.size(), messages.size());
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const auto parsed = parse(lines[i]);
    ASSERT_TRUE(parsed) << lines[i];
    EXPECT_EQ(*parsed, messages[i]) << lines[i];
  }
}

TEST(SignalingWire, WhatTheGoOriginalSendsMeansWhatItSays) {
  const auto lines = lines_of("signaling_go.txt");
  const std::string key = home().public_key;
  PeerInfo joined = home();
  joined.address6.clear();
  joined.routes = {"192.168.1.0/24"};
  joined.metadata = {{"routes", R"(["192.168.1.0/24"])"}};
  PeerInfo plain = bare();
  plain.public_key = key;
  plain.address = "10.100.0.2/16";
  PeerInfo newer = plain;
  newer.extra = {{"lastSeen", 1'800'000'000}};
  const std::vector<Message> wanted = {
      Join{joined},
      Join{plain},
      Peers{.peers = {joined, newer}, .more = false, .revoked = {}, .malformed = 0},
      Peers{},
      Offer{"a", "b", "v=0\r\n", key, {}},
      Answer{"b", "a", "v=0\r\n", "", {{"sessionId", "7"}}},
      IceCandidate{"a", "b", "candidate:1 1 udp 2130706431 192.0.2.1 5000 typ host ufrag abcd", {{"sdpMLineIndex", 0}}},
      PeerLeft{"home"},
  };
  ASSERT_EQ(lines.size(), wanted.size());
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const auto parsed = parse(lines[i]);
    ASSERT_TRUE(parsed) << lines[i];
    EXPECT_EQ(*parsed, wanted[i]) << lines[i];
  }
}

}  // namespace
}  // namespace bamgate::signaling
