// Runs workloads of bench/workload.h after a warm-up and prints, for each, what one run takes from the heap, and with
// --kept how many bytes of that it does not give back. Under
// callgrind, which counts only inside bamgate_measured() and writes a profile at each bamgate_measured_end(), it is
// also how instructions are counted: tests/budget/run reads both. --fault adds one allocation or a short loop to each
// run, to prove that the budgets notice.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "budget/allocations.h"
#include "workload.h"

namespace {

using bamgate::bench::Instance;
using bamgate::bench::Workload;

enum class Fault { kNone, kAllocation, kLoop };

struct Arguments {
  std::size_t warm_up = 2000;
  std::size_t runs = 2000;
  Fault fault = Fault::kNone;
  std::vector<std::string_view> names;  // none: all
};

#ifdef __clang__
constexpr const char* kCompiler = "clang " __clang_version__;
#else
constexpr const char* kCompiler = "g++ " __VERSION__;
#endif

volatile unsigned sink = 0;

void commit(Fault fault) {
  switch (fault) {
    case Fault::kNone:
      return;
    case Fault::kAllocation: {
      const auto block = std::make_unique<unsigned>(7);
      sink = *block;
      asm volatile("" : : "r"(block.get()) : "memory");
      return;
    }
    case Fault::kLoop:
      for (unsigned i = 0; i < 1000; ++i) sink = i;
      return;
  }
}

}  // namespace

// Found by callgrind by their names.
extern "C" [[gnu::noinline, gnu::visibility("default")]] void bamgate_measured(const Instance& instance,
                                                                               std::size_t runs, Fault fault) {
  for (std::size_t i = 0; i < runs; ++i) {
    instance.run();
    commit(fault);
  }
}

extern "C" [[gnu::noinline, gnu::visibility("default")]] void bamgate_measured_end() { asm volatile(""); }

namespace {

// Runs in batches, each prepared outside of what is measured. Returns what was taken from the heap inside.
bamgate::budget::Allocations run(const Instance& instance, std::size_t runs, Fault fault, bool measured) {
  bamgate::budget::Allocations taken;
  while (runs > 0) {
    instance.prepare();
    const std::size_t batch = std::min(runs, instance.batch);
    const auto before = bamgate::budget::allocations();
    if (measured) {
      bamgate_measured(instance, batch, fault);
    } else {
      for (std::size_t i = 0; i < batch; ++i) instance.run();
    }
    const auto after = bamgate::budget::allocations();
    taken.own += after.own - before.own;
    taken.library += after.library - before.library;
    taken.kept += after.kept - before.kept;
    runs -= batch;
  }
  return taken;
}

// A handshake or a room full of members takes a thousand times what a packet takes, and is measured well enough by a
// few.
std::size_t scaled(std::size_t runs, const Workload& workload) {
  const bool heavy = workload.name.ends_with("handshake") || workload.name.starts_with("hub/") ||
                     workload.name.starts_with("agent/room/") || workload.name.starts_with("agent/memory/");
  return heavy ? std::max<std::size_t>(runs / 200, 2) : runs;
}

void weigh(const Workload& workload, const Arguments& arguments) {
  const Instance instance = workload.make();
  const std::size_t runs = scaled(arguments.runs, workload);
  run(instance, scaled(arguments.warm_up, workload), Fault::kNone, false);
  const auto taken = run(instance, runs, arguments.fault, true);
  bamgate_measured_end();
  std::printf("%s\t%zu\t%llu\t%llu\t%lld\n", workload.name.c_str(), runs, static_cast<unsigned long long>(taken.own),
              static_cast<unsigned long long>(taken.library), static_cast<long long>(taken.kept));
}

Arguments parse(std::span<char*> texts) {
  Arguments parsed;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const std::string_view text = texts[i];
    const auto value = [&] { return i + 1 < texts.size() ? texts[++i] : ""; };
    if (text == "--warm-up") {
      parsed.warm_up = std::strtoul(value(), nullptr, 10);
    } else if (text == "--runs") {
      parsed.runs = std::strtoul(value(), nullptr, 10);
    } else if (text == "--kept") {
      bamgate::budget::count_kept();
    } else if (text == "--fault") {
      parsed.fault = std::string_view(value()) == "loop" ? Fault::kLoop : Fault::kAllocation;
    } else {
      parsed.names.push_back(text);
    }
  }
  return parsed;
}

}  // namespace

int main(int count, char** values) {
  ::testing::InitGoogleTest();
  if (count == 2 && std::string_view(values[1]) == "--compiler") {
    std::puts(kCompiler);
    return 0;
  }
  const Arguments arguments = parse(std::span(values, static_cast<std::size_t>(count)).subspan(1));
  for (const Workload& workload : bamgate::bench::all_workloads()) {
    const bool wanted =
        arguments.names.empty() || std::ranges::find(arguments.names, workload.name) != arguments.names.end();
    if (wanted) weigh(workload, arguments);
  }
  return ::testing::UnitTest::GetInstance()->ad_hoc_test_result().Failed() ? 1 : 0;
}
