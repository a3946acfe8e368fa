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
    agenda_.after(latency_, [self = shared_from_this(), action = std::move(action)] { self->arrive(action); });
  }

 private:
  using Queue = std::deque<Agenda::Action>;
  static constexpr auto kRetransmit = std::chrono::milliseconds(200);

  void arrive(const Agenda::Action& action) {
    const Way way = way_();
    if (way == Way::kGone) return;
    if (const auto before = waiting_.lock()) {
      before->push_back(action);
    } else if (way == Way::kBlocked) {
      const auto queue = std::make_shared<Queue>(1, action);
      waiting_ = queue;
      try_again(queue);
    } else {
      action();
    }
  }

  // What waits stands in the agenda alone, so that nothing here holds itself.
  void try_again(const std::shared_ptr<Queue>& queue) {
    agenda_.after(kRetransmit, [self = shared_from_this(), queue] {
      while (!queue->empty()) {
        const Way way = self->way_();
        if (way == Way::kGone) return;
        if (way == Way::kBlocked) return self->try_again(queue);
        const Agenda::Action action = std::move(queue->front());
        queue->pop_front();
        action();
      }
    });
  }

  Agenda& agenda_;
  Duration latency_;
  std::function<Way()> way_;
  std::weak_ptr<Queue> waiting_;
};

}  // namespace bamgate::sim
