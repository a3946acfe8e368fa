// The sockets of a device, and what STUN servers say of them.
#include "agent/node.h"

#include <gtest/gtest.h>

#include <array>

#include "os/native_crypto.h"
#include "stun/binding.h"
#include "support/seeded_random.h"

namespace bamgate::agent {
namespace {

using namespace std::chrono_literals;

class Nodes : public ::testing::Test {
 protected:
  static IpPrefix prefix(int number) { return {IpAddress::v4(192, 0, 2, static_cast<std::uint8_t>(number)), 24}; }
  /// Carries out what the node asks for; `failing` sockets cannot be opened.
  void run_effects(bool failing = false) {
    while (const auto effect = node.poll_effect()) {
      if (const auto* open = std::get_if<OpenSocket>(&*effect)) {
        ++opened;
        if (failing) {
          node.on_socket_failed(open->socket);
        } else {
          node.on_socket(now, open->socket, {open->address, 5000});
        }
      } else if (std::holds_alternative<ResolveServers>(*effect)) {
        ++resolves;
      } else {
        ++closed;
      }
    }
    while (auto event = node.poll_event()) events.push_back(*event);
  }
  /// Requests that leave now; each is answered with `mapped` when that is set.
  int ask(std::optional<Endpoint> mapped = std::nullopt) {
    int requests = 0;
    std::array<std::byte, 200> buffer{};
    while (const auto out = node.poll_transmit(now, buffer)) {
      ++requests;
      if (!mapped) continue;
      std::vector<std::byte> reply(200);
      reply.resize(*stun::answer_binding(*mapped, Bytes(buffer).first(out->size), reply));
      EXPECT_TRUE(node.take_response(now, out->path, *stun::Message::parse(reply)));
    }
    while (auto event = node.poll_event()) events.push_back(*event);
    return requests;
  }
  int run_for(Duration duration, std::optional<Endpoint> mapped = std::nullopt) {
    int requests = ask(mapped);
    const Instant end = now + duration;
    while (node.next_timeout() <= end) {
      now = std::max(now, node.next_timeout());
      node.handle_timeout(now);
      requests += ask(mapped);
    }
    now = end;
    return requests;
  }

