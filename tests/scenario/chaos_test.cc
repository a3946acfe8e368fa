// Everything at once, at random, for two hours: whatever order things break in, a calm minute later all is well again,
// and nothing has piled up. BAMGATE_SEEDS=FIRST-LAST runs other seeds than the usual ones, BAMGATE_HOURS=24 a whole
// day.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <iostream>

#include "sim/replay.h"
#include "sim/world.h"
#include "support/heap.h"

namespace bamgate::sim {
namespace {

using namespace std::chrono_literals;

/// Somewhere to be. Any two devices can reach each other directly, wherever they are, while UDP passes.
struct Place {
  Segment* segment;
  std::string prefix;   // of an IPv4 address
  std::string prefix6;  // of an IPv6 address; empty: none
};

class Chaos : public ::testing::TestWithParam<std::uint64_t> {
 protected:
  /// BAMGATE_HOURS, or two.
  static Duration length();
  static constexpr std::uint32_t kDevices = 5;

  void SetUp() override {
    add_places();
    for (std::uint32_t i = 0; i < kDevices; ++i) {
      constexpr std::array kNames{"anna", "bert", "carl", "dora", "emil"};
      constexpr std::array<std::size_t, kDevices> kHomes{1, 1, 2, 0, 4};
      const Place& home = places_[kHomes[i]];
      devices_.push_back(&world_.add_device(kNames[i], *home.segment, addresses(home, i)));
    }
  }

  static void TearDownTestSuite() {
    std::cout << "chaos: " << steps_ << " steps, " << virtual_seconds_ << " virtual seconds in " << real_seconds_
              << " s, " << static_cast<std::uint64_t>(virtual_seconds_ / real_seconds_) << " in one\n";
  }

  void add_places();
  static std::vector<std::string> addresses(const Place& place, std::uint32_t device);
  Device& any_device() { return *devices_[random_.below(kDevices)]; }
  Place& any_place() { return places_[random_.below(static_cast<std::uint32_t>(places_.size()))]; }
  Duration pause();
  void repair_later(Agenda::Action repair);
  void break_things();
  void break_something();
  void break_device(Device& device);
  void break_network();
  void impair();
  void chat();
  void calm();
  /// Connections that reach the relay so, each counted by both sides.
  std::size_t peers_by(const std::string& relay) const;
  bool all_well();
  void expect_nothing_piled_up();

  testing::SeededRandom random_{GetParam() * 7919};
  World world_{GetParam()};
  std::vector<Segment*> routers_;
  std::vector<Place> places_;
  std::vector<Device*> devices_;

  int asked_ = 0;  // pings amid all this
  int answered_ = 0;

