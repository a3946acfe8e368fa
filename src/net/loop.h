// The one event loop: an Asio io_context driven by one thread, with timers that count suspend, readiness of file
// descriptors, and signals. Everything in src/net belongs to one Loop and must be used on its thread only.
// Objects made with a Loop must be destroyed before it; coroutines that still wait then are destroyed with it.
#pragma once

#include <asio/awaitable.hpp>
#include <asio/co_spawn.hpp>
#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <asio/signal_set.hpp>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "core/time.h"

namespace bamgate::net {

class Timer;

class Loop {
 public:
  Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  ~Loop();

  /// Serves events until stop(). An exception that a callback throws comes out here.
  void run();
  /// Makes run() return after the callback that is running now. run() may be called again later.
  void stop();
  /// Serves events until `done()` is true or `limit` has passed; returns the last value of done(). For tests and for
  /// commands that do one thing.
  bool run_until(const std::function<bool()>& done, Duration limit);

  /// Calls `callback` soon, from the loop, never from inside post().
  void post(std::function<void()> callback);

  /// Calls `callback` with SIGINT or SIGTERM whenever one arrives, instead of ending the process. Replaces an earlier
  /// callback, which loses nothing: a signal that has come and that no turn of the loop has delivered goes to the new
  /// one. An empty one gives the signals back to the system.
  void on_signal(std::function<void(int signal)> callback);

  /// Calls `callback` whenever SIGHUP arrives, instead of ending the process. Once for a loop.
  void on_hangup(std::function<void()> callback);

  /// Calls `callback` whenever SIGUSR1 arrives, instead of ending the process. Once for a loop.
  void on_user_signal(std::function<void()> callback);

  /// Runs a coroutine to its end; nobody hears about that. It starts from the loop, not at once.
  void spawn(asio::awaitable<void> coroutine);
  /// Runs a coroutine and gives its result to `done`.
  template <typename T>
  void spawn(asio::awaitable<T> coroutine, std::function<void(T)> done);
  /// Runs a coroutine and the loop until the coroutine has ended; for commands that do one thing. Needs that nobody
  /// calls stop() meanwhile.
  template <typename T>
  T block_on(asio::awaitable<T> coroutine);

  asio::io_context& context() { return context_; }

 private:
  friend class Timer;
  // Deadlines in order; the number keeps equal ones in the order of their setting.
  using TimerKey = std::pair<Instant, std::uint64_t>;
  using TimerMap = std::map<TimerKey, Timer*>;

  void insert(Timer& timer, Instant deadline);
  void erase(Timer& timer);
  void arm();
  void wait_for_timers();
  void fire_timers();
  void wait_for_signal();
  asio::awaitable<void> call_at_each(asio::signal_set& signals, std::function<void()> callback);

  TimerMap timers_;
  std::vector<TimerKey> due_;  // room for fire_timers()
  std::uint64_t next_timer_number_ = 0;
  Instant armed_for_ = kNever;
  std::function<void(int)> signal_callback_;
  // Below everything that a destroyed coroutine may still touch.
  asio::io_context context_;
  asio::posix::stream_descriptor timer_fd_;
  asio::signal_set signals_;
  asio::signal_set user_signal_;
  asio::signal_set hangup_;
};

/// One deadline on CLOCK_BOOTTIME. It stays where it was made (not movable); destroying it cancels it.
class Timer {
 public:
  explicit Timer(Loop& loop) : loop_(loop) {}
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;
  ~Timer() { cancel(); }

  /// Calls `callback` once, from the loop, when `deadline` has come (at once when it is past). Replaces what was set
  /// before; kNever is the same as cancel(). The callback may set this timer again, or destroy it.
  void expires_at(Instant deadline, std::function<void()> callback);
  void cancel();
  bool is_set() const { return key_.has_value(); }

 private:
  friend class Loop;
  Loop& loop_;
  std::optional<Loop::TimerKey> key_;
  Loop::TimerMap::node_type node_;  // while it is not set, if it ever was: so setting it again allocates nothing
  std::function<void()> callback_;
};

/// Tells when a file descriptor that is no Asio socket (a TUN device, a UdpSocket, netlink) can be read or written.
/// It does not own the descriptor, which must stay open as long as the watcher lives. One watcher per descriptor.
class FdWatcher {
 public:
  FdWatcher(Loop& loop, int fd);
  FdWatcher(const FdWatcher&) = delete;
  FdWatcher& operator=(const FdWatcher&) = delete;
  ~FdWatcher();

  /// Calls `callback` whenever the descriptor is readable or in error, until stop(). What the callback leaves unread
  /// makes it be called again, after other events had their turn. It may destroy this watcher.
  void on_readable(std::function<void()> callback);
  /// Calls `callback` once, as soon as the descriptor is writable.
  void when_writable(std::function<void()> callback);
  /// Ends both; on_readable() and when_writable() may follow again.
  void stop();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

template <typename T>
void Loop::spawn(asio::awaitable<T> coroutine, std::function<void(T)> done) {
  asio::co_spawn(context_, std::move(coroutine), [done = std::move(done)](std::exception_ptr error, T result) {
    if (error) std::rethrow_exception(error);
    if (done) done(std::move(result));
  });
}

template <typename T>
T Loop::block_on(asio::awaitable<T> coroutine) {
  std::optional<T> result;
  spawn<T>(std::move(coroutine), [&](T value) {
    result.emplace(std::move(value));
    stop();
  });
  run();
  return std::move(*result);
}

}  // namespace bamgate::net
