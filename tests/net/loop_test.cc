// Timers, descriptors and signals of the loop, and the clocks.
#include <unistd.h>
#include <csignal>

#include "net/event.h"
#include "net_test.h"

namespace bamgate::net {
namespace {

class LoopTest : public NetTest {};

TEST_F(LoopTest, ClockCountsSuspendAndNeverGoesBack) {
  timespec boot{};
  clock_gettime(CLOCK_BOOTTIME, &boot);
  const Instant first = now();
  const Instant second = now();
  EXPECT_GE(first.time_since_epoch(), std::chrono::seconds(boot.tv_sec));
  EXPECT_LE(first, second);
  EXPECT_GT(unix_now().seconds, 1'600'000'000);
}

TEST_F(LoopTest, TimersFireInTheOrderOfTheirDeadlines) {
  std::string order;
  Timer late(loop_);
  Timer early(loop_);
  Timer past(loop_);
  const Instant start = now();
  late.expires_at(start + std::chrono::milliseconds(30), [&] { order += 'c'; });
  early.expires_at(start + std::chrono::milliseconds(10), [&] { order += 'b'; });
  past.expires_at(Instant{}, [&] { order += 'a'; });
  EXPECT_TRUE(wait_for([&] { return order.size() == 3; }));
  EXPECT_EQ(order, "abc");
  EXPECT_GE(now(), start + std::chrono::milliseconds(30));
}

TEST_F(LoopTest, CancelledOrDestroyedTimersDoNotFire) {
  bool wrong = false;
  bool end = false;
  Timer cancelled(loop_);
  Timer last(loop_);
  auto destroyed = std::make_unique<Timer>(loop_);
  const Instant soon = now() + std::chrono::milliseconds(5);
  cancelled.expires_at(soon, [&] { wrong = true; });
  destroyed->expires_at(soon, [&] { wrong = true; });
  last.expires_at(soon + std::chrono::milliseconds(5), [&] { end = true; });
  cancelled.expires_at(kNever, [&] { wrong = true; });
  EXPECT_FALSE(cancelled.is_set());
  destroyed.reset();
  EXPECT_TRUE(wait_for([&] { return end; }));
  EXPECT_FALSE(wrong);
}

TEST_F(LoopTest, TimerThatSetsItselfToThePastLeavesOthersTheirTurn) {
  int busy_calls = 0;
  bool other = false;
  Timer busy(loop_);
  Timer patient(loop_);
  std::function<void()> again = [&] {
    ++busy_calls;
    busy.expires_at(Instant{}, again);
  };
  busy.expires_at(Instant{}, again);
  patient.expires_at(now(), [&] { other = true; });
  EXPECT_TRUE(wait_for([&] { return other && busy_calls > 3; }));
}

TEST_F(LoopTest, TimerCallbackMayDestroyItsTimer) {
  auto timer = std::make_unique<Timer>(loop_);
  timer->expires_at(now(), [&] { timer.reset(); });
  EXPECT_TRUE(wait_for([&] { return timer == nullptr; }));
}

TEST_F(LoopTest, WatcherReportsUntilEverythingIsRead) {
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe(ends.data()), 0);
  std::string got;
  auto watcher = std::make_unique<FdWatcher>(loop_, ends[0]);
  watcher->on_readable([&] {
    char byte = 0;
    if (read(ends[0], &byte, 1) == 1) got += byte;
    if (got.size() == 3) watcher.reset();
  });
  ASSERT_EQ(write(ends[1], "abc", 3), 3);
  EXPECT_TRUE(wait_for([&] { return watcher == nullptr; }));
  EXPECT_EQ(got, "abc");
  close(ends[0]);
  close(ends[1]);
}

TEST_F(LoopTest, WatcherReportsWritableOnce) {
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe(ends.data()), 0);
  int calls = 0;
  {
    FdWatcher watcher(loop_, ends[1]);
    watcher.when_writable([&] { ++calls; });
    EXPECT_TRUE(wait_for([&] { return calls > 0; }));
    bool later = false;
    Timer timer(loop_);
    timer.expires_at(now() + std::chrono::milliseconds(5), [&] { later = true; });
    EXPECT_TRUE(wait_for([&] { return later; }));
  }
  EXPECT_EQ(calls, 1);
  close(ends[0]);
  close(ends[1]);
}

TEST_F(LoopTest, SignalsComeAsCallbacks) {
  std::vector<int> signals;
  loop_.on_signal([&](int signal) { signals.push_back(signal); });
  std::raise(SIGTERM);
  EXPECT_TRUE(wait_for([&] { return signals.size() == 1; }));
  std::raise(SIGINT);
  EXPECT_TRUE(wait_for([&] { return signals.size() == 2; }));
  EXPECT_EQ(signals, (std::vector{SIGTERM, SIGINT}));
  loop_.on_signal(nullptr);
}

// Whoever starts something long takes signals from the first moment on, and decides later what they mean.
TEST_F(LoopTest, ASignalThatCameBeforeTheLoopRunsGoesToTheLastCallback) {
  int early = 0;
  int late = 0;
  loop_.on_signal([&](int) { ++early; });
  std::raise(SIGTERM);
  loop_.on_signal([&](int) { ++late; });
  EXPECT_TRUE(wait_for([&] { return late == 1; }));
  EXPECT_EQ(early, 0);
  loop_.on_signal(nullptr);
}

TEST_F(LoopTest, AHangupComesAsOftenAsItIsSent) {
  int calls = 0;
  loop_.on_hangup([&] { ++calls; });
  for (int i = 1; i <= 3; ++i) {
    std::raise(SIGHUP);
    EXPECT_TRUE(wait_for([&] { return calls == i; }));
  }
}

TEST_F(LoopTest, TheUserSignalComesAsOftenAsItIsSent) {
  int calls = 0;
  loop_.on_user_signal([&] { ++calls; });
  for (int i = 1; i <= 3; ++i) {
    std::raise(SIGUSR1);
    EXPECT_TRUE(wait_for([&] { return calls == i; }));
  }
}

TEST_F(LoopTest, RunReturnsAfterStopAndMayRunAgain) {
  int runs = 0;
  for (int i = 0; i < 2; ++i) {
    loop_.post([&] {
      ++runs;
      loop_.stop();
    });
    loop_.run();
  }
  EXPECT_EQ(runs, 2);
}

TEST_F(LoopTest, BlockOnReturnsTheCoroutinesResult) {
  const int value = loop_.block_on([]() -> asio::awaitable<int> { co_return 42; }());
  EXPECT_EQ(value, 42);
}

TEST_F(LoopTest, EventWakesItsWaiterOrTimesOut) {
  Event event(loop_);
  event.notify();
  EXPECT_TRUE(finish(event.wait()));
  EXPECT_FALSE(finish(event.wait(now())));
  Timer timer(loop_);
  timer.expires_at(now() + std::chrono::milliseconds(5), [&] { event.notify(); });
  EXPECT_TRUE(finish(event.wait(now() + kPatience)));
}

TEST(Loop, MayBeDestroyedWhileCoroutinesWait) {
  auto ended = std::make_shared<bool>(false);
  {
    Loop loop;
    loop.spawn([](Loop& on, std::shared_ptr<bool> flag) -> asio::awaitable<void> {
      Event never(on);
      co_await never.wait(now() + std::chrono::hours(1));
      *flag = true;
    }(loop, ended));
    loop.run_until([] { return false; }, std::chrono::milliseconds(5));
    EXPECT_EQ(ended.use_count(), 2);
  }
  EXPECT_FALSE(*ended);
  EXPECT_EQ(ended.use_count(), 1);
}

}  // namespace
}  // namespace bamgate::net
