// usrsctp's process-wide state: its start and end, its clock, its randomness, and the table that leads from the integer
// ids under which usrsctp knows our associations to their engines. usrsctp runs without threads; its timers advance
// only in handle_timeout(). This file and usrsctp_* are the only users of usrsctp. Programs link with
// -Wl,--wrap=gettimeofday,--wrap=read_random (cmake/libraries.cmake): usrsctp then asks us.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <expected>
#include <memory>
#include <unordered_map>

#include "core/random.h"
#include "core/time.h"
#include "sctp/engine.h"
#include "sctp/error.h"

namespace bamgate::sctp {

class UsrsctpEngine;

/// One lives in a process at a time. A runtime that is made after the last one was destroyed starts from nothing: with
/// the same seed and the same calls it sends the same bytes.
class UsrsctpRuntime final : public EngineFactory {
 public:
  /// Starts usrsctp. `random` must outlive the runtime. Error: kRuntimeTaken.
  static std::expected<std::unique_ptr<UsrsctpRuntime>, Error> create(Random& random);
  /// Needs all engines to be gone.
  ~UsrsctpRuntime() override;
  UsrsctpRuntime(const UsrsctpRuntime&) = delete;
  UsrsctpRuntime& operator=(const UsrsctpRuntime&) = delete;

  std::expected<std::unique_ptr<Engine>, Error> make_engine(const EngineOptions& options, BufferPool& pool) override;

  /// Advances usrsctp's clock to `now` and fires its timers, of all associations, when a tick is due. Calling an
  /// association's handle_timeout() does this too: who does that need not drive the runtime.
  void handle_timeout(Instant now);
  /// kBusyTick after the last tick while an association works, kIdleTick while all are idle, kNever while none lives.
  Instant next_timeout() const;
  /// The latest time that any call brought.
  Instant now() const { return now_; }

 private:
  friend class UsrsctpEngine;
  friend struct UsrsctpHooks;

  explicit UsrsctpRuntime(Random& random);
  /// Gives the engine an id that usrsctp knows as an address. Never 0.
  std::uintptr_t attach(UsrsctpEngine* engine);
  /// The engine's socket is closed. Its id serves another one when usrsctp is sure to be done with it.
  void detach(std::uintptr_t id);
  UsrsctpEngine* find(const void* id) const;
  void stay_busy() { busy_until_ = now_ + kBusyAfterwards; }

  /// usrsctp's own resolution for threads of its own, and half of the shortest timer here (the delayed SACK, 20 ms).
  static constexpr auto kBusyTick = std::chrono::milliseconds(10);
  /// Idle associations only wait for heartbeats (30 s).
  static constexpr auto kIdleTick = std::chrono::milliseconds(500);
  /// A tick is a busy one as long as the last packet or message is no older.
  static constexpr auto kBusyAfterwards = std::chrono::milliseconds(500);
  /// For this time nobody gets the id of an association that has ended: usrsctp may still say a last word for it.
  static constexpr auto kIdRest = std::chrono::minutes(1);

  struct RestingId {
    std::uintptr_t id;
    Instant until;
  };

  Random& random_;
  Instant now_{};
  Instant last_tick_{};
  Instant busy_until_{};
  std::size_t outstanding_ = 0;  // associations that wait for an answer
  std::uintptr_t next_id_ = 1;
  // Ids are used again because usrsctp keeps memory of each address that it has ever forgotten.
  std::deque<RestingId> resting_;
  std::unordered_map<std::uintptr_t, UsrsctpEngine*> engines_;  // looked up only, never walked
};

}  // namespace bamgate::sctp
