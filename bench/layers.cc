// What one operation of each layer takes, by Google Benchmark: `bench_layers --help` tells its options. The figures are
// means of one core's time; the workloads stand in one file for each layer beside this one.
#include <benchmark/benchmark.h>
#include <gtest/gtest.h>

#include <memory>

#include "workload.h"

namespace bamgate::bench {
namespace {

constexpr int kWarmUp = 2000;

// Runs until the caches are warm and every table and pool has its size. An operation of more than a millisecond would
// keep people waiting for nothing.
void warm_up(const Instance& instance) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(100);
  for (int i = 0; i < kWarmUp && std::chrono::steady_clock::now() < end; ++i) {
    if (static_cast<std::size_t>(i) % instance.batch == 0) instance.prepare();
    instance.run();
  }
}

void measure(::benchmark::State& state, const Workload& workload) {
  const Instance instance = workload.make();
  warm_up(instance);
  instance.prepare();
  std::size_t left = instance.batch;
  for ([[maybe_unused]] const auto step : state) {
    if (left == 0) {
      state.PauseTiming();
      instance.prepare();
      left = instance.batch;
      state.ResumeTiming();
    }
    --left;
    instance.run();
  }
  if (workload.bytes != 0) {
    state.SetBytesProcessed(static_cast<std::int64_t>(workload.bytes) * state.iterations());
  }
}

}  // namespace
}  // namespace bamgate::bench

int main(int count, char** values) {
  ::testing::InitGoogleTest();
  const auto all = bamgate::bench::all_workloads();
  for (const auto& workload : all) {
    ::benchmark::RegisterBenchmark(
        workload.name.c_str(), [&workload](::benchmark::State& state) { bamgate::bench::measure(state, workload); });
  }
  ::benchmark::Initialize(&count, values);
  if (::benchmark::ReportUnrecognizedArguments(count, values)) return 2;
  ::benchmark::RunSpecifiedBenchmarks();
  ::benchmark::Shutdown();
  return ::testing::UnitTest::GetInstance()->ad_hoc_test_result().Failed() ? 1 : 0;
}
