// One direction of a TCP-like connection: what is pushed happens at the other end, in order, `latency` later. While the
// way is blocked it waits, as TCP's retransmissions would have it; when the way is gone for good it never arrives.
#pragma once

#include <chrono>
#include <cstdint>
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
    agenda_.after(latency_, [self = shared_from_this(), action = std::move(action), number = pushed_++] {
      self->arrive(number, action);
    });
  }

 private:
  static constexpr auto kRetransmit = std::chrono::milliseconds(200);
  static constexpr auto kBehindAnother = std::chrono::milliseconds(1);

  // What waits stands in the agenda alone, so that nothing here holds itself.
  void arrive(std::uint64_t number, const Agenda::Action& action) {
    const Way way = way_();
    if (way == Way::kGone) return;
    if (way == Way::kBlocked || number != arrived_) {
      const Duration wait = way == Way::kBlocked ? Duration(kRetransmit) : Duration(kBehindAnother);
      agenda_.after(wait, [self = shared_from_this(), action, number] { self->arrive(number, action); });
      return;
    }
    ++arrived_;
    action();
  }

  Agenda& agenda_;
  Duration latency_;
  std::function<Way()> way_;
  std::uint64_t pushed_ = 0;
  std::uint64_t arrived_ = 0;
};

}  // namespace bamgate::sim
