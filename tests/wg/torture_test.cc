// Two tunnels on a network that loses, doubles, reorders and damages, through outages, restarts and suspends, with one
// oracle: what was sent is received once or not at all, and in no other form. Repeatable by seed.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "wg/pair.h"
#include "wg/tunnel.h"

namespace bamgate::wg {
namespace {

using namespace wg::testing;
using bamgate::testing::SeededRandom;
using std::chrono::hours;
using std::chrono::minutes;

/// In percent.
struct Weather {
  unsigned loss = 0;
  unsigned duplicates = 0;
  unsigned damage = 0;
  milliseconds delay{10};
  milliseconds spread{0};  // on top of the delay, at random
};

class Torture {
 public:
  explicit Torture(std::uint64_t seed)
      : random_(seed), ends_{make_end(key_a_, key_b_.public_key()), make_end(key_b_, key_a_.public_key())} {}

  /// Sends packets at random times, `gap` apart on average, for this long.
  void run(const Weather& weather, Duration duration, milliseconds gap) {
    const Instant end = now_ + duration;
    Instant next_packet = now_;
    while (now_ < end) {
      if (::testing::Test::HasFatalFailure()) return;
      now_ = std::max(now_, std::min({next_packet, next_event(), end}));
      if (now_ >= next_packet) {
        send(static_cast<Side>(random_.below(2)), weather);
        next_packet = now_ + milliseconds(random_.below(2 * static_cast<std::uint32_t>(gap.count()) + 1));
      }
      settle(weather);
    }
  }
  /// The machine sleeps: time passes and no timer runs.
  void suspend(Duration duration) { now_ += duration; }
  void restart(Side side) { end(side).tunnel.reset(now_); }

  Tunnel& tunnel(Side side) { return end(side).tunnel; }
  std::size_t sent() const { return end(Side::kA).sent.size() + end(Side::kB).sent.size(); }
  std::size_t received() const { return end(Side::kA).received.size() + end(Side::kB).received.size(); }
  SeededRandom& random() { return random_; }

 private:
  struct End {
    Tunnel tunnel;
    std::map<std::uint64_t, Message> sent;  // to the other side, by number
    std::set<std::uint64_t> received;       // numbers of the other side's packets
  };
  struct Flight {
    Side to;
    Message message;
  };

