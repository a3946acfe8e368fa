// What of a lossy 100 Mbit/s link arrives at programs, through the tunnel and beside it, in virtual time: goodput of
// one Reno flow (sim/reno_flow.h), and goodput and one-way delay of a steady 80 Mbit/s of datagrams
// (sim/steady_flow.h). The tunnel is two whole agents with real DTLS, SCTP and WireGuard; beside it the same packets
// cross the same link alone. A seed decides everything, so two runs of one build print the same.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "json/write.h"
#include "sim/reno_flow.h"
#include "sim/steady_flow.h"
#include "sim/world.h"

namespace bamgate::bench {
namespace {

using namespace std::chrono_literals;
using sim::LinkOptions;

constexpr std::uint64_t kSeed = 1;
constexpr std::uint64_t kRate = 100'000'000;
/// 50 ms of the rate.
constexpr std::size_t kQueue = 625'000;
constexpr std::size_t kPayload = 1232;
/// 80 Mbit/s of payload.
constexpr Duration kInterval = 123'200ns;
constexpr Duration kWarmUp = 5s;
constexpr std::uint16_t kPort = 5001;

struct Case {
  double loss;  // 0 to 1, in both directions
  Duration round_trip;
};

struct Figures {
  double megabits = 0;  // a second, of payload
  std::optional<double> median_ms;
  std::optional<double> p99_ms;
};

enum class Kind { kReno, kDatagrams };

struct Row {
  Kind kind;
  Case where;
  Figures beside;
  Figures tunnel;
};

LinkOptions link_options(const Case& where) {
  return {.latency = where.round_trip / 2, .loss = where.loss, .rate = kRate, .queue = kQueue};
}

double megabits(std::uint64_t bytes, Duration duration) {
  return 8e-6 * static_cast<double>(bytes) / std::chrono::duration<double>(duration).count();
}

double quantile_ms(std::vector<Duration>& sorted, double share) {
  const auto index = static_cast<std::size_t>(share * static_cast<double>(sorted.size() - 1));
  return std::chrono::duration<double, std::milli>(sorted[index]).count();
}

Figures figures(const sim::SteadyFlow::Result& result, Duration duration) {
  Figures all{.megabits = megabits(result.arrived * kPayload, duration), .median_ms = {}, .p99_ms = {}};
  std::vector<Duration> delays = result.delays;
  if (delays.empty()) return all;
  std::ranges::sort(delays);
  all.median_ms = quantile_ms(delays, 0.5);
  all.p99_ms = quantile_ms(delays, 0.99);
  return all;
}

// Runs a flow with `run_for`, first the warm-up and then `duration`.
template <typename RunFor>
Figures measure(sim::RenoFlow& flow, Duration duration, RunFor run_for) {
  flow.start();
  run_for(kWarmUp);
  const std::uint64_t before = flow.delivered();
  run_for(duration);
  return {.megabits = megabits(flow.delivered() - before, duration), .median_ms = {}, .p99_ms = {}};
}

template <typename RunFor>
Figures measure(sim::SteadyFlow& flow, Duration duration, RunFor run_for) {
  flow.start();
  run_for(kWarmUp);
  flow.reset();
  run_for(duration);
  return figures(flow.result(), duration);
}

Figures beside(Kind kind, const Case& where, Duration duration) {
  sim::Agenda agenda;
  testing::SeededRandom random(kSeed);
  sim::Link forth(agenda, random, link_options(where));
  sim::Link back(agenda, random, link_options(where));
  const auto run_for = [&agenda](Duration time) {
    const Instant until = agenda.now() + time;
    while (agenda.next() <= until) agenda.run_next();
    agenda.advance(until);
  };
  switch (kind) {
    case Kind::kReno:
      return measure(*sim::reno_over_links(agenda, forth, back), duration, run_for);
    case Kind::kDatagrams:
      return measure(*sim::steady_over_link(agenda, forth, {.interval = kInterval, .size = kPayload}), duration,
                     run_for);
  }
  return {};
}

// Two hosts on the open Internet: the wire out of each is the link, everything else takes no time.
std::optional<Figures> through_tunnel(Kind kind, const Case& where, Duration duration) {
  sim::World world(kSeed);
  sim::Device& from = world.add_device("alpha", world.network.internet(), {"198.51.100.1"});
  sim::Device& to = world.add_device("beta", world.network.internet(), {"198.51.100.2"});
  for (sim::Device* device : {&from, &to}) {
    device->host().interface().in.options = {};
    device->host().interface().out.options = link_options({0, where.round_trip});
  }
  if (!world.start_all(60s)) return std::nullopt;
  for (sim::Device* device : {&from, &to}) device->host().interface().out.options.loss = where.loss;
  const auto run_for = [&world](Duration time) { world.run_for(time); };
  switch (kind) {
    case Kind::kReno:
      return measure(*sim::reno_through_tunnel(world.agenda, from, to, kPort), duration, run_for);
    case Kind::kDatagrams:
      return measure(
          *sim::steady_through_tunnel(world.agenda, from, to, kPort, {.interval = kInterval, .size = kPayload}),
          duration, run_for);
  }
  return std::nullopt;
}

// ---- What is printed ----

std::string_view name(Kind kind) { return kind == Kind::kReno ? "reno" : "datagrams"; }

double round_trip_ms(const Case& where) { return std::chrono::duration<double, std::milli>(where.round_trip).count(); }

std::string delays(const Figures& figures) {
  if (!figures.median_ms || !figures.p99_ms) return "      -       -";
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%7.1f %7.1f", *figures.median_ms, *figures.p99_ms);
  return text.data();
}

void print_header(int seconds) {
  std::printf(
      "Payload that arrives over a link of 100 Mbit/s with a queue of 50 ms; loss in both directions; %d s after 5 s "
      "of "
      "warm-up, seed 1.\nreno: one TCP-like bulk flow, 1,240-byte segments. datagrams: 80 Mbit/s offered, 1,232 bytes "
      "each.\n\n"
      "                               Mbit/s            one-way delay, ms\n"
      "                           beside   tunnel           beside           tunnel\n"
      "flow       loss %%  RTT ms                   share    median     p99   median     p99\n",
      seconds);
}

void print(const Row& row) {
  std::printf("%-9s  %6.1f  %6.0f  %7.1f  %7.1f  %3.0f %%   %s  %s\n", std::string(name(row.kind)).c_str(),
              row.where.loss * 100, round_trip_ms(row.where), row.beside.megabits, row.tunnel.megabits,
              100 * row.tunnel.megabits / row.beside.megabits, delays(row.beside).c_str(), delays(row.tunnel).c_str());
  std::fflush(stdout);
}

json::Value to_json(const Figures& figures) {
  json::Object object{{"mbit", figures.megabits}};
  if (figures.median_ms) object.emplace_back("delay_median_ms", *figures.median_ms);
  if (figures.p99_ms) object.emplace_back("delay_p99_ms", *figures.p99_ms);
  return object;
}

json::Value to_json(const Row& row) {
  return json::Object{{"flow", name(row.kind)},
                      {"loss_percent", row.where.loss * 100},
                      {"rtt_ms", round_trip_ms(row.where)},
                      {"beside", to_json(row.beside)},
                      {"tunnel", to_json(row.tunnel)}};
}

// ---- Command line ----

struct Arguments {
  int seconds = 20;
  std::string json;  // a file; empty: none
};

std::optional<Arguments> parse(std::span<char*> arguments) {
  Arguments parsed;
  for (std::size_t i = 0; i + 1 < arguments.size(); i += 2) {
    const std::string_view option = arguments[i];
    const std::string_view value = arguments[i + 1];
    if (option == "--json") {
      parsed.json = value;
    } else if (option == "--seconds") {
      const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), parsed.seconds);
      if (error != std::errc{} || end != value.data() + value.size() || parsed.seconds < 1) return std::nullopt;
    } else {
      return std::nullopt;
    }
  }
  if (arguments.size() % 2 != 0) return std::nullopt;
  return parsed;
}

