#include "sctp/usrsctp_runtime.h"

#include <sys/time.h>
#include <usrsctp.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstdlib>
#include <utility>

#include "sctp/usrsctp_engine.h"

namespace bamgate::sctp {
namespace {

UsrsctpRuntime* current = nullptr;

// usrsctp takes a time of zero for "never": its clock starts here, and Instants count from it.
constexpr auto kClockOffset = std::chrono::hours(24 * 365);

/// How often and for how long the end of usrsctp is awaited, in virtual time.
constexpr int kFinishAttempts = 1000;
constexpr std::uint32_t kFinishStep = 100;  // ms

/// The most that one step may advance the timers, which usrsctp compares modulo 2^32.
constexpr std::int64_t kMaxStep = 1 << 30;  // ms

// The only state of usrsctp that its end does not reset: its tick counter, modulo 2^32.
std::uint32_t surviving_ticks = 0;

void advance_ticks(std::uint32_t step) {
  surviving_ticks += step;
  usrsctp_handle_timers(step);
}

}  // namespace

/// What usrsctp calls from below.
struct UsrsctpHooks {
  static int output(void* address, void* packet, std::size_t size, std::uint8_t, std::uint8_t) {
    UsrsctpEngine* engine = current == nullptr ? nullptr : current->find(address);
    if (engine != nullptr) engine->on_packet(Bytes(static_cast<const std::byte*>(packet), size));
    return 0;
  }
  static int received(struct socket*, union sctp_sockstore, void* data, std::size_t size, struct sctp_rcvinfo info,
                      int flags, void* id) {
    UsrsctpEngine* engine = current == nullptr ? nullptr : current->find(id);
    if (engine != nullptr && data != nullptr) {
      const Bytes bytes(static_cast<const std::byte*>(data), size);
      if ((flags & MSG_NOTIFICATION) != 0) {
        engine->on_notification(bytes);
      } else {
        engine->on_data(info, (flags & MSG_EOR) != 0, bytes);
      }
    }
    std::free(data);
    return 1;
  }
  static int acknowledged(struct socket*, std::uint32_t free_bytes, void* id) {
    UsrsctpEngine* engine = current == nullptr ? nullptr : current->find(id);
    if (engine != nullptr) engine->on_send_space(free_bytes);
    return 1;
  }
  static void clock(timeval* out) {
    const Duration time = current == nullptr ? Duration(kClockOffset) : current->now_.time_since_epoch() + kClockOffset;
    const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
    out->tv_sec = static_cast<time_t>(seconds.count());
    out->tv_usec = static_cast<suseconds_t>(std::chrono::floor<std::chrono::microseconds>(time - seconds).count());
  }
  static void random(MutableBytes out) {
    if (current != nullptr) current->random_.fill(out);
  }
};

UsrsctpCallbacks usrsctp_callbacks() { return {&UsrsctpHooks::received, &UsrsctpHooks::acknowledged}; }

namespace {

// Settings for the whole process. A new usrsctp_init resets them.
void configure() {
  // Checksums are made and checked by us (packet.h): every engine's are.
  usrsctp_enable_crc32c_offload();
  // Nothing of the kernel's SCTP world: addresses are ids, and the path is the one that ICE chose.
  usrsctp_sysctl_set_sctp_blackhole(2);  // never answer a packet that belongs to no association
  usrsctp_sysctl_set_sctp_no_csum_on_loopback(0);
  usrsctp_sysctl_set_sctp_ecn_enable(0);
  usrsctp_sysctl_set_sctp_asconf_enable(0);
  usrsctp_sysctl_set_sctp_auto_asconf(0);
  usrsctp_sysctl_set_sctp_auth_enable(0);
  usrsctp_sysctl_set_sctp_nrsack_enable(0);
  usrsctp_sysctl_set_sctp_pktdrop_enable(0);
  usrsctp_sysctl_set_sctp_pr_enable(1);
  usrsctp_sysctl_set_sctp_reconfig_enable(1);
  // RFC 8831 §6.2 recommends 65,535 streams; each costs memory (engine.h).
  usrsctp_sysctl_set_sctp_nr_incoming_streams_default(kStreams);
  usrsctp_sysctl_set_sctp_nr_outgoing_streams_default(kStreams);
  // RFC 6928: ten packets to begin with, and as many in answer to one acknowledgement.
  usrsctp_sysctl_set_sctp_initial_cwnd(10);
  usrsctp_sysctl_set_sctp_max_burst_default(10);
  usrsctp_sysctl_set_sctp_fr_max_burst_default(10);
  // The limit in bytes is max_unsent and the socket's buffer; the default of 512 chunks would be met before.
  usrsctp_sysctl_set_sctp_max_chunks_on_queue(16384);
  // RFC 9260 §6.2 allows at most 500 ms; half a packet time on slow paths, and short enough for the peer's RTT
  // estimate.
  usrsctp_sysctl_set_sctp_delayed_sack_time_default(20);
  usrsctp_sysctl_set_sctp_sack_freq_default(2);
  // RFC 9260 §16 suggests 1 s, 1 s and 60 s. A peer may delay its SACK by 200 ms (pion does): below 400 ms its silence
  // would pass for loss. Above a few seconds a path that is back again would wait for its first packet.
  usrsctp_sysctl_set_sctp_rto_initial_default(500);
  usrsctp_sysctl_set_sctp_rto_min_default(400);
  usrsctp_sysctl_set_sctp_rto_max_default(5000);
  usrsctp_sysctl_set_sctp_init_rto_max_default(3000);
  // RFC 9260 §16 suggests 8, 10 and 5 attempts. With the RTO above, an association outlives ICE consent (30 s).
  usrsctp_sysctl_set_sctp_init_rtx_max_default(10);
  usrsctp_sysctl_set_sctp_assoc_rtx_max_default(12);
  usrsctp_sysctl_set_sctp_path_rtx_max_default(12);
  usrsctp_sysctl_set_sctp_heartbeat_interval_default(30000);
  usrsctp_sysctl_set_sctp_shutdown_guard_time_default(20);
}

}  // namespace

std::expected<std::unique_ptr<EngineFactory>, Error> make_engine_factory(Random& random) {
  return UsrsctpRuntime::create(random);
}

std::expected<std::unique_ptr<UsrsctpRuntime>, Error> UsrsctpRuntime::create(Random& random) {
  if (current != nullptr) return std::unexpected(Error::kRuntimeTaken);
  return std::unique_ptr<UsrsctpRuntime>(new UsrsctpRuntime(random));
}

UsrsctpRuntime::UsrsctpRuntime(Random& random) : random_(random) {
  current = this;
  usrsctp_init_nothreads(0, &UsrsctpHooks::output, nullptr);
  configure();
  // Back to zero, while no timer runs that could mind.
  usrsctp_handle_timers(-surviving_ticks);
  surviving_ticks = 0;
}

UsrsctpRuntime::~UsrsctpRuntime() {
  assert(engines_.empty());
  // Sockets that were closed may still wait for a last timer.
  for (int attempt = 0; attempt < kFinishAttempts && usrsctp_finish() != 0; ++attempt) advance_ticks(kFinishStep);
  current = nullptr;
}

std::expected<std::unique_ptr<Engine>, Error> UsrsctpRuntime::make_engine(const EngineOptions& options,
                                                                          BufferPool& pool) {
  return std::make_unique<UsrsctpEngine>(*this, options, pool);
}

void UsrsctpRuntime::handle_timeout(Instant now) {
  now_ = std::max(now_, now);
  const auto elapsed = std::chrono::floor<std::chrono::milliseconds>(now_ - last_tick_);
  if (elapsed < kBusyTick) return;
  last_tick_ += elapsed;
  advance_ticks(static_cast<std::uint32_t>(std::min<std::int64_t>(elapsed.count(), kMaxStep)));
}

Instant UsrsctpRuntime::next_timeout() const {
  if (engines_.empty()) return kNever;
  const bool busy = outstanding_ != 0 || last_tick_ < busy_until_;
  return last_tick_ + (busy ? Duration(kBusyTick) : Duration(kIdleTick));
}

std::uintptr_t UsrsctpRuntime::attach(UsrsctpEngine* engine) {
  std::uintptr_t id = next_id_;
  if (!resting_.empty() && resting_.front().until <= now_) {
    id = resting_.front().id;
    resting_.pop_front();
  } else {
    ++next_id_;
    usrsctp_register_address(reinterpret_cast<void*>(id));
  }
  engines_.emplace(id, engine);
  return id;
}

void UsrsctpRuntime::detach(std::uintptr_t id) {
  engines_.erase(id);
  resting_.push_back({id, now_ + kIdRest});
}

UsrsctpEngine* UsrsctpRuntime::find(const void* id) const {
  const auto found = engines_.find(reinterpret_cast<std::uintptr_t>(id));
  return found == engines_.end() ? nullptr : found->second;
}

}  // namespace bamgate::sctp

// The linker leads these calls of usrsctp here (--wrap, see cmake/libraries.cmake). Without a runtime nothing asks.
extern "C" {
int __wrap_gettimeofday(timeval* out, void* zone);
int __wrap_gettimeofday(timeval* out, void*) {
  bamgate::sctp::UsrsctpHooks::clock(out);
  return 0;
}

void __wrap_read_random(void* out, std::size_t size);
void __wrap_read_random(void* out, std::size_t size) {
  bamgate::sctp::UsrsctpHooks::random(bamgate::MutableBytes(static_cast<std::byte*>(out), size));
}

// usrsctp starts a thread for address changes even without threads. Told that there is none, it does without.
int __wrap_sctp_userspace_thread_create(void* thread, void* function);
int __wrap_sctp_userspace_thread_create(void*, void*) { return EAGAIN; }

// usrsctp would ask the kernel for all interfaces. Associations over ids need only the empty table.
void* sctp_allocate_vrf(int id);
void __wrap_sctp_init_vrf_list(int id);
void __wrap_sctp_init_vrf_list(int id) { sctp_allocate_vrf(id); }
}
