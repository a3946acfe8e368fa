// The device's allocations at the hub's relay, against the relay itself.
#include "agent/relays.h"
#include "agent/node.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "os/native_crypto.h"
#include "support/seeded_random.h"
#include "turn/server.h"

namespace bamgate::agent {
namespace {

using namespace std::chrono_literals;

constexpr UnixTime kUnix{1'800'000'000};
constexpr Instant kStart = Instant(1h);

struct Packet {
  Path path;
  std::string data;
};

class Relay final : public turn::Accounts {
 public:
  std::optional<Account> find_account(UnixTime unix_now, std::string_view username) override {
    const auto name = turn::parse_hub_username(username);
    if (!name || name->expires <= unix_now) return std::nullopt;
    const std::string device(name->device);
    return Account{.owner = device, .password = turn::hub_password(crypto, "secret of " + device, username)};
  }
  os::NativeCrypto crypto;
};

class Relays : public ::testing::Test {
 protected:
  struct Side {
    Side(const std::string& name, std::uint8_t host, Random& random, Crypto& crypto, BufferPool& pool)
        : udp{0, {IpAddress::v4(198, 51, 100, host), 4000}, {}},
          stream{host, {IpAddress::v4(198, 51, 100, host), 0}, {}},
          relays(name, SecretText("secret of " + name), {.unix = kUnix, .at = kStart}, random, crypto, pool) {}

    turn::FiveTuple udp;
    turn::FiveTuple stream;
    agent::Relays relays;
    std::vector<Packet> got = {};
    std::vector<RelayFound> found = {};
    int gone = 0;
  };

  static constexpr Endpoint kServer{IpAddress::v4(203, 0, 113, 1), 3478};

  /// Carries messages between the two and the relay until nobody says anything; how many there were.
  int carry() {
    int count = 0;
    for (bool busy = true; busy;) {
      busy = false;
      for (Side* side : {&anna, &bert}) {
        std::array<std::byte, 2048> buffer{};
        while (const auto sent = side->relays.poll_transmit(now, buffer)) {
          busy = true;
          ++count;
          deliver(sent->path == agent::Relays::kWebSocket ? side->stream : side->udp,
                  MutableBytes(buffer).first(sent->size));
        }
        while (const auto event = side->relays.poll_event()) {
          if (const auto* one = std::get_if<RelayFound>(&*event)) side->found.push_back(*one);
          if (std::holds_alternative<RelayGone>(*event)) ++side->gone;
        }
      }
    }
    return count;
  }
  void deliver(const turn::FiveTuple& from, MutableBytes message) {
    const auto output = server.handle(now, kUnix, {from, {}, message}, room);
    if (!output || lost) return;
    std::vector<std::byte> copy(output->message.begin(), output->message.end());
    for (Side* side : {&anna, &bert}) {
      if (output->to != side->udp && output->to != side->stream) continue;
      const Path path = output->to.is_stream() ? agent::Relays::kWebSocket : Path{SocketId{1}, kServer, {}};
      EXPECT_TRUE(output->to.is_stream() || side->relays.is_from_relay(path, copy));
      if (const auto inner = side->relays.receive(now, path, copy)) {
        side->got.push_back({inner->path, std::string(as_text(inner->data))});
      }
    }
  }
  void begin() {
    for (Side* side : {&anna, &bert}) {
      side->relays.set_sockets(now, {{SocketId{1}, Family::kV4}});
      side->relays.add_udp(now, kServer);
      side->relays.add_websocket(now);
      EXPECT_TRUE(side->relays.wants_connection());
      side->relays.connecting();
      side->relays.on_open(now);
    }
    carry();
  }
  /// Sends from one side's allocation to that of the other of the same place.
  bool send(Side& from, const Side& to, std::size_t which, std::string_view data) {
    std::array<std::byte, 2048> buffer{};
    copy_bytes(as_bytes(data), buffer);
    const Path path{from.found[which].socket, to.found[which].relayed, from.found[which].relay};
    const auto sealed = from.relays.seal(now, {.path = path, .size = static_cast<std::uint32_t>(data.size())}, buffer);
    if (!sealed) return false;
    deliver(sealed->path == agent::Relays::kWebSocket ? from.stream : from.udp,
            MutableBytes(buffer).first(sealed->size));
    return true;
  }

  Instant now = kStart;
  bool lost = false;  // nothing of the relay's arrives
  bamgate::testing::SeededRandom random{3};
  os::NativeCrypto crypto;
  BufferPool pool;
  Relay accounts;
  turn::Server server{{}, accounts, crypto, random};
  std::vector<std::byte> room = std::vector<std::byte>(4096);
  Side anna{"anna", 1, random, crypto, pool};
  Side bert{"bert", 2, random, crypto, pool};
};

TEST_F(Relays, CarryBetweenTwoDevicesByUdpAndByWebSocket) {
  begin();
  for (Side* side : {&anna, &bert}) {
    ASSERT_EQ(side->found.size(), 2U) << "both at once, without a timeout between";
    EXPECT_EQ(side->found[0].transport, turn::Transport::kUdp);
    EXPECT_EQ(side->found[1].transport, turn::Transport::kWebSocket);
    EXPECT_TRUE(turn::kRelayNetwork.contains(side->found[0].relayed.address));
    EXPECT_TRUE(side->relays.has(side->found[1].socket));
  }
  for (const std::size_t which : {0U, 1U}) {
    for (int round = 0; round < 3; ++round) {
      send(anna, bert, which, "to bert");
      send(bert, anna, which, "to anna");
      carry();
    }
    ASSERT_FALSE(bert.got.empty());
    EXPECT_EQ(bert.got.back().data, "to bert");
    EXPECT_EQ(bert.got.back().path.remote, anna.found[which].relayed);
    EXPECT_EQ(bert.got.back().path.relay, bert.found[which].relay);
    EXPECT_EQ(anna.got.back().data, "to anna");
  }
}

TEST_F(Relays, TheFirstPacketToAPeerWaitsForItsPermission) {
  begin();
  EXPECT_FALSE(send(bert, anna, 0, "asks for bert's permission"));
  carry();
  EXPECT_FALSE(send(anna, bert, 0, "first"));
  carry();
  ASSERT_EQ(bert.got.size(), 1U);
  EXPECT_EQ(bert.got[0].data, "first");
  EXPECT_TRUE(send(anna, bert, 0, "second"));
  EXPECT_EQ(bert.got.back().data, "second");
}

TEST_F(Relays, AClosedWebSocketIsToldAndOpenedAgain) {
  begin();
  const SocketId former = anna.found[1].socket;
  server.handle_closed(anna.stream);
  anna.relays.on_closed(now);
  carry();
  EXPECT_EQ(anna.gone, 1);
  EXPECT_FALSE(anna.relays.has(former));
  for (int i = 0; i < 20 && !anna.relays.wants_connection(); ++i) {
    now = std::max(now, anna.relays.next_timeout());
    anna.relays.handle_timeout(now);
  }
  ASSERT_TRUE(anna.relays.wants_connection());
  anna.relays.connecting();
  anna.stream.stream = 77;
  anna.relays.on_open(now);
  carry();
  ASSERT_EQ(anna.found.size(), 3U);
  EXPECT_NE(anna.found[2].socket, former) << "what was for the old one reaches nobody";
}

TEST_F(Relays, TryAtOnceWhatRestsWhenTheyLookAgain) {
  begin();
  lost = true;
  const Instant end = now + 1h;
  while (anna.relays.next_timeout() < end) {
    now = std::max(now, anna.relays.next_timeout());
    anna.relays.handle_timeout(now);
    carry();
    if (!anna.relays.wants_connection()) continue;
    anna.relays.connecting();
    anna.relays.on_closed(now);
  }
  lost = false;
  now = end;
  carry();
  EXPECT_TRUE(anna.relays.found().empty()) << "it rests";
  EXPECT_FALSE(anna.relays.wants_connection());
  anna.relays.look_again(now);
  carry();
  EXPECT_EQ(anna.relays.found().size(), 1U) << "by UDP";
  EXPECT_TRUE(anna.relays.wants_connection());
}

TEST_F(Relays, WhatGoesThroughARelayThatIsGoneIsDropped) {
  begin();
  const RelayFound before = anna.found[0];
  anna.relays.set_sockets(now, {});
  carry();
  EXPECT_EQ(anna.gone, 1);
  EXPECT_FALSE(send(anna, bert, 0, "nowhere"));
  EXPECT_FALSE(anna.relays.has(before.socket));
}

TEST_F(Relays, LeaveNoPathInTheDirectoryWhenTheyAreGone) {
  Node node(
      {.device = "anna", .stun_servers = {}, .turn_secret = SecretText("secret of anna"), .clock = {kUnix, kStart}},
      random, crypto, pool);
  node.relays().add_websocket(now);
  node.relays().on_open(now);
  std::array<std::byte, 2048> buffer{};
  while (const auto sent = node.poll_transmit(now, buffer)) {
    const auto output = server.handle(now, kUnix, {anna.stream, {}, MutableBytes(buffer).first(sent->size)}, room);
    ASSERT_TRUE(output);
    std::vector<std::byte> copy(output->message.begin(), output->message.end());
    (void)node.relays().receive(now, agent::Relays::kWebSocket, copy);
  }
  const auto found = node.poll_event();
  ASSERT_TRUE(found);
  const auto& relay = std::get<RelayFound>(*found);
  node.directory().add(AttemptId{1}, {"ufrag"});
  EXPECT_TRUE(node.directory().claim(AttemptId{1}, {relay.socket, relay.relayed, relay.relay}, Claim::kAsked));
  node.relays().on_closed(now);
  while (node.poll_event()) {
  }
  EXPECT_EQ(node.directory().paths(), 0U);
}

TEST_F(Relays, ForgetPeersThatNobodySendsTo) {
  begin();
  send(anna, bert, 0, "x");
  carry();
  const Instant end = now + 20min;
  while (now < end) {
    now = std::max(now, std::min(anna.relays.next_timeout(), bert.relays.next_timeout()));
    anna.relays.handle_timeout(now);
    bert.relays.handle_timeout(now);
    server.handle_timeout(now);
    carry();
  }
  EXPECT_EQ(server.allocations().size(), 4U) << "kept alive";
  lost = true;
  EXPECT_FALSE(send(anna, bert, 0, "asks anew"));
}

TEST_F(Relays, WithoutASecretNothingIsRelayed) {
  agent::Relays relays("mute", SecretText(), {.unix = kUnix, .at = kStart}, random, crypto, pool);
  relays.add_udp(now, kServer);
  relays.add_websocket(now);
  EXPECT_FALSE(relays.wants_connection());
  EXPECT_EQ(relays.next_timeout(), kNever);
}

}  // namespace
}  // namespace bamgate::agent