int run(const Arguments& arguments) {
  const Duration duration = std::chrono::seconds(arguments.seconds);
  json::Array rows;
  print_header(arguments.seconds);
  for (const Kind kind : {Kind::kReno, Kind::kDatagrams}) {
    for (const Duration round_trip : {5ms, 50ms}) {
      for (const double loss : {0.0, 0.001, 0.005, 0.01, 0.02}) {
        const Case where{loss, round_trip};
        const auto tunnel = through_tunnel(kind, where, duration);
        if (!tunnel) {
          std::fputs("goodput: the two devices do not connect\n", stderr);
          return 1;
        }
        const Row row{kind, where, beside(kind, where, duration), *tunnel};
        print(row);
        rows.push_back(to_json(row));
      }
    }
  }
  if (!arguments.json.empty()) {
    std::ofstream file(arguments.json);
    file << json::write(json::Object{{"seconds", arguments.seconds}, {"seed", kSeed}, {"rows", std::move(rows)}})
         << '\n';
    if (!file.flush()) {
      std::fprintf(stderr, "goodput: cannot write %s\n", arguments.json.c_str());
      return 1;
    }
  }
  // The simulated world reports what is wrong with itself as a failure of a test.
  return ::testing::UnitTest::GetInstance()->ad_hoc_test_result().Failed() ? 1 : 0;
}

}  // namespace
}  // namespace bamgate::bench

int main(int count, char** values) {
  ::testing::InitGoogleTest();
  const auto arguments = bamgate::bench::parse(std::span(values, static_cast<std::size_t>(count)).subspan(1));
  if (!arguments) {
    std::fputs(
        "usage: bench_goodput [--seconds N] [--json FILE]\n"
        "  --seconds N   virtual seconds that each figure is measured for (default 20)\n"
        "  --json FILE   writes the figures there besides\n",
        stderr);
    return 2;
  }
  return bamgate::bench::run(*arguments);
}
