#include "net/resolve.h"

#include <netdb.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstring>
#include <memory>
#include <system_error>
#include <thread>
#include <utility>

#include "net/event.h"
#include "net/sockaddr.h"

namespace bamgate::net {
namespace {

constexpr std::size_t kMaxAddresses = 16;
// Threads that wait for getaddrinfo(3), also for those that nobody waits for any more.
constexpr int kMaxLookups = 16;

std::atomic<int> lookups = 0;

/// One call of getaddrinfo(3) on a thread of its own: it may take half a minute when no name server answers, and then
/// neither another name nor the end of the process may wait for it. Shared by the thread and whoever asks.
class Lookup {
 public:
  Lookup(std::string host, std::uint16_t port)
      : host_(std::move(host)), port_(std::to_string(port)), event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    ++lookups;
  }
  Lookup(const Lookup&) = delete;
  Lookup& operator=(const Lookup&) = delete;
  ~Lookup() {
    if (event_ >= 0) close(event_);
    --lookups;
  }

  /// Readable when is_finished().
  int event() const { return event_; }
  bool is_finished() const { return finished_; }
  /// Of getaddrinfo(3), once it is finished.
  int error() const { return error_; }
  const std::vector<Endpoint>& found() const { return found_; }

  void run() {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_ADDRCONFIG;
    addrinfo* list = nullptr;
    error_ = getaddrinfo(host_.c_str(), port_.c_str(), &hints, &list);
    for (const addrinfo* one = list; one != nullptr; one = one->ai_next) {
      SocketAddress address;
      std::memcpy(&address.storage, one->ai_addr, one->ai_addrlen);
      found_.push_back(address.endpoint());
    }
    if (list != nullptr) freeaddrinfo(list);
    finished_ = true;
    eventfd_write(event_, 1);
  }

 private:
  std::string host_;
  std::string port_;
  int event_;
  int error_ = 0;
  std::vector<Endpoint> found_;
  std::atomic<bool> finished_ = false;  // what stands above is the thread's until then
};

/// Null when no thread can be had.
std::shared_ptr<const Lookup> start_lookup(std::string host, std::uint16_t port) {
  if (lookups >= kMaxLookups) return nullptr;
  const auto lookup = std::make_shared<Lookup>(std::move(host), port);
  if (lookup->event() < 0) return nullptr;
  // The program's signals are for its loop alone.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  bool started = true;
  try {
    std::thread([lookup] { lookup->run(); }).detach();
  } catch (const std::system_error&) {
    started = false;
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return started ? lookup : nullptr;
}

// RFC 8305 §4: the first family stays first, then the families take turns.
std::vector<Endpoint> in_turns(const std::vector<Endpoint>& endpoints) {
  std::vector<Endpoint> first;
  std::vector<Endpoint> second;
  for (const Endpoint& endpoint : endpoints) {
    const bool same = endpoint.address.family() == endpoints.front().address.family();
    (same ? first : second).push_back(endpoint);
  }
  std::vector<Endpoint> mixed;
  for (std::size_t i = 0; i < std::max(first.size(), second.size()); ++i) {
    if (i < first.size()) mixed.push_back(first[i]);
    if (i < second.size()) mixed.push_back(second[i]);
  }
  if (mixed.size() > kMaxAddresses) mixed.resize(kMaxAddresses);
  return mixed;
}

}  // namespace

asio::awaitable<Result<std::vector<Endpoint>>> resolve(Loop& loop, std::string host, std::uint16_t port,
                                                       Instant deadline) {
  if (const auto address = IpAddress::parse(host)) co_return std::vector<Endpoint>{Endpoint{*address, port}};
  // RFC 6761 §6.3: "localhost" always means this machine, whatever a name server would say.
  if (host == "localhost") {
    co_return std::vector<Endpoint>{Endpoint{*IpAddress::parse("::1"), port},
                                    Endpoint{*IpAddress::parse("127.0.0.1"), port}};
  }
  const auto lookup = start_lookup(host, port);
  if (!lookup) co_return fail(Error::kResolve, "look up " + host + ": too many names are being looked up");
  Event done(loop);
  FdWatcher watcher(loop, lookup->event());
  watcher.on_readable([&] {
    watcher.stop();  // it stays readable
    done.notify();
  });
  while (!lookup->is_finished()) {
    const bool in_time = co_await done.wait(deadline);
    if (!in_time) co_return fail(Error::kTimeout, "look up " + host + ": no answer in time");
  }
  if (lookup->error() != 0) co_return fail(Error::kResolve, "look up " + host + ": " + gai_strerror(lookup->error()));
  if (lookup->found().empty()) co_return fail(Error::kResolve, "look up " + host + ": it has no address");
  co_return in_turns(lookup->found());
}

std::vector<Endpoint> one_of_each_family(const std::vector<Endpoint>& endpoints) {
  std::vector<Endpoint> chosen;
  for (const Endpoint& endpoint : endpoints) {
    const auto same = [&](const Endpoint& other) { return other.address.family() == endpoint.address.family(); };
    if (std::ranges::none_of(chosen, same)) chosen.push_back(endpoint);
  }
  return chosen;
}

}  // namespace bamgate::net
