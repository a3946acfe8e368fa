// What is true of usrsctp alone: one machine for the whole process, without a thread, that can end and begin anew.
#include "sctp/usrsctp_runtime.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

#include "sctp/engines.h"
#include "sctp/link.h"
#include "support/heap.h"

namespace bamgate::sctp {
namespace {

using namespace std::chrono_literals;
using testing::pattern;

using Link = testing::LinkOf<testing::Usrsctp>;

// Ten seconds of messages through loss; tells what was on the wire.
std::uint64_t trace_of_a_run(std::uint64_t seed) {
  Link link({.delay = 15ms, .loss_permille = 20, .seed = seed});
  EXPECT_TRUE(link.connect());
  const ChannelId id = link.open({.label = "run"});
  for (std::uint32_t i = 0; i < 100; ++i) {
    static_cast<void>(link.a().association.send(link.now(), id, MessageKind::kBinary, pattern(10 * i, i)));
    link.run(100ms);
  }
  return link.trace();
}

std::size_t threads_of_this_process() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("Threads:")) return std::stoul(line.substr(8));
  }
  return 0;
}

TEST(UsrsctpRuntime, WhatRanBeforeLeavesNoTraceInTheNextRun) {
  const std::uint64_t first = trace_of_a_run(3);
  {
    // A runtime that ends in the middle of everything, after an odd time.
    Link link({.loss_permille = 200, .seed = 99});
    link.a().association.start(link.now());
    link.b().association.start(link.now());
    link.run(12345678us);
  }
  EXPECT_EQ(trace_of_a_run(3), first);
}

TEST(UsrsctpRuntime, OnlyOneLivesInAProcess) {
  ::bamgate::testing::SeededRandom random(1);
  auto first = UsrsctpRuntime::create(random);
  ASSERT_TRUE(first);
  const auto second = make_engine_factory(random);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error(), Error::kRuntimeTaken);
  EXPECT_EQ((*first)->next_timeout(), kNever);
  first->reset();
  EXPECT_TRUE(make_engine_factory(random));
}

TEST(UsrsctpRuntime, ItStartsNoThread) {
  const std::size_t before = threads_of_this_process();
  ASSERT_GT(before, 0U);
  Link link;
  EXPECT_EQ(threads_of_this_process(), before);
  ASSERT_TRUE(link.connect());
  EXPECT_EQ(threads_of_this_process(), before);
}

TEST(UsrsctpRuntime, ItWaitsForNothingWhenTheLastAssociationHasEnded) {
  ::bamgate::testing::SeededRandom random(5);
  BufferPool pool;
  auto runtime = UsrsctpRuntime::create(random).value();
  auto association = Association::create(*runtime, {}, pool).value();
  association.start(Instant(1s));
  EXPECT_LE(runtime->next_timeout(), Instant(1s) + 10ms);
  association.abort(Instant(2s));
  EXPECT_EQ(runtime->next_timeout(), kNever);
}

// usrsctp keeps some 270 bytes of every address that it has ever known.
TEST(UsrsctpRuntime, AssociationsThatComeAndGoLeaveNothingBehind) {
  ::bamgate::testing::SeededRandom random(7);
  BufferPool pool;
  auto runtime = UsrsctpRuntime::create(random).value();
  Instant now(1s);
  const auto live_and_die = [&](int times) {
    for (int i = 0; i < times; ++i) {
      auto association = Association::create(*runtime, {}, pool).value();
      association.start(now);
      association.abort(now += 1s);
      runtime->handle_timeout(now += 2min);
    }
  };
  live_and_die(50);
  const std::size_t heap = ::bamgate::testing::heap_in_use();
  live_and_die(500);
  EXPECT_LE(::bamgate::testing::heap_in_use(), heap + 20'000) << "bytes; 500 lost addresses are 135,000";
}

}  // namespace
}  // namespace bamgate::sctp
