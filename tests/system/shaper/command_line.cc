#include "system/shaper/command_line.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

namespace bamgate::shaper {
namespace {

constexpr double kUnset = -1;

/// One direction in the units of the command line.
struct Direction {
  double delay = 0;       // ms
  double jitter = 0;      // ms
  double loss = 0;        // percent
  double burst = kUnset;  // packets
  double reorder = 0;     // percent
  double reorder_by = 5;  // ms
  double duplicate = 0;   // percent
  double rate = kUnset;   // Mbit/s
  double queue = kUnset;  // ms at the rate
  double queue_bytes = kUnset;
  double mtu = 1500;
};

struct Option {
  std::string_view name;
  std::string_view unit;
  double Direction::* field;
  double least;
  double most;
  std::string_view help;
};

constexpr std::array kOptions = {
    Option{"--delay", "MS", &Direction::delay, 0, 60'000, "time that every packet takes"},
    Option{"--jitter", "MS", &Direction::jitter, 0, 60'000, "up to this much more, equally likely; keeps the order"},
    Option{"--loss", "PERCENT", &Direction::loss, 0, 100, "of the packets are lost"},
    Option{"--burst", "PACKETS", &Direction::burst, 1, 1e6,
           "mean length of a loss (Gilbert-Elliott); without it each packet is lost for itself"},
    Option{"--reorder", "PERCENT", &Direction::reorder, 0, 100, "of the packets come later, so that others overtake"},
    Option{"--reorder-by", "MS", &Direction::reorder_by, 0, 60'000, "how much later (default 5)"},
    Option{"--duplicate", "PERCENT", &Direction::duplicate, 0, 100, "of the packets come twice"},
    Option{"--rate", "MBIT", &Direction::rate, 0.001, 100'000, "Mbit/s of whole IP packets (default: no limit)"},
    Option{"--queue", "MS", &Direction::queue, 0, 60'000, "what may wait for the rate, as time (default 100)"},
    Option{"--queue-bytes", "BYTES", &Direction::queue_bytes, 0, 1e9, "the same as bytes"},
    Option{"--mtu", "BYTES", &Direction::mtu, 68, 65'535, "larger IP packets are dropped in silence (default 1500)"},
};

std::optional<double> number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

Duration milliseconds(double ms) { return Duration(static_cast<Duration::rep>(ms * 1e6)); }

std::expected<sim::LinkOptions, std::string> link_options(const Direction& direction) {
  sim::LinkOptions options{.latency = milliseconds(direction.delay),
                           .jitter = milliseconds(direction.jitter),
                           .loss = direction.loss / 100,
                           .duplicate = direction.duplicate / 100,
                           .reorder = direction.reorder / 100,
                           .reorder_delay = milliseconds(direction.reorder_by),
                           .mtu = static_cast<std::size_t>(direction.mtu)};
  if (direction.burst != kUnset) {
    const double share = std::exchange(options.loss, 0);
    // A good spell lasts one packet at least.
    if (share == 0 || share > direction.burst / (direction.burst + 1)) {
      return std::unexpected("--burst needs a --loss above 0 and of at most 100 * BURST / (BURST + 1) percent");
    }
    options.burst = sim::BurstLoss::of(share, direction.burst);
  }
  if (direction.rate == kUnset) {
    if (direction.queue != kUnset || direction.queue_bytes != kUnset) {
      return std::unexpected("nothing queues without a --rate: give one, or leave --queue out");
    }
    return options;
  }
  if (direction.queue != kUnset && direction.queue_bytes != kUnset) {
    return std::unexpected("--queue and --queue-bytes say the same thing twice: leave one out");
  }
  options.rate = static_cast<std::uint64_t>(direction.rate * 1e6);
  const double queue_ms = direction.queue == kUnset ? 100 : direction.queue;
  options.queue = static_cast<std::size_t>(direction.queue_bytes == kUnset ? direction.rate * 125 * queue_ms
                                                                           : direction.queue_bytes);
  return options;
}

std::unexpected<std::string> refuse(std::string_view what, std::string_view why) {
  return std::unexpected("'" + std::string(what) + "' " + std::string(why));
}

std::expected<void, std::string> set(const Option& option, std::string_view text, Direction& to_b, Direction& to_a) {
  const auto slash = text.find('/');
  const auto first = number(text.substr(0, slash));
  const auto second = slash == std::string_view::npos ? first : number(text.substr(slash + 1));
  for (const auto& value : {first, second}) {
    if (!value || *value < option.least || *value > option.most) {
      return refuse(text, "is no value of " + std::string(option.name) + ": see --help");
    }
  }
  to_b.*option.field = *first;
  to_a.*option.field = *second;
  return {};
}

}  // namespace

std::expected<CommandLine, std::string> parse_command_line(std::span<const std::string_view> arguments) {
  CommandLine line;
  Direction to_b;
  Direction to_a;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string_view argument = arguments[i];
    if (argument == "--help" || argument == "-h") {
      line.help = true;
      return line;
    }
    if (!argument.starts_with("-")) {
      names.emplace_back(argument);
      continue;
    }
    const auto* option = std::ranges::find(kOptions, argument, &Option::name);
    if (option == kOptions.end() && argument != "--seed") return refuse(argument, "is no option: see --help");
    if (++i == arguments.size()) return refuse(argument, "needs a value: see --help");
    if (argument == "--seed") {
      const std::string_view text = arguments[i];
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), line.seed);
      if (error != std::errc{} || end != text.data() + text.size()) return refuse(text, "is no seed: give a number");
    } else if (auto done = set(*option, arguments[i], to_b, to_a); !done) {
      return std::unexpected(std::move(done.error()));
    }
  }
  if (names.size() != 2) return std::unexpected("name two TAP interfaces, A and B: see --help");
  const auto forth = link_options(to_b);
  const auto back = link_options(to_a);
  if (!forth || !back) return std::unexpected(forth ? back.error() : forth.error());
  line.to_b = *forth;
  line.to_a = *back;
  line.a = std::move(names[0]);
  line.b = std::move(names[1]);
  return line;
}

std::string help_text() {
  std::string text =
      "usage: shaper [OPTION VALUE]... A B\n"
      "Joins two TAP interfaces of this network namespace like a cable through a wide-area network: what comes out of\n"
      "one goes into the other, delayed, lost and slowed down as the options say. Makes the interfaces, or takes "
      "those\n"
      "that are there (ip tuntap add mode tap). Prints \"ready\" and, on SIGUSR1 and at the end (SIGINT, SIGTERM), "
      "its\n"
      "counters as one line of JSON. Exit code: 0, 1 when it failed, 2 for wrong usage.\n"
      "A value is for both directions; \"X/Y\" gives X to packets from A to B and Y to those from B to A.\n"
      "Sizes are those of IP packets. ARP, neighbour discovery and multicast pass at once: they belong to the "
      "cable.\n\n";
  for (const Option& option : kOptions) {
    std::string left = "  " + std::string(option.name) + " " + std::string(option.unit);
    left.resize(std::max<std::size_t>(left.size() + 2, 24), ' ');
    text += left + std::string(option.help) + "\n";
  }
  return text + "  --seed N              repeats the same chances (default 1)\n";
}

}  // namespace bamgate::shaper
