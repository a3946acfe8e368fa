// What a hub sees that restarts below 500 devices: they must not come back all in one moment. Prints the histogram.
#include <array>
#include <iostream>

#include "client_driver.h"
#include "support/sanitized.h"

namespace bamgate::signaling {
namespace {

constexpr int kDevices = 500;
/// So many of them are played; the list names all.
constexpr int kPlayed = testing::kSanitized ? 100 : kDevices;
constexpr std::size_t kSeconds = 60;
/// Of all devices, in percent; with 10 ms for each of 499 others a fifth returns in a second.
constexpr int kLargestShare = 30;

/// How many devices joined in each second after the hub was there again.
using Histogram = std::array<int, kSeconds>;

std::string everybody() {
  std::vector<std::string> names;
  for (int i = 1; i < kDevices; ++i) names.push_back("device-" + std::to_string(i));
  return list_of(std::move(names));
}

Histogram returns_after(Duration downtime) {
  Histogram histogram{};
  const std::string list = everybody();
  for (std::uint64_t seed = 1; seed <= kPlayed; ++seed) {
    Driver driver(seed);
    driver.join_answer = list;
    driver.go_online();
    driver.run(minutes(1));
    driver.network = Driver::Network::kRefusesConnections;
    driver.closed(1006);
    driver.run(downtime);
    driver.network = Driver::Network::kUp;
    const Instant up = driver.now;
    driver.effects.clear();
    driver.run(seconds(kSeconds));
    EXPECT_TRUE(driver.client.online()) << seed;
    const auto times = driver.connect_times();
    if (times.size() != 1) {
      ADD_FAILURE() << "device " << seed << " connected " << times.size() << " times";
      continue;
    }
    ++histogram.at(static_cast<std::size_t>((times.front() - up) / seconds(1)));
  }
  return histogram;
}

void print(Duration downtime, const Histogram& histogram) {
  std::cout << kPlayed << " devices, hub away for " << downtime / milliseconds(1)
            << " ms; joins in each second after that:\n";
  std::size_t last = kSeconds;
  while (last > 0 && histogram.at(last - 1) == 0) --last;
  for (std::size_t second = 0; second < last; ++second) {
    const int count = histogram.at(second);
    std::cout << (second < 10 ? "  " : " ") << second << " s " << count << '\t'
              << std::string(static_cast<std::size_t>(count / 2), '#') << '\n';
  }
}

TEST(Storm, FiveHundredDevicesReturnSpreadOverSeconds) {
  for (const Duration downtime : {Duration(milliseconds(0)), Duration(seconds(2)), Duration(seconds(30))}) {
    const Histogram histogram = returns_after(downtime);
    print(downtime, histogram);
    EXPECT_LE(*std::ranges::max_element(histogram) * 100, kLargestShare * kPlayed) << "in one second";
  }
}

TEST(Storm, DevicesThatHaveLeftDoNotSlowTheRestDown) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    Driver driver(seed);
    driver.join_answer = everybody();
    driver.go_online();
    for (int i = 1; i < kDevices; ++i) driver.text(write(PeerLeft{"device-" + std::to_string(i)}));
    driver.closed(1006);
    EXPECT_LE(driver.client.next_timeout() - driver.now, kFirstRetry);
  }
}

}  // namespace
}  // namespace bamgate::signaling
