// A whole simulated world: an Internet, a hub, devices, one virtual clock and one seed. The same seed makes the same
// world, to the last byte; trace() proves it. the SCTP engine is one machine for the whole process, so one world lives
// at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sctp/engine.h"
#include "sim/agenda.h"
#include "sim/device.h"
#include "sim/flow.h"
#include "sim/hub_node.h"
#include "sim/network.h"
#include "sim/trace.h"

namespace bamgate::sim {

struct WorldOptions {
  /// Without it the hub tells nobody of a relay: where no direct path exists, nothing connects.
  bool relay = true;
};

class World {
 public:
  /// The hub runs, on the open Internet.
  explicit World(std::uint64_t seed, const WorldOptions& options = {});
  World(const World&) = delete;
  World& operator=(const World&) = delete;
  /// When the test has failed: prints the seed and the command that runs exactly this again.
  ~World();

  /// Registers a device with a key of its own; start() brings it up.
  Device& add_device(const std::string& name, Host& host);
  /// A host in `segment` and a device on it.
  Device& add_device(const std::string& name, Segment& segment, const std::vector<std::string>& addresses);

  /// The device of this name, which must exist.
  Device& device(const std::string& name);
  const std::vector<std::unique_ptr<Device>>& devices() const { return devices_; }

  /// Runs until `done`, at most `limit`. Returns whether it came.
  bool run_until(const std::function<bool()>& done, Duration limit);
  void run_for(Duration duration);
  /// Every device is connected to every other one.
  bool all_connected() const;
  /// Brings all devices up and waits for all_connected().
  bool start_all(Duration limit);
  /// Sends a ping and waits for its answer; nullopt when none came within `limit`.
  std::optional<Duration> ping(Device& from, Device& to, Family family = Family::kV4,
                               Duration limit = std::chrono::seconds(5), std::size_t size = 56);
  /// Revokes a device, as `bamgate devices revoke` on another one does.
  int revoke(Device& by, const Device& target);

  std::uint64_t trace() const { return trace_.hash(); }
  std::uint64_t steps() const { return steps_; }

  /// More steps than any test needs: a machine that never comes to rest fails the test instead of hanging it.
  static constexpr std::uint64_t kMaxSteps = 20'000'000;
  /// Steps without time going on: likewise.
  static constexpr std::uint64_t kMaxStepsAtOnce = 100'000;

 private:
  bool step(Instant until);
  static wg::PrivateKey make_key(Random& random) { return wg::PrivateKey::generate(random); }

  std::uint64_t seed_;
  testing::SeededRandom random_;
  testing::SeededRandom sctp_random_;
  std::unique_ptr<sctp::EngineFactory> sctp_;
  Trace trace_;
  std::uint64_t steps_ = 0;
  std::uint64_t steps_at_once_ = 0;
  bool stuck_ = false;
  mutable std::size_t not_ready_ = 0;  // see all_connected()

 public:
  Agenda agenda;
  Network network;
  HubNode hub;

 private:
  std::vector<std::unique_ptr<Device>> devices_;
};

}  // namespace bamgate::sim
