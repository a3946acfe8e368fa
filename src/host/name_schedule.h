// When the name of a server is to be resolved: at first; now and then, since names move; soon when there is a reason to
// doubt what it said; and after a failure with growing patience. Pure: it is told the time.
#pragma once

#include <algorithm>
#include <chrono>
#include <utility>

#include "core/time.h"

namespace bamgate::host {

class NameSchedule {
 public:
  /// Without any reason.
  static constexpr auto kNowAndThen = std::chrono::minutes(15);
  /// Between two questions, whatever the reasons: a server that stays silent gives one every few seconds.
  static constexpr auto kShortest = std::chrono::seconds(10);
  /// After a failure, doubled with each until kNowAndThen.
  static constexpr auto kFirstRetry = std::chrono::seconds(10);

  /// When to ask next; kNever while a question is under way.
  Instant next() const { return under_way_ ? kNever : next_; }
  void asked(Instant now) {
    under_way_ = true;
    again_ = false;
    asked_ = now;
  }
  void answered(Instant now) {
    retry_ = kFirstRetry;
    end(now + kNowAndThen);
  }
  void failed(Instant now) {
    const Duration wait = retry_;
    retry_ = std::min<Duration>(2 * retry_, kNowAndThen);
    end(now + wait);
  }
  /// The server does not answer.
  void doubt(Instant now) { hurry(std::max(now, asked_ == Instant::min() ? now : asked_ + kShortest)); }
  /// The network is another one, and its resolver may know better. What is under way may never be answered.
  void ask_again(Instant now) {
    retry_ = kFirstRetry;
    hurry(now);
  }

 private:
  void hurry(Instant when) {
    next_ = std::min(next_, when);
    if (under_way_) again_ = true;
  }
  void end(Instant next) {
    under_way_ = false;
    next_ = std::exchange(again_, false) ? asked_ + kShortest : next;
  }

  Instant next_ = Instant::min();
  Instant asked_ = Instant::min();
  Duration retry_ = kFirstRetry;
  bool under_way_ = false;
  bool again_ = false;  // a reason came up meanwhile
};

}  // namespace bamgate::host
