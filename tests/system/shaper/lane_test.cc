// One direction of the shaped cable, in virtual time.
#include "system/shaper/lane.h"

#include <gtest/gtest.h>

#include <chrono>
#include <vector>

#include "core/writer.h"

namespace bamgate::shaper {
namespace {

using namespace std::chrono_literals;
using Frame = std::vector<std::byte>;

constexpr std::uint16_t kArp = 0x0806;
constexpr std::uint16_t kIpv4 = 0x0800;
constexpr std::uint16_t kIpv6 = 0x86dd;

Frame frame(std::uint16_t type, std::size_t packet_size, std::uint8_t first_address_byte = 2) {
  Frame bytes(14 + packet_size);
  Writer writer(bytes);
  writer.u8(first_address_byte);
  writer.zeros(11);
  writer.u16(type);
  return bytes;
}

Frame icmpv6(std::uint8_t type) {
  Frame bytes = frame(kIpv6, 64);
  bytes[14 + 6] = std::byte{58};
  bytes[14 + 40] = std::byte{type};
  return bytes;
}

struct Bench {
  explicit Bench(sim::LinkOptions options, std::uint64_t seed = 1)
      : lane(agenda, seed, options, [this](Bytes bytes) {
          arrivals.push_back(agenda.now());
          frames.emplace_back(bytes.begin(), bytes.end());
          return takes;
        }) {}
  void run() {
    while (agenda.next() != kNever) agenda.run_next();
  }
  sim::Agenda agenda;
  std::vector<Instant> arrivals;
  std::vector<Frame> frames;
  bool takes = true;
  Lane lane;
};

TEST(ShaperLane, HoldsAPacketForExactlyTheDelayAndTheTimeThatTheRateTakes) {
  Bench bench({.latency = 50ms, .rate = 100'000'000});
  const Instant sent = bench.agenda.now();
  const Frame packet = frame(kIpv4, 1250);  // 100 us at 100 Mbit/s
  bench.lane.take(packet);
  bench.lane.take(packet);
  EXPECT_TRUE(bench.arrivals.empty());
  EXPECT_EQ(bench.lane.counters().held, 2u);
  bench.run();
  EXPECT_EQ(bench.arrivals, (std::vector{sent + 50ms + 100us, sent + 50ms + 200us}));
  EXPECT_EQ(bench.frames.front(), packet);
  EXPECT_EQ(bench.lane.counters().bytes, 2500u) << "the Ethernet header does not count";
  EXPECT_EQ(bench.lane.counters().held, 0u);
}

TEST(ShaperLane, ServesTheCableAtOnceAndWithoutLoss) {
  Bench bench({.latency = 50ms, .loss = 1});
  const Instant sent = bench.agenda.now();
  bench.lane.take(frame(kArp, 28));
  bench.lane.take(frame(kIpv6, 64, 0x33));
  bench.lane.take(icmpv6(135));
  bench.lane.take(icmpv6(136));
  EXPECT_EQ(bench.arrivals, std::vector(4, sent));
  EXPECT_EQ(bench.lane.counters().unshaped, 4u);
  EXPECT_EQ(bench.lane.counters().packets, 0u);
}

TEST(ShaperLane, EchoesAndDatagramsTravel) {
  EXPECT_TRUE(travels(frame(kIpv4, 28)));
  EXPECT_TRUE(travels(icmpv6(128)));
  EXPECT_TRUE(travels(icmpv6(2))) << "packet too big";
  EXPECT_TRUE(travels(frame(kIpv6, 48)));
  EXPECT_FALSE(travels(Frame(13)));
  EXPECT_FALSE(travels({}));
}

TEST(ShaperLane, CountsWhatBecameOfEveryPacket) {
  Bench bench({.latency = 1ms, .loss = 0.1, .duplicate = 0.1, .mtu = 1400, .rate = 100'000'000, .queue = 100'000});
  for (int i = 0; i < 1000; ++i) {
    bench.lane.take(frame(kIpv4, i % 10 == 0 ? 1401 : 1400));
    if (i % 100 == 99) bench.run();
  }
  const sim::LinkCounters& link = bench.lane.link();
  EXPECT_EQ(bench.lane.counters().packets, 1000u);
  EXPECT_EQ(link.offered(), 1000u);
  EXPECT_EQ(link.too_large, 100u);
  EXPECT_GT(link.queue_full, 0u);
  EXPECT_GT(link.lost, 30u);
  EXPECT_GT(link.duplicated, 30u);
  EXPECT_EQ(bench.arrivals.size(), link.passed + link.duplicated);
  EXPECT_EQ(bench.lane.counters().held, 0u);
}

TEST(ShaperLane, TheSeedDecidesWhatIsLost) {
  const auto run = [](std::uint64_t seed) {
    Bench bench({.jitter = 3ms, .loss = 0.3}, seed);
    for (int i = 0; i < 200; ++i) bench.lane.take(frame(kIpv4, 100));
    bench.run();
    return bench.arrivals;
  };
  EXPECT_EQ(run(5), run(5));
  EXPECT_NE(run(5), run(6));
}

TEST(ShaperLane, CountsWhatTheFarEndRefuses) {
  Bench bench({});
  bench.takes = false;
  bench.lane.take(frame(kIpv4, 100));
  bench.lane.take(frame(kArp, 28));
  bench.run();
  EXPECT_EQ(bench.lane.counters().refused, 2u);
}

TEST(ShaperLane, HoldsABoundedNumberOfPackets) {
  Bench bench({.latency = 60s});
  const Frame small = frame(kIpv4, 28);
  for (std::size_t i = 0; i < Lane::kMostHeld + 10; ++i) bench.lane.take(small);
  EXPECT_EQ(bench.lane.counters().held, Lane::kMostHeld);
  EXPECT_EQ(bench.lane.counters().crowded, 10u);
}

}  // namespace
}  // namespace bamgate::shaper
