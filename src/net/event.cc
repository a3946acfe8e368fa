#include "net/event.h"

#include <asio/redirect_error.hpp>
#include <asio/use_awaitable.hpp>

namespace bamgate::net {

Event::Event(Loop& loop) : sleeper_(loop.context(), asio::steady_timer::time_point::max()), deadline_(loop) {}

asio::awaitable<bool> Event::wait(Instant deadline) {
  if (!notified_) {
    deadline_.expires_at(deadline, [this] { sleeper_.cancel(); });
    asio::error_code ignored;
    co_await sleeper_.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    deadline_.cancel();
  }
  co_return std::exchange(notified_, false);
}

void Event::notify() {
  notified_ = true;
  sleeper_.cancel();
}

}  // namespace bamgate::net
