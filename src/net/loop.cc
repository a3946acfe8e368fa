#include "net/loop.h"

#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <asio/post.hpp>
#include <asio/redirect_error.hpp>
#include <asio/use_awaitable.hpp>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <system_error>

#include "net/clock.h"

namespace bamgate::net {
namespace {

int make_timer_fd() {
  const int fd = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
  if (fd < 0) throw std::system_error(errno, std::generic_category(), "timerfd_create");
  return fd;
}

}  // namespace

Loop::Loop()
    : context_(1), timer_fd_(context_, make_timer_fd()), signals_(context_), user_signal_(context_), hangup_(context_) {
  wait_for_timers();
}

Loop::~Loop() = default;

void Loop::run() {
  context_.restart();
  context_.run();
}

void Loop::stop() { context_.stop(); }

bool Loop::run_until(const std::function<bool()>& done, Duration limit) {
  const Instant deadline = now() + limit;
  context_.restart();
  while (!done()) {
    const Duration left = deadline - now();
    if (left <= Duration::zero()) return done();
    context_.run_one_for(left);
    if (context_.stopped()) context_.restart();
  }
  return true;
}

void Loop::post(std::function<void()> callback) { asio::post(context_, std::move(callback)); }

void Loop::spawn(asio::awaitable<void> coroutine) {
  asio::co_spawn(context_, std::move(coroutine), [](std::exception_ptr error) {
    if (error) std::rethrow_exception(error);
  });
}

void Loop::on_signal(std::function<void(int)> callback) {
  const bool had = std::exchange(signal_callback_, std::move(callback)) != nullptr;
  if (!signal_callback_) {
    signals_.cancel();
    signals_.clear();
  } else if (!had) {
    signals_.add(SIGINT);
    signals_.add(SIGTERM);
    wait_for_signal();
  }
}

void Loop::wait_for_signal() {
  signals_.async_wait([this](const asio::error_code& error, int signal) {
    if (error) return;
    const auto callback = signal_callback_;
    wait_for_signal();
    if (callback) callback(signal);
  });
}

asio::awaitable<void> Loop::call_at_each(asio::signal_set& signals, std::function<void()> callback) {
  asio::error_code error;
  while (!error) {
    co_await signals.async_wait(asio::redirect_error(asio::use_awaitable, error));
    if (!error) callback();
  }
}

void Loop::on_user_signal(std::function<void()> callback) {
  user_signal_.add(SIGUSR1);
  spawn(call_at_each(user_signal_, std::move(callback)));
}

void Loop::on_hangup(std::function<void()> callback) {
  hangup_.add(SIGHUP);
  spawn(call_at_each(hangup_, std::move(callback)));
}

void Loop::insert(Timer& timer, Instant deadline) {
  timer.key_ = TimerKey{deadline, next_timer_number_++};
  if (timer.node_) {
    timer.node_.key() = *timer.key_;
    timers_.insert(std::move(timer.node_));
  } else {
    timers_.emplace(*timer.key_, &timer);
  }
  arm();
}

void Loop::erase(Timer& timer) {
  timer.node_ = timers_.extract(*timer.key_);
  timer.key_.reset();
}

// The descriptor stays armed for a deadline that was cancelled: one wake-up too many costs less than a call per change.
void Loop::arm() {
  if (timers_.empty()) return;
  const Instant first = timers_.begin()->first.first;
  if (first >= armed_for_) return;
  armed_for_ = first;
  // Zero would disarm.
  const Duration since_boot = std::max<Duration>(first.time_since_epoch(), std::chrono::nanoseconds(1));
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since_boot);
  itimerspec when{};
  when.it_value.tv_sec = seconds.count();
  when.it_value.tv_nsec = (since_boot - seconds).count();
  timerfd_settime(timer_fd_.native_handle(), TFD_TIMER_ABSTIME, &when, nullptr);
}

void Loop::wait_for_timers() {
  timer_fd_.async_wait(asio::posix::stream_descriptor::wait_read, [this](const asio::error_code& error) {
    if (error) return;
    wait_for_timers();
    std::uint64_t expirations = 0;
    if (read(timer_fd_.native_handle(), &expirations, sizeof(expirations)) < 0) return;
    armed_for_ = kNever;
    fire_timers();
    arm();
  });
}

// The keys that are due are noted first: what callbacks set meanwhile waits for the next turn, so a callback that sets
// its timer to a time in the past cannot keep the others waiting.
void Loop::fire_timers() {
  std::vector<TimerKey> due = std::exchange(due_, {});
  const Instant time = now();
  for (const auto& [key, timer] : timers_) {
    if (key.first > time) break;
    due.push_back(key);
  }
  for (const TimerKey& key : due) {
    const auto found = timers_.find(key);
    if (found == timers_.end()) continue;
    Timer& timer = *found->second;
    erase(timer);
    const auto callback = std::exchange(timer.callback_, nullptr);
    callback();
  }
  due.clear();
  due_ = std::move(due);
}

void Timer::expires_at(Instant deadline, std::function<void()> callback) {
  cancel();
  if (deadline == kNever) return;
  callback_ = std::move(callback);
  loop_.insert(*this, deadline);
}

void Timer::cancel() {
  if (key_) loop_.erase(*this);
  callback_ = nullptr;
}

struct FdWatcher::State : std::enable_shared_from_this<FdWatcher::State> {
  using Callback = std::shared_ptr<const std::function<void()>>;

  State(Loop& loop, int fd) : descriptor(loop.context(), fd) {}

  void wait_readable(Callback callback) {
    descriptor.async_wait(asio::posix::stream_descriptor::wait_read,
                          [self = shared_from_this(), callback](const asio::error_code& error) {
                            if (error || self->readable != callback) return;
                            (*callback)();
                            if (self->readable == callback) self->wait_readable(callback);
                          });
  }
  void wait_writable(Callback callback) {
    descriptor.async_wait(asio::posix::stream_descriptor::wait_write,
                          [self = shared_from_this(), callback](const asio::error_code& error) {
                            if (error || self->writable != callback) return;
                            self->writable.reset();
                            (*callback)();
                          });
  }

  asio::posix::stream_descriptor descriptor;
  Callback readable;
  Callback writable;
};

FdWatcher::FdWatcher(Loop& loop, int fd) : state_(std::make_shared<State>(loop, fd)) {}

FdWatcher::~FdWatcher() {
  stop();
  state_->descriptor.release();
}

void FdWatcher::on_readable(std::function<void()> callback) {
  state_->readable = std::make_shared<const std::function<void()>>(std::move(callback));
  state_->wait_readable(state_->readable);
}

void FdWatcher::when_writable(std::function<void()> callback) {
  state_->writable = std::make_shared<const std::function<void()>>(std::move(callback));
  state_->wait_writable(state_->writable);
}

void FdWatcher::stop() {
  state_->readable.reset();
  state_->writable.reset();
  asio::error_code ignored;
  state_->descriptor.cancel(ignored);
}

}  // namespace bamgate::net
