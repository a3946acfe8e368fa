// Everything at once, at random: whatever order things break in, a calm minute later all is well again.
// BAMGATE_SEEDS=FIRST-LAST runs other seeds than the usual ones.
#include <gtest/gtest.h>

#include <cstdlib>

#include "sim/world.h"

namespace bamgate::sim {
namespace {

using namespace std::chrono_literals;

class Chaos {
 public:
  explicit Chaos(std::uint64_t seed) : random_(seed * 7919), world_(seed) {
    Segment& lan = world_.network.add_lan("lan", "198.51.100.1");
    Segment& far = world_.network.add_lan("far", "198.51.100.2");
    lans_ = {&lan, &far};
    devices_ = {&world_.add_device("anna", lan, {"192.168.1.2"}), &world_.add_device("bert", lan, {"192.168.1.3"}),
                &world_.add_device("carl", far, {"192.168.1.2"}),
                &world_.add_device("dora", world_.network.internet(), {"203.0.113.9"})};
    world_.network.fault = [this](const Flight&) { return random_.below(100) < loss_percent_; };
  }

  void run() {
    for (Device* device : devices_) device->start();
    for (int i = 0; i < 60; ++i) {
      break_something();
      world_.run_for(std::chrono::milliseconds(random_.below(i % 10 == 0 ? 60'000 : 3'000)));
      chat();
    }
    calm();
    // Until then a side may still take a dead connection for a live one (RFC 7675: 30 s).
    world_.run_for(31s);
    EXPECT_TRUE(world_.run_until([this] { return world_.all_connected(); }, 1min));
    for (Device* from : devices_) {
      for (Device* to : devices_) {
        if (from == to) continue;
        EXPECT_TRUE(world_.ping(*from, *to)) << from->host().name << " to " << to->host().name;
      }
    }
    world_.run_for(5min);
    EXPECT_TRUE(world_.all_connected());
  }

 private:
  Device& any_device() { return *devices_[random_.below(static_cast<std::uint32_t>(devices_.size()))]; }

  void break_something() {
    Device& device = any_device();
    switch (random_.below(9)) {
      case 0:
        device.kill();
        return device.start();
      case 1:
        return device.stop();
      case 2:
        return device.start();
      case 3:
        device.host().cut = !device.host().cut;
        return;
      case 4:
        return world_.hub.is_running() ? world_.hub.stop() : world_.hub.start();
      case 5:
        return lans_[random_.below(2)]->nat->forget();
      case 6:
        loss_percent_ = random_.below(2) * random_.below(40);
        return;
      case 7:
        return device.asleep() ? device.wake() : device.sleep();
      default:  // no enum: nothing breaks
        return;
    }
  }

  void chat() {
    Device& from = any_device();
    Device& to = any_device();
    if (&from != &to) from.ping(to.address());
  }

  void calm() {
    loss_percent_ = 0;
    if (!world_.hub.is_running()) world_.hub.start();
    for (Device* device : devices_) {
      device->wake();
      device->start();
    }
  }

  testing::SeededRandom random_;
  World world_;
  std::vector<Segment*> lans_;
  std::vector<Device*> devices_;
  std::uint32_t loss_percent_ = 0;
};

TEST(Chaos, EndsWithEverybodyConnected) {
  unsigned first = 1;
  unsigned last = 20;
  if (const char* seeds = std::getenv("BAMGATE_SEEDS")) {
    ASSERT_EQ(std::sscanf(seeds, "%u-%u", &first, &last), 2) << "BAMGATE_SEEDS is FIRST-LAST";
  }
  for (unsigned seed = first; seed <= last && !HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Chaos(seed).run();
  }
}

}  // namespace
}  // namespace bamgate::sim