  static inline std::uint64_t steps_ = 0;
  static inline double virtual_seconds_ = 0;
  static inline double real_seconds_ = 0;
};

INSTANTIATE_TEST_SUITE_P(Seeds, Chaos, ::testing::ValuesIn(seeds(3)), seed_name);

Duration Chaos::length() {
  const char* hours = std::getenv("BAMGATE_HOURS");
  return hours == nullptr ? 2h : std::chrono::hours(std::max(1, std::atoi(hours)));
}

void Chaos::add_places() {
  Network& network = world_.network;
  Segment& lan = network.add_lan("lan", "198.51.100.1");
  Segment& far = network.add_network("far", {.external = "198.51.100.2",
                                             .nat = {.filtering = Filtering::kAddressDependent, .preserve_ports = true},
                                             .prefix6 = "2001:db8:2::/64"});
  Segment& cafe = network.add_network("cafe", {.external = "198.51.100.3",
                                               .nat = {.filtering = Filtering::kEndpointIndependent, .lifetime = 30s},
                                               .prefix6 = "2001:db8:3::/64"});
  Segment& carrier = network.add_lan("carrier", "198.51.100.4", {.lifetime = 60s});
  Segment& mobile = network.add_network("mobile", {.parent = &carrier, .external = "100.64.0.2"});
  routers_ = {&lan, &far, &cafe, &carrier, &mobile};
  places_ = {{&network.internet(), "203.0.113.1", "2001:db8::1"},
             {&lan, "192.168.1.1", ""},
             {&far, "192.168.1.1", "2001:db8:2::1"},
             {&cafe, "10.0.0.1", "2001:db8:3::1"},
             {&mobile, "192.168.8.1", ""}};
}

std::vector<std::string> Chaos::addresses(const Place& place, std::uint32_t device) {
  const std::string number = std::to_string(device);
  std::vector<std::string> all{place.prefix + number};
  if (!place.prefix6.empty()) all.push_back(place.prefix6 + number);
  return all;
}

// ---- What breaks, and is repaired a while later ----

// Most things follow each other closely, some after minutes of quiet.
Duration Chaos::pause() { return std::chrono::milliseconds(random_.below(random_.below(4) == 0 ? 300'000 : 6'000)); }

void Chaos::repair_later(Agenda::Action repair) {
  world_.agenda.after(std::chrono::milliseconds(random_.below(random_.below(3) == 0 ? 200'000 : 20'000)),
                      std::move(repair));
}

void Chaos::break_something() { return random_.below(2) == 0 ? break_device(any_device()) : break_network(); }

void Chaos::break_device(Device& device) {
  switch (random_.below(7)) {
    case 0:
      device.kill();
      return device.start();
    case 1:
      device.kill();
      return repair_later([&device] { device.start(); });
    case 2:
      device.stop();
      return repair_later([&device] { device.start(); });
    case 3:
      device.host().cut = true;
      return repair_later([&device] { device.host().cut = device.asleep(); });
    case 4:
      world_.network.set_up(device.host().interface(), false);
      return repair_later([this, &device] { world_.network.set_up(device.host().interface(), true); });
    case 5:
      device.sleep();
      return repair_later([&device] { device.wake(); });
    default: {  // no enum: it moves
      const auto number = static_cast<std::uint32_t>(std::ranges::find(devices_, &device) - devices_.begin());
      Place& place = any_place();
      return world_.network.move(device.host(), *place.segment, addresses(place, number));
    }
  }
}

void Chaos::break_network() {
  Segment& router = *routers_[random_.below(static_cast<std::uint32_t>(routers_.size()))];
  switch (random_.below(10)) {
    case 0:
      world_.hub.stop();
      return repair_later([this] { world_.hub.start(); });
    case 1:
      world_.hub.host().cut = true;
      return repair_later([this] { world_.hub.host().cut = false; });
    case 2:
      router.firewall.forget();
      return router.nat->forget();
    case 3:
      return router.nat->rebind();
    case 4:
      router.cut = true;
      return repair_later([&router] { router.cut = false; });
    case 5:
      // All allocations are forgotten, and at once there is a relay again.
      world_.hub.stop();
      return world_.hub.start();
    case 6:
      return world_.hub.break_relay_connections();
    case 7:
      router.passes = random_.below(2) == 0 ? Passes::kTcp : Passes::kTcp443;
      return repair_later([&router] { router.passes = Passes::kAll; });
    default:  // no enum: twice as often
      return impair();
  }
}

void Chaos::impair() {
  const std::uint32_t what = random_.below(7);
  const double much = random_.below(40) / 100.0;
  world_.network.impair([&](LinkOptions& link) {
    link = {.latency = 10ms};
    if (what == 0) link.loss = much;
    if (what == 1) link.burst = BurstLoss::of(much / 2, 10);
    if (what == 2) link.latency = 300ms;
    if (what == 3) link.duplicate = much;
    if (what == 4) link.jitter = 100ms;
    if (what == 5) {
      link.reorder = much;
      link.reorder_delay = 30ms;
    }
  });
}

void Chaos::chat() {
  Device& from = any_device();
  Device& to = any_device();
  if (&from == &to || !from.is_up() || from.asleep()) return;
  const std::uint16_t sequence = from.ping(to.address());
  world_.run_for(1s);
  ++asked_;
  if (from.pong_at(sequence)) ++answered_;
}

void Chaos::calm() {
  world_.network.impair([](LinkOptions& link) { link = {.latency = 10ms}; });
  for (Segment* router : routers_) {
    router->cut = false;
    router->passes = Passes::kAll;
  }
  world_.hub.host().cut = false;
  if (!world_.hub.is_running()) world_.hub.start();
  for (Device* device : devices_) {
    world_.network.set_up(device->host().interface(), true);
    device->host().cut = false;
    device->wake();
    device->start();
  }
}

// ---- What must hold afterwards ----

std::size_t Chaos::peers_by(const std::string& relay) const {
  std::size_t count = 0;
  for (Device* device : devices_) {
    const auto peers = device->agent().status(world_.agenda.now()).peers;
    count += static_cast<std::size_t>(std::ranges::count(peers, relay, &agent::PeerStatus::relay));
  }
  return count;
}

// A minute is enough: until 30 s have passed a side may take a dead connection for a live one (RFC 7675 §5.1), and no
// wait between two attempts is longer than that.
bool Chaos::all_well() {
  world_.run_for(31s);
  if (!world_.run_until([this] { return world_.all_connected(); }, 1min)) return false;
  bool answered = true;
  for (Device* from : devices_) {
    for (Device* to : devices_) {
      if (from == to || world_.ping(*from, *to)) continue;
      ADD_FAILURE() << "no answer: " << from->host().name << " to " << to->host().name;
      answered = false;
    }
  }
  return answered;
}

void Chaos::expect_nothing_piled_up() {
  for (Device* device : devices_) {
    const std::string& name = device->registration().name;
    EXPECT_LE(device->host().sockets.size(), (kDevices - 1) * device->host().addresses().size()) << name;
    EXPECT_EQ(device->open_sockets(), device->host().sockets.size()) << name;
    EXPECT_LE(device->packets_in_use(), 16U) << name << " holds packets though nothing is on its way";
    EXPECT_EQ(device->damaged, 0U) << name;
    EXPECT_FALSE(device->given_up) << name;
  }
  EXPECT_LE(world_.agenda.pending(), 64U) << "the world has more to do than a quiet network has";
  EXPECT_EQ(world_.hub.ask("GET", "/status", {}).body.get_int("peers"), std::int64_t{kDevices});
}

void Chaos::break_things() {
  const Flow often(world_.agenda, *devices_[0], *devices_[2], 1000, 2s);
  const Flow seldom(world_.agenda, *devices_[3], *devices_[4], 1000, 20s);
  const Instant end = world_.agenda.now() + length();
  while (world_.agenda.now() < end) {
    break_something();
    world_.run_for(pause());
    chat();
  }
}

TEST_P(Chaos, TwoHoursOfItEndWithEverybodyConnectedAndNothingPiledUp) {
  const auto began = std::chrono::steady_clock::now();
  world_.hub.behind_proxy = GetParam() % 2 == 0;
  for (Device* device : devices_) device->start();
  ASSERT_TRUE(all_well());
  const std::size_t heap = bamgate::testing::heap_in_use();
  break_things();
  calm();
  EXPECT_TRUE(all_well());
  EXPECT_GE(asked_, 50);
  EXPECT_GE(answered_ * 100 / asked_, 10) << "it was not chaos but a graveyard";
  EXPECT_LE(answered_ * 100 / asked_, 95) << "and nothing broke";

  // No datagram passes, and the hub stays: everybody meets at its relay, without any news from the hub.
  world_.network.fault = [](const Flight&) { return true; };
  // Longer than a WireGuard session lives without packets: just at its end (paper, §6.1) one could be lost.
  world_.run_for(4min);
  EXPECT_TRUE(world_.all_connected());
  EXPECT_EQ(peers_by("websocket"), kDevices * (kDevices - 1));
  world_.network.fault = nullptr;
  EXPECT_TRUE(all_well());

  std::vector<int> attempts;
  for (const Device* device : devices_) attempts.push_back(device->attempts());
  world_.run_for(10min);
  EXPECT_TRUE(world_.all_connected());
  for (std::size_t i = 0; i < devices_.size(); ++i) {
    EXPECT_EQ(devices_[i]->attempts(), attempts[i]) << "a connection was made anew though nothing broke";
  }
  expect_nothing_piled_up();
  for (Device* device : devices_) device->forget_the_past();
  // What has grown to its bounds: caches of SQLite and of the SCTP engine, buffers of the pools, and of each connection
  // the paths on which it has asked (Directory::kMaxPaths). Four times as long a chaos ends below this too.
  EXPECT_LE(bamgate::testing::heap_in_use(), heap + 1'500'000)
      << "bytes; it was " << heap << " when all were connected first";
  steps_ += world_.steps();
  virtual_seconds_ += std::chrono::duration<double>(world_.agenda.now() - Agenda::kStart).count();
  real_seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
}

}  // namespace
}  // namespace bamgate::sim