  const Endpoint server{IpAddress::v4(198, 51, 100, 1), 3478};
  const Endpoint outside{IpAddress::v4(203, 0, 113, 5), 9000};
  Instant now = Instant(1h);
  bamgate::testing::SeededRandom random{7};
  os::NativeCrypto crypto;
  BufferPool pool;
  Node node{{.device = "laptop", .stun_servers = {server}, .turn_secret = {}, .clock = {}}, random, crypto, pool};
  std::vector<Node::Event> events;
  int opened = 0;
  int closed = 0;
  int resolves = 0;
};

TEST_F(Nodes, OpenOneSocketForEachAddressAndKeepThoseWhoseAddressStays) {
  node.set_addresses(now, {prefix(1), prefix(2)});
  run_effects();
  ASSERT_EQ(node.sockets().size(), 2U);
  const SocketId kept = node.sockets()[1].socket;
  node.set_addresses(now, {prefix(2), prefix(3)});
  run_effects();
  EXPECT_EQ(opened, 3);
  EXPECT_EQ(closed, 1);
  ASSERT_EQ(node.sockets().size(), 2U);
  EXPECT_EQ(node.sockets()[0].socket, kept) << "in the order of the addresses";
}

TEST_F(Nodes, TryASocketThatCouldNotBeOpenedAgainWithTheNextConnection) {
  node.set_addresses(now, {prefix(1)});
  run_effects(true);
  EXPECT_TRUE(node.sockets().empty());
  node.freshen(now);
  run_effects();
  EXPECT_EQ(opened, 2);
  EXPECT_EQ(node.sockets().size(), 1U);
}

TEST_F(Nodes, CloseASocketThatWasAskedForWhenItsAddressIsGoneBeforeItIsOpen) {
  node.set_addresses(now, {prefix(1)});
  const auto asked = node.poll_effect();
  const SocketId socket = std::get<OpenSocket>(*asked).socket;
  node.set_addresses(now, {prefix(2)});
  node.on_socket(now, socket, {prefix(1).address, 5000});
  EXPECT_FALSE(node.has(socket));
  run_effects();
  EXPECT_EQ(closed, 1);
}

TEST_F(Nodes, AskEachServerOnceForASocketHoweverManyConnectionsBegin) {
  node.set_addresses(now, {prefix(1)});
  run_effects();
  for (int i = 0; i < 1000; ++i) node.freshen(now);
  EXPECT_EQ(run_for(1s, outside), 1);
  ASSERT_EQ(node.reflexives().size(), 1U);
  EXPECT_EQ(node.reflexives()[0].mapped, outside);
  EXPECT_EQ(events.size(), 2U) << "the socket, and what was said of it";
}

TEST_F(Nodes, KeepFindingsFreshAndTellWhatHasChanged) {
  node.set_addresses(now, {prefix(1)});
  run_effects();
  EXPECT_EQ(run_for(59s, outside), 4) << "every 15 s";
  EXPECT_EQ(events.size(), 2U);
  const Endpoint elsewhere{IpAddress::v4(203, 0, 113, 6), 9000};
  EXPECT_EQ(run_for(10s, elsewhere), 1);
  ASSERT_EQ(events.size(), 3U);
  EXPECT_EQ(std::get<ice::Reflexive>(events[2]).mapped, elsewhere);
  EXPECT_EQ(node.reflexives()[0].mapped, elsewhere);
}

TEST_F(Nodes, AskAgainWhenAConnectionBeginsAfterAWhileOrTheNetworkChanges) {
  node.set_addresses(now, {prefix(1)});
  run_effects();
  EXPECT_EQ(run_for(6s, outside), 1);
  node.freshen(now);
  EXPECT_EQ(ask(outside), 1);
  run_for(2s, outside);
  node.freshen(now);
  EXPECT_EQ(ask(outside), 0) << "it was a moment ago";
  node.look_again(now);
  EXPECT_EQ(ask(outside), 1);
}

TEST_F(Nodes, HaveTheNameOfASilentStunServerLookedUpAgainAndAskWhereItLeadsThen) {
  const Endpoint dead{IpAddress::v4(198, 51, 100, 7), 3478};
  const Endpoint alive{IpAddress::v4(198, 51, 100, 8), 3478};
  const Endpoint mapped{IpAddress::v4(203, 0, 113, 5), 6000};
  /// Who is asked from now on; only `alive` answers.
  const auto asked = [&](Duration duration) {
    std::vector<Endpoint> servers;
    const Instant end = now + duration;
    for (; now <= end; now = std::max(now, node.next_timeout())) {
      node.handle_timeout(now);
      std::array<std::byte, 200> buffer{};
      while (const auto out = node.poll_transmit(now, buffer)) {
        servers.push_back(out->path.remote);
        if (out->path.remote != alive) continue;
        std::vector<std::byte> reply(200);
        reply.resize(*stun::answer_binding(mapped, Bytes(buffer).first(out->size), reply));
        EXPECT_TRUE(node.take_response(now, out->path, *stun::Message::parse(reply)));
      }
    }
    now = end;
    run_effects();
    return servers;
  };
  const auto counts = [](const std::vector<Endpoint>& servers, const Endpoint& one) {
    return std::ranges::count(servers, one);
  };
  node.set_addresses(now, {prefix(1)});
  run_effects();
  node.on_stun_resolved(now, "stun:name", {dead});
  EXPECT_GT(counts(asked(20s), dead), 0);
  EXPECT_GE(resolves, 1);

  node.on_stun_resolved(now, "stun:name", {alive});
  auto servers = asked(20s);
  EXPECT_GT(counts(servers, alive), 0);
  EXPECT_EQ(counts(servers, dead), 0);

  node.on_stun_resolved(now, "stun:name", {dead});
  servers = asked(60s);
  EXPECT_GT(counts(servers, alive), 0) << "one that answers is kept, whatever its name says";
  EXPECT_EQ(counts(servers, dead), 0);
  EXPECT_EQ(node.reflexives().size(), 1U);
}

TEST_F(Nodes, ForgetWhatWasFoundForASocketThatIsGone) {
  node.set_addresses(now, {prefix(1)});
  run_effects();
  run_for(1s, outside);
  node.set_addresses(now, {prefix(2)});
  EXPECT_TRUE(node.reflexives().empty());
  run_effects();
  EXPECT_EQ(node.findings().asked, 1U);
}

TEST_F(Nodes, TakeNoResponseThatNobodyAskedFor) {
  node.set_addresses(now, {prefix(1)});
  run_effects();
  std::array<std::byte, 200> buffer{};
  const auto out = node.poll_transmit(now, buffer);
  ASSERT_TRUE(out);
  std::vector<std::byte> reply(200);
  reply.resize(*stun::answer_binding(outside, Bytes(buffer).first(out->size), reply));
  Path elsewhere = out->path;
  elsewhere.remote.port = 9;
  EXPECT_FALSE(node.take_response(now, elsewhere, *stun::Message::parse(reply)));
  EXPECT_TRUE(node.take_response(now, out->path, *stun::Message::parse(reply)));
  EXPECT_FALSE(node.take_response(now, out->path, *stun::Message::parse(reply))) << "a second time";
}

}  // namespace
}  // namespace bamgate::agent
