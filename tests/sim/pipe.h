// One direction of a TCP-like connection: what is pushed happens at the other end, in order, a latency later. While the
// way is blocked it waits, as TCP's retransmissions would have it; when the way is gone for good it never arrives.
// How many bytes wait, whoever pushes may ask: a relay must not queue behind a dead wire without bound.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <utility>

#include "sim/agenda.h"

namespace bamgate::sim {

class Pipe : public std::enable_shared_from_this<Pipe> {
 public:
  enum class Way { kFree, kBlocked, kGone };

  /// `agenda` must outlive the pipe. `latency` is asked whenever something is sent, `way` whenever something is about
  /// to arrive.
  Pipe(Agenda& agenda, std::function<Duration()> latency, std::function<Way()> way)
      : agenda_(agenda), latency_(std::move(latency)), way_(std::move(way)) {}

  void push(Agenda::Action action, std::size_t size = 0) {
    last_arrival_ = std::max(last_arrival_, agenda_.now() + latency_());
    agenda_.after(last_arrival_ - agenda_.now(),
                  [self = shared_from_this(), sent = Sent{std::move(action), size}] { self->arrive(sent); });
  }
  /// Bytes that wait for the way to become free.
  std::size_t unsent() const { return unsent_; }
  /// Runs `action` when nothing that was pushed so far waits for the way to become free: at once when nothing does, and
  /// never when the way is gone.
  void when_sent(const Agenda::Action& action) {
    if (const auto before = waiting_.lock()) {
      before->push_back({action, 0});
    } else {
      action();
    }
  }

 private:
  struct Sent {
    Agenda::Action action;
    std::size_t size;
  };
  using Queue = std::deque<Sent>;
  static constexpr auto kRetransmit = std::chrono::milliseconds(200);

  void arrive(const Sent& sent) {
    const Way way = way_();
    if (way == Way::kGone) return;
    const auto before = waiting_.lock();
    if (!before && way == Way::kFree) return sent.action();
    unsent_ += sent.size;
    if (before) return before->push_back(sent);
    const auto queue = std::make_shared<Queue>(1, sent);
    waiting_ = queue;
    try_again(queue);
  }

  // What waits stands in the agenda alone, so that nothing here holds itself.
  void try_again(const std::shared_ptr<Queue>& queue) {
    agenda_.after(kRetransmit, [self = shared_from_this(), queue] {
      while (!queue->empty()) {
        const Way way = self->way_();
        if (way == Way::kGone) return;
        if (way == Way::kBlocked) return self->try_again(queue);
        const Sent sent = std::move(queue->front());
        queue->pop_front();
        self->unsent_ -= sent.size;
        sent.action();
      }
    });
  }

  Agenda& agenda_;
  std::function<Duration()> latency_;
  std::function<Way()> way_;
  Instant last_arrival_{};
  std::size_t unsent_ = 0;
  std::weak_ptr<Queue> waiting_;
};

}  // namespace bamgate::sim
