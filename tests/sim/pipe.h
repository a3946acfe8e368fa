// One direction of a TCP-like connection: what is pushed happens at the other end, in order, `latency` later; while the
// way is blocked it waits, as TCP's retransmissions would have it.
#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <utility>

#include "sim/agenda.h"

namespace bamgate::sim {

class Pipe : public std::enable_shared_from_this<Pipe> {
 public:
  /// `agenda` must outlive the pipe. While `blocked` returns true nothing arrives.
  Pipe(Agenda& agenda, Duration latency, std::function<bool()> blocked)
      : agenda_(agenda), latency_(latency), blocked_(std::move(blocked)) {}

  void push(Agenda::Action action) {
    waiting_.push_back(std::move(action));
    agenda_.after(latency_, [self = shared_from_this()] { self->deliver_one(); });
  }

 private:
  static constexpr auto kRetransmit = std::chrono::milliseconds(200);

  void deliver_one() {
    if (blocked_()) {
      agenda_.after(kRetransmit, [self = shared_from_this()] { self->deliver_one(); });
      return;
    }
    const Agenda::Action action = std::move(waiting_.front());
    waiting_.pop_front();
    action();
  }

  Agenda& agenda_;
  Duration latency_;
  std::function<bool()> blocked_;
  std::deque<Agenda::Action> waiting_;
};

}  // namespace bamgate::sim
