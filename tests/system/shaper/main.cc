// The shaper: a cable between two TAP interfaces that behaves like a wide-area path, for system tests on kernels
// without netem. One thread; the simulator's links (sim/link.h) run on the real clock. See --help.
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <fstream>
#include <string>
#include <vector>

#include "os/file_descriptor.h"
#include "system/shaper/command_line.h"
#include "system/shaper/lane.h"
#include "system/shaper/lateness.h"

namespace bamgate::shaper {
namespace {

// So that neither reading nor writing waits long for the other.
constexpr int kFramesAtOnce = 32;

volatile std::sig_atomic_t ended = 0;
volatile std::sig_atomic_t asked = 0;

Duration monotonic() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

os::FileDescriptor open_tap(const std::string& name) {
  os::FileDescriptor fd(open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
  ifreq request{};
  name.copy(request.ifr_name, IFNAMSIZ - 1);
  request.ifr_flags = IFF_TAP | IFF_NO_PI;
  if (name.size() >= IFNAMSIZ) {
    errno = ENAMETOOLONG;
  } else if (fd.is_open() && ioctl(fd.get(), TUNSETIFF, &request) == 0) {
    return fd;
  }
  std::fprintf(stderr, "shaper: cannot open the TAP interface '%s': %s\n", name.c_str(), std::strerror(errno));
  return {};
}

// What the kernel had for us and dropped because we were too slow to read it.
std::string unread(const std::string& name) {
  std::string count = "0";
  std::ifstream("/sys/class/net/" + name + "/statistics/tx_dropped") >> count;
  return count;
}

class Shaper {
 public:
  explicit Shaper(const CommandLine& line)
      : line_(line),
        a_(open_tap(line.a)),
        b_(open_tap(line.b)),
        to_b_(agenda_, line.seed, line.to_b, [this](Bytes frame) { return write(b_.get(), frame); }),
        // Another sequence, so that one direction's traffic does not change the other's fate.
        to_a_(agenda_, ~line.seed, line.to_a, [this](Bytes frame) { return write(a_.get(), frame); }) {}

  bool is_open() const { return a_.is_open() && b_.is_open(); }

  /// Until a signal ends it; false when an interface is gone.
  bool run(const sigset_t& while_waiting) {
    bool fine = true;
    while (fine && ended == 0) {
      fine = wait(while_waiting) && read(a_.get(), to_b_) && read(b_.get(), to_a_);
      deliver_due();
      if (asked != 0) {
        asked = 0;
        print();
      }
    }
    print();
    return fine;
  }

 private:
  Instant now() const { return start_ + (monotonic() - started_); }

  bool wait(const sigset_t& mask) {
    std::array<pollfd, 2> waits = {pollfd{a_.get(), POLLIN, 0}, pollfd{b_.get(), POLLIN, 0}};
    timespec timeout{};
    const Instant next = agenda_.next();
    if (next != kNever) {
      const auto left = std::max(next - now(), Duration{});
      timeout.tv_sec = static_cast<time_t>(left.count() / 1'000'000'000);
      timeout.tv_nsec = static_cast<long>(left.count() % 1'000'000'000);
    }
    const int ready = ppoll(waits.data(), waits.size(), next == kNever ? nullptr : &timeout, &mask);
    return ready >= 0 || errno == EINTR;
  }

  bool read(int fd, Lane& lane) {
    for (int i = 0; i < kFramesAtOnce; ++i) {
      const ssize_t size = ::read(fd, buffer_.data(), buffer_.size());
      if (size < 0) {
        if (errno == EAGAIN || errno == EINTR) return true;
        std::fprintf(stderr, "shaper: cannot read: %s\n", std::strerror(errno));
        return false;
      }
      agenda_.advance(now());
      lane.take(Bytes(buffer_).first(static_cast<std::size_t>(size)));
    }
    return true;
  }

  void deliver_due() {
    const Instant until = now();
    while (agenda_.next() <= until) {
      const Instant due = agenda_.next();
      agenda_.run_next();
      lateness_.add(now() - due);
    }
  }

  static bool write(int fd, Bytes frame) { return ::write(fd, frame.data(), frame.size()) >= 0; }

  static std::string describe(const Lane& lane, const std::string& from) {
    std::string text = "{";
    const auto add = [&text](const char* name, std::uint64_t value) {
      text += '"' + std::string(name) + "\":" + std::to_string(value) + ',';
    };
    const LaneCounters& ours = lane.counters();
    const sim::LinkCounters& link = lane.link();
    add("packets", ours.packets);
    add("bytes", ours.bytes);
    add("passed", link.passed);
    add("passed_bytes", link.bytes);
    add("lost", link.lost);
    add("queue_full", link.queue_full);
    add("too_large", link.too_large);
    add("duplicated", link.duplicated);
    add("reordered", link.reordered);
    add("peak_backlog", link.peak_backlog);
    add("held", ours.held);
    add("crowded", ours.crowded);
    add("refused", ours.refused);
    add("unshaped", ours.unshaped);
    return text + "\"unread\":" + unread(from) + '}';
  }

  void print() const {
    std::printf("{\"a_to_b\":%s,\"b_to_a\":%s,\"late_us\":{\"median\":%.1f,\"p99\":%.1f,\"max\":%.1f}}\n",
                describe(to_b_, line_.a).c_str(), describe(to_a_, line_.b).c_str(),
                static_cast<double>(lateness_.quantile(0.5)) / 1000,
                static_cast<double>(lateness_.quantile(0.99)) / 1000, static_cast<double>(lateness_.most()) / 1000);
    std::fflush(stdout);
  }

  const CommandLine& line_;
  sim::Agenda agenda_;
  const Instant start_ = agenda_.now();
  const Duration started_ = monotonic();
  os::FileDescriptor a_;
  os::FileDescriptor b_;
  Lane to_b_;
  Lane to_a_;
  Lateness lateness_;
  std::array<std::byte, 65'536> buffer_{};
};

// A path does not slow down because the machine is busy: we come before all ordinary programs, and timers end to the
// nanosecond. Where the first is not allowed, the report shows what it costs.
void be_on_time() {
  const sched_param priority{.sched_priority = 1};
  sched_setscheduler(0, SCHED_FIFO, &priority);
  prctl(PR_SET_TIMERSLACK, 1UL);
}

int run(const CommandLine& line) {
  Shaper shaper(line);
  if (!shaper.is_open()) return 1;
  // Signals come only while we wait, so none is missed between looking and waiting.
  sigset_t caught;
  sigset_t before;
  sigemptyset(&caught);
  for (const int number : {SIGINT, SIGTERM, SIGUSR1}) sigaddset(&caught, number);
  sigprocmask(SIG_BLOCK, &caught, &before);
  for (const int number : {SIGINT, SIGTERM}) std::signal(number, [](int) { ended = 1; });
  std::signal(SIGUSR1, [](int) { asked = 1; });
  be_on_time();
  std::puts("ready");
  std::fflush(stdout);
  return shaper.run(before) ? 0 : 1;
}

}  // namespace
}  // namespace bamgate::shaper

int main(int count, char** values) {
  using namespace bamgate::shaper;
  const std::vector<std::string_view> arguments(values + 1, values + count);
  const auto line = parse_command_line(arguments);
  if (!line) {
    std::fprintf(stderr, "shaper: %s\n", line.error().c_str());
    return 2;
  }
  if (line->help) {
    std::fputs(help_text().c_str(), stdout);
    return 0;
  }
  return run(*line);
}
