// The loop's timer as the hosts use it: after each batch of packets it is set to the next deadline, before it has
// fired.
#include <memory>

#include "net/clock.h"
#include "net/loop.h"
#include "workload.h"

namespace bamgate::bench {
namespace {

// Deadlines that only move on ask nothing of the kernel, and none of them comes.
struct Timers {
  net::Loop loop;
  net::Timer timer{loop};
  Instant deadline = net::now() + std::chrono::hours(1);

  void set_again() {
    deadline += std::chrono::microseconds(1);
    timer.expires_at(deadline, [this] { deadline = kNever; });
    require(timer.is_set(), "the timer is set");
  }
};

}  // namespace

void add_net(Workloads& all) {
  all.push_back(
      {"net/timer", 0, [] { return Instance{.run = [timers = std::make_shared<Timers>()] { timers->set_again(); }}; }});
}

}  // namespace bamgate::bench
