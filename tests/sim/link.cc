#include "sim/link.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace bamgate::sim {

Crossing Link::send(std::size_t size, Deliver deliver) {
  if (size > options.mtu) {
    ++counters_.too_large;
    return Crossing::kTooLarge;
  }
  const std::size_t waiting = backlog();
  if (waiting != 0 && waiting + size > options.queue) {
    ++counters_.queue_full;
    return Crossing::kQueueFull;
  }
  const Instant departure = std::max(agenda_.now(), busy_until_) + transmission_time(size);
  if (options.rate != 0) {
    busy_until_ = departure;
    counters_.peak_backlog = std::max(counters_.peak_backlog, waiting + size);
  }
  // What is lost has taken its time on the wire all the same.
  if (is_lost()) {
    ++counters_.lost;
    return Crossing::kLost;
  }
  ++counters_.passed;
  counters_.bytes += size;
  schedule(departure, std::move(deliver));
  return Crossing::kPassed;
}

void Link::schedule(Instant departure, Deliver deliver) {
  Instant arrival = departure + options.latency;
  if (options.jitter > Duration{}) {
    const auto most = std::chrono::duration_cast<std::chrono::microseconds>(options.jitter).count();
    arrival += std::chrono::microseconds(random_.below(static_cast<std::uint32_t>(most) + 1));
  }
  arrival = std::max(arrival, last_arrival_);
  if (chance(options.reorder)) {
    ++counters_.reordered;
    arrival += options.reorder_delay;
  } else {
    last_arrival_ = arrival;
  }
  if (chance(options.duplicate)) {
    ++counters_.duplicated;
    agenda_.at(arrival, deliver);
  }
  agenda_.at(arrival, std::move(deliver));
}

std::size_t Link::backlog() const {
  if (options.rate == 0 || busy_until_ <= agenda_.now()) return 0;
  const double seconds = std::chrono::duration<double>(busy_until_ - agenda_.now()).count();
  return static_cast<std::size_t>(std::llround(seconds * static_cast<double>(options.rate) / 8));
}

bool Link::is_lost() {
  const bool was_bad = bad_spell_;
  const bool outlasted = bad_spell_ && agenda_.now() - bad_since_ > options.burst.longest;
  if (outlasted || chance(bad_spell_ ? options.burst.leave : options.burst.enter)) bad_spell_ = !bad_spell_;
  if (!was_bad && bad_spell_) bad_since_ = agenda_.now();
  const bool in_burst = bad_spell_ && chance(options.burst.loss);
  return chance(options.loss) || in_burst;
}

bool Link::chance(double probability) {
  constexpr std::uint32_t kParts = 1'000'000'000;
  if (probability <= 0) return false;
  return random_.below(kParts) < static_cast<std::uint32_t>(probability * kParts);
}

Duration Link::transmission_time(std::size_t size) const {
  if (options.rate == 0) return {};
  return std::chrono::nanoseconds(size * 8 * 1'000'000'000 / options.rate);
}

}  // namespace bamgate::sim
