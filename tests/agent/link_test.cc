// Two links on one wire without latency, with a carrier that is no WireGuard: what a link asks of its carrier and what
// it makes of the answers.
#include "agent/link.h"
#include "peer/demux.h"

#include <gtest/gtest.h>

#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "os/native_crypto.h"
#include "sctp/engine.h"
#include "support/seeded_random.h"

namespace bamgate::agent {
namespace {

using namespace std::chrono_literals;

constexpr UnixTime kClock{1'800'000'000};

/// Says "hello" on each new channel, waits for the peer's, and carries lines from then on.
class LineCarrier final : public Carrier {
 public:
  explicit LineCarrier(BufferPool& pool) : pool_(pool) {}

  void opened(Instant, bool first) override {
    seen.emplace_back(first ? "opened, first" : "opened, second");
    push("hello", false);
  }
  void closed() override {
    seen.emplace_back("closed");
    secured_ = false;
  }
  void restarted(Instant) override { seen.emplace_back("restarted"); }
  bool on_message(Instant, PacketBuffer message) override {
    std::string line;
    for (const std::byte byte : std::as_const(message).data()) line.push_back(std::to_integer<char>(byte));
    secured_ = secured_ || (line == "hello" && !silent);
    seen.push_back(std::move(line));
    return !silent;
  }
  std::optional<CarrierMessage> poll_message(Instant) override {
    if (waiting_.empty()) return std::nullopt;
    CarrierMessage message = std::move(waiting_.front());
    waiting_.pop_front();
    return message;
  }
  bool is_secured() const override { return secured_; }
  void handle_timeout(Instant now) override {
    if (std::exchange(due, kNever) <= now) push("late", true);
  }
  Instant next_timeout() const override { return due; }

  void push(std::string_view line, bool expects_answer) {
    PacketBuffer message = pool_.take();
    copy_bytes(std::as_bytes(std::span(line)), message.append(line.size()));
    waiting_.push_back({std::move(message), expects_answer});
  }

  std::vector<std::string> seen;
  Instant due = kNever;
  bool silent = false;  // takes nothing for authentic

 private:
  BufferPool& pool_;
  std::deque<CarrierMessage> waiting_;
  bool secured_ = false;
};

/// One device with a link to the other.
struct Side {
  Side(std::string self, std::string other, sctp::EngineFactory& sctp, std::uint64_t seed)
      : random(seed),
        shared{.self = std::move(self),
               .public_key = {},
               .random = random,
               .crypto = crypto,
               .pool = pool,
               .sctp = sctp,
               .bridge = bridge,
               .node = node,
               .certificate = dtls::Certificate::generate(random, kClock).value(),
               .route_filter = {},
               .channel = {.label = "bamgate",
                           .protocol = {},
                           .ordered = false,
                           .max_retransmits = 0,
                           .max_lifetime = std::nullopt},
               .clock = {.unix = kClock, .at = Instant(1h)},
               .allow_loopback = false,
               .observer = {},
               .address = IpAddress::v4(10, 100, 0, 1),
               .counters = {},
               .ended = {},
               .effects = {},
               .messages = {},
               .farewells = {}},
        carrier(pool),
        link(shared, carrier, info(std::move(other))) {}

  static signaling::PeerInfo info(std::string name) {
    signaling::PeerInfo info;
    info.peer_id = std::move(name);
    return info;
  }

  bamgate::testing::SeededRandom random;
  os::NativeCrypto crypto;
  BufferPool pool;
  bridge::Bridge bridge;
  Node node{{}, random, crypto, pool};
  Shared shared;
  LineCarrier carrier;
  Link link;
  Endpoint address;
};

class Links : public ::testing::Test {
 protected:
  Links() {
    anna.address = {IpAddress::v4(192, 0, 2, 1), 5000};
    bert.address = {IpAddress::v4(192, 0, 2, 2), 5000};
    for (Side* side : {&anna, &bert}) {
      side->node.set_addresses(now, {{side->address.address, 24}});
      side->node.on_socket(now, SocketId{1}, side->address);
    }
  }

  void connect() {
    anna.link.handle_present(now);
    bert.link.handle_present(now);
    run_for(1s);
  }

  /// Until both are silent.
  void settle() {
    bool moved = true;
    for (int steps = 0; moved && steps < 10'000; ++steps) {
      moved = run_effects(anna) || run_effects(bert);
      moved = pass_messages(anna, bert) || pass_messages(bert, anna) || moved;
      moved = pass_datagrams(anna, bert) || pass_datagrams(bert, anna) || moved;
    }
    ASSERT_FALSE(moved);
  }

  void run_for(Duration duration) {
    const Instant end = now + duration;
    settle();
    while (true) {
      const Instant next = std::min(anna.link.next_timeout(), bert.link.next_timeout());
      if (next > end) break;
      now = std::max(now, next);
      if (anna.link.next_timeout() <= now) anna.link.handle_timeout(now);
      if (bert.link.next_timeout() <= now) bert.link.handle_timeout(now);
      settle();
    }
    now = end;
  }

  bool run_effects(Side& side) {
    if (side.shared.effects.empty()) return false;
    side.shared.effects.pop_front();
    return true;
  }

  bool pass_messages(Side& from, Side& to) {
    if (from.shared.messages.empty()) return false;
    const signaling::Message message = std::move(from.shared.messages.front());
    from.shared.messages.pop_front();
    if (const auto* offer = std::get_if<signaling::Offer>(&message)) to.link.handle_offer(now, *offer);
    if (const auto* answer = std::get_if<signaling::Answer>(&message)) to.link.handle_answer(now, *answer);
    if (const auto* candidate = std::get_if<signaling::IceCandidate>(&message))
      to.link.handle_candidate(now, *candidate);
    return true;
  }

  bool pass_datagrams(Side& from, Side& to) {
    std::array<std::byte, 1500> buffer;
    const auto transmit = from.link.poll_transmit(now, buffer);
    if (!transmit) return false;
    const MutableBytes data = MutableBytes(buffer).first(transmit->size);
    const Received received{.path = {.local = SocketId{1}, .remote = from.address}, .data = data};
    for (const auto& attempt : to.link.attempts()) {
      if (!attempt || !wire) continue;
      if (peer::classify(data) == peer::Protocol::kStun) {
        to.link.find(*attempt)->handle_stun(now, received);
      } else {
        to.link.find(*attempt)->handle_record(now, received);
      }
    }
    to.link.pump(now);
    return true;
  }

  void say(Side& side, std::string_view line, bool expects_answer = true) {
    side.carrier.push(line, expects_answer);
    side.link.pump(now);
    settle();
  }

  Attempt& attempt_of(Side& side) { return *side.link.find(*side.link.attempt()); }

  /// As whoever renews paths does.
  void ask_for_restart(Side& side) {
    auto offer = attempt_of(side).restart(now);
    ASSERT_TRUE(offer);
    side.shared.messages.emplace_back(signaling::Offer{
        .from = side.shared.self, .to = side.link.info().peer_id, .sdp = *offer, .public_key = {}, .extra = {}});
  }

  /// Whose checks with this ufrag are.
  static std::optional<AttemptId> find_ufrag(Side& side, const std::string& ufrag) {
    return side.node.directory().find_username(ufrag + ":theirs");
  }

  Instant now = Instant(1h);
  bool wire = true;
  bamgate::testing::SeededRandom sctp_random{42};
  std::unique_ptr<sctp::EngineFactory> sctp = std::move(*sctp::make_engine_factory(sctp_random));
  Side anna{"anna", "bert", *sctp, 1};
  Side bert{"bert", "anna", *sctp, 2};
};

using Lines = std::vector<std::string>;

TEST_F(Links, CarryWhateverTheirCarrierSays) {
  connect();
  EXPECT_EQ(anna.link.state(), PeerState::kConnected);
  EXPECT_EQ(bert.link.state(), PeerState::kConnected);
  say(anna, "are you there?");
  say(bert, "yes");
  EXPECT_EQ(bert.carrier.seen, (Lines{"opened, second", "hello", "are you there?"}));
  EXPECT_EQ(anna.carrier.seen, (Lines{"opened, first", "hello", "yes"}));
}

TEST_F(Links, AreNoConnectionBeforeTheirCarrierIsSecured) {
  anna.carrier.silent = true;
  connect();
  EXPECT_EQ(anna.link.state(), PeerState::kOpen);
  EXPECT_EQ(bert.link.state(), PeerState::kConnected);
  run_for(Link::kAttemptTime);
  EXPECT_NE(anna.link.status(now).last_error.find("no answer in time"), std::string::npos);
}

TEST_F(Links, GiveTheirCarrierItsTime) {
  connect();
  anna.carrier.due = now + 2s;
  run_for(1s);
  EXPECT_EQ(bert.carrier.seen.back(), "hello");
  run_for(1s);
  EXPECT_EQ(bert.carrier.seen.back(), "late");
}

TEST_F(Links, TellTheirCarrierThatTheChannelIsGoneAndThatThePeerRunsAfresh) {
  connect();
  signaling::PeerInfo first = Side::info("bert");
  first.metadata.emplace(kInstance, "1");
  anna.link.set_info(now, first);
  anna.carrier.seen.clear();
  first.metadata[std::string(kInstance)] = "2";
  anna.link.set_info(now, first);
  EXPECT_EQ(anna.carrier.seen, (Lines{"restarted", "closed"}));
  EXPECT_EQ(anna.link.state(), PeerState::kLost);
}

TEST_F(Links, AreDeadWhenNothingAnswersDataThatExpectsIt) {
  connect();
  wire = false;
  say(anna, "are you there?");
  run_for(Attempt::kSilence);
  EXPECT_EQ(anna.link.state(), PeerState::kLost);
}

TEST_F(Links, AreDeadWhenTheirCarrierTakesNothingForAuthentic) {
  connect();
  anna.carrier.silent = true;
  run_for(1s);
  for (Duration passed{}; passed < Attempt::kTunnelSilence; passed += 10s) {
    EXPECT_EQ(anna.link.state(), PeerState::kConnected);
    say(anna, "are you there?");
    say(bert, "yes, as a stranger could say");
    run_for(10s);
  }
  EXPECT_NE(anna.link.state(), PeerState::kConnected);
}

TEST_F(Links, AreNotDeadBecauseNobodyAnswersWhatExpectsNoAnswer) {
  connect();
  anna.carrier.silent = true;
  for (Duration passed{}; passed < 2 * Attempt::kTunnelSilence; passed += 10s) {
    say(anna, "I am alive", false);
    run_for(10s);
  }
  EXPECT_EQ(anna.link.state(), PeerState::kConnected);
}

// ---- ICE restart within the attempt ----

TEST_F(Links, AnOfferToRestartIsAnsweredWithinTheAttemptByWhicheverSideItIsMade) {
  connect();
  for (Side* side : {&anna, &bert}) {
    const auto attempts = std::pair(anna.link.attempt(), bert.link.attempt());
    const std::string before = attempt_of(bert).connection().local_ufrags()[0];
    ask_for_restart(*side);
    EXPECT_TRUE(attempt_of(*side).awaits_restart_answer());
    say(anna, "during");
    run_for(5s);
    EXPECT_NE(attempt_of(bert).connection().ice().local_credentials().ufrag, before);
    EXPECT_FALSE(attempt_of(*side).is_restarting());
    EXPECT_EQ(std::pair(anna.link.attempt(), bert.link.attempt()), attempts);
    EXPECT_EQ(anna.link.state(), PeerState::kConnected);
    EXPECT_EQ(bert.link.state(), PeerState::kConnected);
    say(bert, "after");
  }
  EXPECT_EQ(bert.carrier.seen, (Lines{"opened, second", "hello", "during", "during"}));
  EXPECT_EQ(anna.carrier.seen, (Lines{"opened, first", "hello", "after", "after"}));
}

TEST_F(Links, ARestartHasBothUfragsInTheDirectoryUntilItsPathIsOldEnough) {
  connect();
  for (Side* side : {&anna, &bert}) {
    const std::string old = attempt_of(*side).connection().local_ufrags()[0];
    ask_for_restart(anna);
    settle();
    const std::string fresh = attempt_of(*side).connection().local_ufrags()[0];
    ASSERT_NE(old, fresh);
    EXPECT_EQ(find_ufrag(*side, old), side->link.attempt());
    EXPECT_EQ(find_ufrag(*side, fresh), side->link.attempt());
    run_for(5s);
    EXPECT_EQ(find_ufrag(*side, old), std::nullopt);
    EXPECT_EQ(find_ufrag(*side, fresh), side->link.attempt());
  }
  EXPECT_EQ(anna.node.directory().paths(), 1U);
}

TEST_F(Links, ARestartOffersWhatTheNodeHasNowAndInItsOrder) {
  connect();
  // The old address is still there, but another network is preferred now, and one that was there is gone.
  const IpAddress fresh = IpAddress::v4(198, 51, 100, 7);
  anna.node.set_addresses(now, {{fresh, 24}, {IpAddress::v4(203, 0, 113, 9), 24}, {anna.address.address, 24}});
  anna.node.on_socket(now, SocketId{2}, {fresh, 7000});
  anna.node.on_socket(now, SocketId{3}, {IpAddress::v4(203, 0, 113, 9), 7000});
  while (const auto event = anna.node.poll_event()) anna.link.learn(now, *event);
  anna.node.set_addresses(now, {{fresh, 24}, {anna.address.address, 24}});
  const auto offer = attempt_of(anna).restart(now);
  ASSERT_TRUE(offer);
  const auto candidates = peer::parse_description(*offer)->candidates;
  ASSERT_EQ(candidates.size(), 2U);
  EXPECT_EQ(candidates[0].endpoint.address, fresh);
  EXPECT_GT(candidates[0].priority, candidates[1].priority);
  EXPECT_EQ(candidates[1].endpoint, anna.address);
  // What is found from now on is for the restart, too.
  anna.node.set_addresses(now, {{fresh, 24}, {anna.address.address, 24}, {IpAddress::v4(10, 1, 1, 1), 24}});
  anna.node.on_socket(now, SocketId{4}, {IpAddress::v4(10, 1, 1, 1), 7000});
  while (const auto event = anna.node.poll_event()) anna.link.learn(now, *event);
  anna.link.pump(now);
  ASSERT_EQ(anna.shared.messages.size(), 1U);
  EXPECT_TRUE(std::get<signaling::IceCandidate>(anna.shared.messages.front()).candidate.contains("10.1.1.1"));
}

TEST_F(Links, AnAttemptWhosePathIsGoneIsNotStaleWhileItRestarts) {
  connect();
  const IpAddress fresh = IpAddress::v4(198, 51, 100, 7);
  anna.node.set_addresses(now, {{fresh, 24}});
  anna.node.on_socket(now, SocketId{2}, {fresh, 7000});
  EXPECT_TRUE(attempt_of(anna).is_stale());
  ASSERT_TRUE(attempt_of(anna).restart(now));
  EXPECT_FALSE(attempt_of(anna).is_stale());
  attempt_of(anna).forget_gone_sockets(now);
  anna.link.pump(now);
  EXPECT_EQ(anna.link.state(), PeerState::kConnected) << "it waits for the restart";
}

TEST_F(Links, GlareOfTwoRestartsEndsWithThatOfTheFirstOfferer) {
  connect();
  ask_for_restart(anna);
  ask_for_restart(bert);
  run_for(5s);
  EXPECT_FALSE(attempt_of(anna).is_restarting());
  EXPECT_FALSE(attempt_of(bert).is_restarting());
  EXPECT_EQ(attempt_of(anna).connection().ice().remote_credentials(),
            attempt_of(bert).connection().ice().local_credentials());
  say(anna, "still here");
  EXPECT_EQ(bert.carrier.seen.back(), "still here");
}

TEST_F(Links, APeerThatAnswersARestartWithAFreshConnectionKeepsTheOldOne) {
  // As programs do that know no restart, and show the same certificate.
  connect();
  auto offer = attempt_of(anna).restart(now);
  ASSERT_TRUE(offer);
  Attempt fresh(now, bert.shared, Attempt::Role::kAnswers);
  const auto answer = fresh.connection().accept_offer(now, *offer);
  ASSERT_TRUE(answer);
  anna.link.handle_answer(now, {.from = "bert", .to = "anna", .sdp = *answer, .public_key = {}, .extra = {}});
  EXPECT_FALSE(attempt_of(anna).is_restarting());
  EXPECT_EQ(anna.link.state(), PeerState::kConnected);
  say(anna, "still here");
  EXPECT_EQ(bert.carrier.seen.back(), "still here");
}

}  // namespace
}  // namespace bamgate::agent