  End make_end(const PrivateKey& local, const PublicKey& remote) {
    return {
        Tunnel::create({.local = local, .remote = remote, .clock = {UnixTime{1'700'000'000}, now_}}, random_).value(),
        {},
        {}};
  }
  End& end(Side side) { return ends_[static_cast<std::size_t>(side)]; }
  const End& end(Side side) const { return ends_[static_cast<std::size_t>(side)]; }
  Instant next_event() const {
    const Instant timers = std::min(ends_[0].tunnel.next_timeout(), ends_[1].tunnel.next_timeout());
    return wire_.empty() ? timers : std::min(timers, wire_.begin()->first);
  }
  bool chance(unsigned percent) { return random_.below(100) < percent; }

  void send(Side from, const Weather& weather) {
    const std::uint64_t number = ++last_number_;
    Message packet = ipv4_packet(28 + random_.below(1253));
    random_.fill(std::span(packet).subspan(28));
    std::memcpy(packet.data() + 20, &number, sizeof number);
    PacketBuffer buffer = pool_.copy(packet);
    if (!end(from).tunnel.seal(now_, buffer)) return;
    end(from).sent.emplace(number, std::move(packet));
    launch(from, Message(buffer.data().begin(), buffer.data().end()), weather);
  }

  void launch(Side from, Message message, const Weather& weather) {
    for (int copies = chance(weather.duplicates) ? 2 : 1; copies > 0; --copies) {
      if (chance(weather.loss)) continue;
      Message copy = message;
      if (chance(weather.damage)) {
        copy[random_.below(static_cast<std::uint32_t>(copy.size()))] ^= static_cast<std::byte>(1 + random_.below(255));
      }
      const auto spread = static_cast<std::uint32_t>(weather.spread.count());
      wire_.emplace(now_ + weather.delay + milliseconds(random_.below(spread + 1)),
                    Flight{other(from), std::move(copy)});
    }
  }

  /// Does all that is due now.
  void settle(const Weather& weather) {
    for (int steps = 0;; ++steps) {
      ASSERT_LT(steps, 100'000) << "the tunnels never come to rest";
      for (const Side side : {Side::kA, Side::kB}) drain(side, weather);
      if (!wire_.empty() && wire_.begin()->first <= now_) {
        const auto first = wire_.extract(wire_.begin());
        deliver(first.mapped());
      } else if (next_event() <= now_) {
        for (End& each : ends_) each.tunnel.handle_timeout(now_);
      } else {
        return;
      }
    }
  }

  void drain(Side side, const Weather& weather) {
    std::array<std::byte, 256> buffer{};
    while (const auto transmit = end(side).tunnel.poll_transmit(now_, buffer)) {
      launch(side, Message(buffer.begin(), buffer.begin() + transmit->size), weather);
    }
    while (end(side).tunnel.poll_event()) {
    }
  }

  void deliver(const Flight& flight) {
    Tunnel& to = end(flight.to).tunnel;
    if (message_type(flight.message) != MessageType::kData) {
      Message message = flight.message;
      static_cast<void>(to.handle_input(now_, Received{.path = {}, .data = message}));
      return;
    }
    PacketBuffer buffer = pool_.copy(flight.message);
    const auto opened = to.open(now_, buffer);
    if (opened && !opened->keepalive) judge(flight.to, Message(buffer.data().begin(), buffer.data().end()));
  }

  /// The oracle.
  void judge(Side to, const Message& packet) {
    ASSERT_GE(packet.size(), 28U);
    std::uint64_t number = 0;
    std::memcpy(&number, packet.data() + 20, sizeof number);
    const auto sent = end(other(to)).sent.find(number);
    ASSERT_NE(sent, end(other(to)).sent.end()) << "nobody sent this";
    ASSERT_EQ(packet, sent->second) << "not what was sent";
    ASSERT_TRUE(end(to).received.insert(number).second) << "received twice";
  }

  SeededRandom random_;
  BufferPool pool_;
  Instant now_{seconds(1000)};
  PrivateKey key_a_ = PrivateKey::generate(random_);
  PrivateKey key_b_ = PrivateKey::generate(random_);
  std::array<End, 2> ends_;
  std::multimap<Instant, Flight> wire_;
  std::uint64_t last_number_ = 0;
};

constexpr Weather kFair{};

TEST(WgTorture, WhatWasSentIsReceivedOnceOrNotAtAllAndInNoOtherForm) {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Torture torture(seed);
    for (int part = 0; part < 12; ++part) {
      SeededRandom& random = torture.random();
      const Weather weather{.loss = random.below(40),
                            .duplicates = random.below(30),
                            .damage = random.below(20),
                            .delay = milliseconds(random.below(300)),
                            .spread = milliseconds(random.below(4) == 0 ? 20'000 : 500)};
      torture.run(weather, seconds(random.below(400)), milliseconds(100 + random.below(5000)));
      if (random.below(4) == 0) torture.restart(static_cast<Side>(random.below(2)));
      if (random.below(4) == 0) torture.suspend(seconds(random.below(2000)));
      if (random.below(4) == 0) torture.run({.loss = 100}, seconds(random.below(600)), seconds(1));
      ASSERT_FALSE(HasFatalFailure());
    }
    EXPECT_GT(torture.received(), 100U);
    // The storm is over: after a minute, every packet arrives.
    torture.run(kFair, minutes(1), milliseconds(500));
    const std::size_t lost = torture.sent() - torture.received();
    const std::size_t sent = torture.sent();
    torture.run(kFair, minutes(1), milliseconds(500));
    torture.run({}, seconds(1), hours(1));
    EXPECT_GE(torture.sent(), sent + 60);
    EXPECT_LE(torture.sent() - torture.received(), lost);
  }
}

TEST(WgTorture, DayOfTrafficAtRandomTimesLosesNothing) {
  Torture torture(7);
  torture.tunnel(Side::kA).initiate(Instant{seconds(1000)});
  torture.run(kFair, seconds(1), seconds(10));
  const std::size_t lost = torture.sent() - torture.received();
  torture.run(kFair, hours(24), seconds(3));
  torture.run(kFair, seconds(1), hours(1));
  EXPECT_GE(torture.sent(), 27'000U);
  EXPECT_LE(torture.sent() - torture.received(), lost + 1);
  // The initiator renews with the first packet after 120 s.
  for (const Side side : {Side::kA, Side::kB}) {
    EXPECT_GE(torture.tunnel(side).handshakes(), 24U * 3600 / 135);
    EXPECT_LE(torture.tunnel(side).handshakes(), 24U * 3600 / 119);
    EXPECT_EQ(torture.tunnel(side).drops(), 0U);
  }
}

TEST(WgTorture, DayOfRareTrafficComesBackFromEveryPause) {
  Torture torture(8);
  torture.run(kFair, hours(24), minutes(4));
  EXPECT_GE(torture.received(), 100U);
  EXPECT_EQ(torture.tunnel(Side::kA).drops() + torture.tunnel(Side::kB).drops(), 0U);
}

}  // namespace
}  // namespace bamgate::wg
