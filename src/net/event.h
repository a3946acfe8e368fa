// Lets one coroutine wait until another one, or a callback, says that something has happened.
#pragma once

#include <asio/awaitable.hpp>
#include <asio/steady_timer.hpp>

#include "core/time.h"
#include "net/loop.h"

namespace bamgate::net {

/// A flag that one coroutine at a time can wait for. A notify() before the wait() is not lost.
class Event {
 public:
  explicit Event(Loop& loop);

  /// Returns true, and clears the flag, as soon as it is set; false when `deadline` came first. The event must live
  /// until then.
  asio::awaitable<bool> wait(Instant deadline = kNever);
  void notify();

 private:
  asio::steady_timer sleeper_;  // never expires; cancelling it wakes the coroutine
  Timer deadline_;
  bool notified_ = false;
};

}  // namespace bamgate::net
