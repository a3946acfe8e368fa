#include "sim/world.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <utility>

#include "sim/replay.h"

namespace bamgate::sim {

World::World(std::uint64_t seed, const WorldOptions& options)
    : seed_(seed),
      random_(seed),
      sctp_random_(random_.number<std::uint64_t>()),
      sctp_(std::move(*sctp::make_engine_factory(sctp_random_))),
      network(agenda, trace_, random_.number<std::uint64_t>()),
      hub(agenda, network, trace_, network.add_host("hub", network.internet(), {"203.0.113.1", "2001:db8:ffff::1"}),
          random_.number<std::uint64_t>(), options.relay) {
  arm_replay(seed_);
}

World::~World() {
  disarm_replay();
  if (::testing::Test::HasFailure()) {
    std::cerr << "the seed of this world: " << seed_ << ", its trace: " << trace_.entries() << " datagrams, hash "
              << trace_.hash() << ", " << clock_text(agenda.now()) << " s\n"
              << "to run this again: " << replay_command(seed_) << '\n'
              << "(BAMGATE_TRACE=1 shows every datagram, BAMGATE_VERBOSE=1 what the devices say)\n";
  }
  devices_.clear();
  agenda.clear();
}

Device& World::add_device(const std::string& name, Host& host) {
  const auto token = hub.core().create_join_token(agenda.now(), agenda.unix_now());
  wg::PrivateKey key = make_key(random_);
  const HubAnswer answer = hub.ask(
      "POST", "/auth/register",
      json::Object{{"join_token", token->token}, {"device_name", name}, {"public_key", key.public_key().to_string()}});
  EXPECT_EQ(answer.status, 200) << answer.text("message");
  Registration registration{.name = name,
                            .device_id = answer.text("device_id"),
                            .refresh_token = answer.text("refresh_token"),
                            .turn_secret = answer.text("turn_secret"),
                            .address = IpPrefix::parse(answer.text("address")).value(),
                            .address6 = IpPrefix::parse(answer.text("address6")).value(),
                            .routes = {},
                            .accepted_routes = {}};
  devices_.push_back(std::make_unique<Device>(agenda, network, trace_, hub, host, *sctp_, std::move(registration),
                                              std::move(key), random_.number<std::uint64_t>()));
  return *devices_.back();
}

Device& World::add_device(const std::string& name, Segment& segment, const std::vector<std::string>& addresses) {
  return add_device(name, network.add_host(name, segment, addresses));
}

Device& World::device(const std::string& name) {
  return **std::ranges::find(devices_, name, [](const auto& device) { return device->registration().name; });
}

// One entry of the agenda or one timeout, whichever is due first; false when nothing is due until `until`.
bool World::step(Instant until) {
  Instant next = agenda.next();
  Device* device = nullptr;
  for (const auto& candidate : devices_) {
    if (candidate->next_timeout() >= next) continue;
    next = candidate->next_timeout();
    device = candidate.get();
  }
  const bool hub_is_due = hub.next_timeout() < next;
  if (hub_is_due) next = hub.next_timeout();
  if (next > until || next == kNever) return false;
  steps_at_once_ = next > agenda.now() ? 0 : steps_at_once_ + 1;
  ++steps_;
  agenda.advance(next);
  if (hub_is_due) {
    hub.handle_timeout();
  } else if (device != nullptr) {
    device->handle_timeout();
  } else {
    agenda.run_next();
  }
  return true;
}

bool World::run_until(const std::function<bool()>& done, Duration limit) {
  const Instant until = agenda.now() + limit;
  while (!stuck_) {
    if (done()) return true;
    if (steps_ >= kMaxSteps || steps_at_once_ >= kMaxStepsAtOnce) {
      stuck_ = true;
      ADD_FAILURE() << "the world does not come to rest: " << steps_ << " steps, " << steps_at_once_ << " at once";
    } else if (!step(until)) {
      agenda.advance(until);
      return done();
    }
  }
  return false;
}

void World::run_for(Duration duration) {
  run_until([] { return false; }, duration);
}

// Asked at each step of a long wait: who was not ready the last time is asked first.
bool World::all_connected() const {
  const auto lacks_somebody = [&](const auto& device) { return device->connected_peers() + 1 < devices_.size(); };
  if (not_ready_ < devices_.size() && lacks_somebody(devices_[not_ready_])) return false;
  const auto found = std::ranges::find_if(devices_, lacks_somebody);
  not_ready_ = static_cast<std::size_t>(found - devices_.begin());
  return found == devices_.end();
}

bool World::start_all(Duration limit) {
  for (const auto& device : devices_) device->start();
  return run_until([this] { return all_connected(); }, limit);
}

std::optional<Duration> World::ping(Device& from, Device& to, Family family, Duration limit, std::size_t size) {
  const Instant sent = agenda.now();
  const std::uint16_t sequence = from.ping(to.address(family), size);
  if (!run_until([&] { return from.pong_at(sequence).has_value(); }, limit)) return std::nullopt;
  return *from.pong_at(sequence) - sent;
}

int World::revoke(Device& by, const Device& target) {
  const auto token = by.agent().want_access_token(agenda.now(), "");
  if (!token) return 0;
  return hub.ask("DELETE", "/auth/devices/" + target.registration().device_id, {}, *token).status;
}

}  // namespace bamgate::sim
