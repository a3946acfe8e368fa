// What is measured: one operation of one layer, made once and then run as often as somebody likes. Three instruments
// share the list: Google Benchmark takes its time (layers.cc), tests/budget counts its allocations and, under
// callgrind, its instructions. All of it runs in virtual time from fixed seeds: two runs of one build do the same. Left
// out: anything with sockets or threads (of net only the timers of its loop); the whole program is measured by
// bench/tunnel.
#pragma once

#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

namespace bamgate::bench {

using Action = std::function<void()>;

/// A workload that is ready to run.
struct Instance {
  Action run;                   // the operation that is measured
  Action prepare = [] {};       // called before each `batch` runs; not measured
  std::size_t batch = 1 << 16;  // runs that one preparation serves
};

struct Workload {
  std::string name;                // "layer/what/size"
  std::size_t bytes;               // of payload that one run moves; 0: no payload
  std::function<Instance()> make;  // one instance lives at a time: the SCTP engine is one machine for the process
};
using Workloads = std::vector<Workload>;

void add_stun(Workloads& all);
void add_turn(Workloads& all);
void add_ice(Workloads& all);
void add_dtls(Workloads& all);
void add_sctp(Workloads& all);
void add_wg(Workloads& all);
void add_bridge(Workloads& all);
void add_json(Workloads& all);
void add_hub(Workloads& all);
void add_peer(Workloads& all);
void add_agent(Workloads& all);
void add_room(Workloads& all);
void add_runner(Workloads& all);
void add_net(Workloads& all);

/// Every workload, from the bottom layer up.
Workloads all_workloads();

/// A workload that does something else than it says measures nothing: ends the program.
inline void require(bool holds, const char* what) {
  if (holds) [[likely]]
    return;
  std::fprintf(stderr, "workload: it does not hold that %s\n", what);
  std::abort();
}

}  // namespace bamgate::bench
