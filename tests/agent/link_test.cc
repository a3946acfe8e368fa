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

}  // namespace
}  // namespace bamgate::agent
