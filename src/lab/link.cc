#include "lab/link.h"

#include <sys/stat.h>
#include <unistd.h>

#include <utility>

#include "net/clock.h"
#include "net/resolve.h"
#include "os/netlink.h"
#include "stun/uri.h"

namespace bamgate::lab {
namespace {

constexpr auto kResolveTime = std::chrono::seconds(10);
// A line without an end must not make memory grow.
constexpr std::size_t kMaxLine = 1024 * 1024;

/// Not of a plain file or /dev/null: these have what they have.
bool can_wait_for_input() {
  struct stat status{};
  if (fstat(STDIN_FILENO, &status) != 0) return false;
  return S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode) || isatty(STDIN_FILENO) == 1;
}

}  // namespace

std::expected<std::unique_ptr<Link>, Failure> Link::create(const CommonOptions& options, std::FILE* steps_to) {
  auto capture = net::Capture::open(options.files);
  if (!capture) return std::unexpected(Failure{ExitCode::kFailed, capture.error().detail});
  return std::unique_ptr<Link>(new Link(options.json, steps_to, std::move(*capture)));
}

Link::Link(bool json, std::FILE* steps_to, std::unique_ptr<net::Capture> capture)
    : capture_(std::move(capture)), steps_(steps_to, json), begin_(net::now()), timer_(loop_) {}

Instant Link::now() const { return begin_ + (net::now() - begin_) * factor_; }

// The words of a STUN URI: a host with or without port, IPv6 in brackets.
std::expected<Endpoint, Failure> Link::resolve(const std::string& host_and_port, std::uint16_t default_port) {
  if (const auto endpoint = Endpoint::parse(host_and_port)) return *endpoint;
  const auto uri = stun::Uri::parse("stun:" + host_and_port);
  const bool has_port = host_and_port.find(':', host_and_port.rfind(']') + 1) != std::string::npos;
  if (!uri || (default_port == 0 && !has_port)) {
    return os::usage("'" + host_and_port + "' is no HOST" + (default_port == 0 ? ":PORT" : "[:PORT]"));
  }
  const std::uint16_t port = has_port ? uri->port : default_port;
  const auto found = loop_.block_on(net::resolve(loop_, uri->host, port, net::now() + kResolveTime));
  if (!found) return std::unexpected(Failure{ExitCode::kFailed, found.error().detail});
  return found->front();
}

std::expected<SocketId, Failure> Link::open(const Endpoint& bind) {
  auto udp = net::UdpSocket::open(bind);
  if (!udp) return std::unexpected(Failure{ExitCode::kFailed, udp.error().detail});
  const SocketId id{next_socket_++};
  auto watcher = std::make_unique<net::FdWatcher>(loop_, udp->fd());
  watcher->on_readable([this, id] { read_socket(id); });
  sockets_.emplace(id, Socket{std::move(*udp), std::move(watcher)});
  return id;
}

Endpoint Link::any_for(const Endpoint& remote) {
  return {remote.address.is_v4() ? IpAddress::v4(0) : *IpAddress::parse("::"), 0};
}

void Link::close(SocketId socket) { sockets_.erase(socket); }

Endpoint Link::local(SocketId socket) const {
  const auto found = sockets_.find(socket);
  return found == sockets_.end() ? Endpoint{} : found->second.udp.local_endpoint();
}

Endpoint Link::source_of(const Path& path) {
  Endpoint source = local(path.local);
  if (!source.address.is_unspecified()) return source;
  const auto [known, is_new] = sources_.try_emplace(path.remote.address);
  if (is_new) {
    const auto route = os::route_to(path.remote.address);
    known->second = route ? route->preferred_source : source.address;
  }
  source.address = known->second;
  return source;
}

void Link::on_line(std::function<void(std::string_view)> line, std::function<void()> end) {
  on_line_ = std::move(line);
  on_end_ = std::move(end);
  if (can_wait_for_input()) input_ = std::make_unique<net::FdWatcher>(loop_, STDIN_FILENO);
  await_input();
}

void Link::await_input() {
  if (held_ || input_ended_) return;
  if (!input_) return loop_.post([this] { read_input(); });
  input_->on_readable([this] { read_input(); });
}

void Link::hold_lines(bool held) {
  if (held_ == held) return;
  held_ = held;
  if (held && input_) input_->stop();
  if (!held) loop_.post([this] { take_lines(); });
}

void Link::read_input() {
  if (held_ || input_ended_) return;
  std::array<char, 4096> chunk;
  const ssize_t count = ::read(STDIN_FILENO, chunk.data(), chunk.size());
  if (count <= 0) {
    input_ended_ = true;
    input_.reset();
    if (!unread_.empty()) on_line_(std::exchange(unread_, {}));
    return on_end_();
  }
  unread_.append(chunk.data(), static_cast<std::size_t>(count));
  take_lines();
}

void Link::take_lines() {
  for (std::size_t end = unread_.find('\n'); !held_ && end != std::string::npos; end = unread_.find('\n')) {
    const std::string line = unread_.substr(0, end);
    unread_.erase(0, end + 1);
    on_line_(line);
  }
  if (!held_ && unread_.size() > kMaxLine) unread_.clear();
  await_input();
}

void Link::read_socket(SocketId id) {
  const auto found = sockets_.find(id);
  if (found == sockets_.end()) return;
  const std::size_t count = found->second.udp.receive_batch(pool_, slots_);
  for (net::UdpReceived& slot : std::span(slots_).first(count)) {
    const Path path{.local = id, .remote = slot.from, .relay = {}};
    if (capture_->has_pcap()) capture_->add_datagram(slot.from, source_of(path), slot.packet.data());
    if (on_datagram_) on_datagram_({.path = path, .data = slot.packet.data(), .stride = slot.stride, .ecn = slot.ecn});
  }
}

void Link::send(const Path& path, Bytes datagram) {
  const auto found = sockets_.find(path.local);
  if (found == sockets_.end()) return;
  if (capture_->has_pcap()) capture_->add_datagram(source_of(path), path.remote, datagram);
  if (found->second.udp.send(path.remote, datagram) == net::UdpSend::kSent) return;
  steps_.say(StepKind::kDropped, {.text = "the system did not take a datagram to " + path.remote.to_string()});
}

void Link::wake_at(Instant when, std::function<void()> callback) {
  if (when == kNever) return timer_.cancel();
  timer_.expires_at(begin_ + (when - begin_ + Duration(factor_ - 1)) / factor_, std::move(callback));
}

ExitCode Link::run() {
  // Whoever found out before that there is nothing to do is not waited for.
  if (stopped_) return exit_code_;
  loop_.on_signal([this](int) { on_interrupt_ ? on_interrupt_() : stop(ExitCode::kDone); });
  loop_.run();
  return exit_code_;
}

void Link::stop(ExitCode code) {
  exit_code_ = code;
  stopped_ = true;
  loop_.stop();
}

}  // namespace bamgate::lab
