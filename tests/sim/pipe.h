// One direction of a TCP-like connection: what is pushed happens at the other end, in order, `latency` later. While the
// way is blocked it waits, as TCP's retransmissions would have it; when the way is gone for good it never arrives.
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
  enum class Way { kFree, kBlocked, kGone };

  /// `agenda` must outlive the pipe. `way` is asked whenever something is about to arrive.
  Pipe(Agenda& agenda, Duration latency, std::function<Way()> way)
      : agenda_(agenda), latency_(latency), way_(std::move(way)) {}

  void push(Agenda::Action action) {
    waiting_.push_back(std::move(action));
    agenda_.after(latency_, [self = shared_from_this()] { self->deliver_one(); });
  }

 private:
  static constexpr auto kRetransmit = std::chrono::milliseconds(200);

  void deliver_one() {
    const Way way = way_();
    if (way == Way::kGone) return;
    if (way == Way::kBlocked) {
      agenda_.after(kRetransmit, [self = shared_from_this()] { self->deliver_one(); });
      return;
    }
    const Agenda::Action action = std::move(waiting_.front());
    waiting_.pop_front();
    action();
  }

  Agenda& agenda_;
  Duration latency_;
  std::function<Way()> way_;
  std::deque<Agenda::Action> waiting_;
};

}  // namespace bamgate::sim
