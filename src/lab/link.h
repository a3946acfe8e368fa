// What every lab tool stands on: the loop, UDP sockets, one timer, standard input by lines, Ctrl-C, the steps that are
// shown, and the capture. The tool holds one protocol machine and carries its datagrams; the machine prints nothing.
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "core/buffer_pool.h"
#include "core/sans_io.h"
#include "lab/steps.h"
#include "net/capture.h"
#include "net/loop.h"
#include "net/udp_socket.h"
#include "os/failure.h"
#include "os/native_crypto.h"
#include "os/random.h"

namespace bamgate::lab {

/// Options that all lab tools have.
struct CommonOptions {
  bool json = false;
  net::CaptureFiles files;
};

class Link {
 public:
  /// `steps_to`: stdout, or stderr where stdout carries the peer's data.
  static std::expected<std::unique_ptr<Link>, Failure> create(const CommonOptions& options, std::FILE* steps_to);
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  Steps& steps() { return steps_; }
  KeyLog* key_log() { return capture_->key_log(); }
  Random& random() { return random_; }
  Crypto& crypto() { return crypto_; }
  BufferPool& pool() { return pool_; }
  net::Loop& loop() { return loop_; }

  /// The tool's time runs `factor` times as fast as the real one from now on. Call it before anything else.
  void speed_up(unsigned factor) { factor_ = factor; }
  Instant now() const;

  /// The first address of a host, or both parts of "ADDR:PORT", "[ADDR]:PORT", "HOST:PORT"; `default_port` 0: needed.
  std::expected<Endpoint, Failure> resolve(const std::string& host_and_port, std::uint16_t default_port = 0);
  /// Opens a socket; what arrives there goes to on_datagram().
  std::expected<SocketId, Failure> open(const Endpoint& bind);
  /// The wildcard address of the family of `remote`, port 0: where nobody said --listen.
  static Endpoint any_for(const Endpoint& remote);
  void close(SocketId socket);
  /// Where the socket is bound.
  Endpoint local(SocketId socket) const;
  /// From which address datagrams to `remote` leave: also for a wildcard socket.
  Endpoint source_of(const Path& path);

  void on_datagram(std::function<void(const Received&)> callback) { on_datagram_ = std::move(callback); }
  /// Each line of standard input without its end; and when it ends (or nothing is left to read).
  void on_line(std::function<void(std::string_view)> line, std::function<void()> end);
  /// While held, no line is read: what is not taken waits in the pipe, and its writer with it.
  void hold_lines(bool held);
  /// Ctrl-C; without it run() ends.
  void on_interrupt(std::function<void()> callback) { on_interrupt_ = std::move(callback); }
  /// What the system does not take is lost, and a step says so.
  void send(const Path& path, Bytes datagram);
  /// Replaces what was set before; `when` is the tool's time.
  void wake_at(Instant when, std::function<void()> callback);
  /// Serves the loop until stop(), which may have been called already.
  ExitCode run();
  void stop(ExitCode code);

 private:
  struct Socket {
    net::UdpSocket udp;
    std::unique_ptr<net::FdWatcher> watcher;
  };

  Link(bool json, std::FILE* steps_to, std::unique_ptr<net::Capture> capture);
  void read_socket(SocketId id);
  void await_input();
  void read_input();
  void take_lines();

  os::SystemRandom random_;
  os::NativeCrypto crypto_;
  BufferPool pool_;
  std::unique_ptr<net::Capture> capture_;
  Steps steps_;
  unsigned factor_ = 1;
  Instant begin_;
  net::Loop loop_;
  net::Timer timer_;
  std::map<SocketId, Socket> sockets_;
  std::uint32_t next_socket_ = 1;
  std::map<IpAddress, IpAddress> sources_;  // of wildcard sockets, by destination
  std::array<net::UdpReceived, net::UdpSocket::kBatch> slots_;
  std::unique_ptr<net::FdWatcher> input_;
  std::string unread_;  // of a line that has not ended yet; while lines are held also whole ones
  bool held_ = false;
  bool input_ended_ = false;
  std::function<void(std::string_view)> on_line_;
  std::function<void()> on_end_;
  std::function<void(const Received&)> on_datagram_;
  std::function<void()> on_interrupt_;
  ExitCode exit_code_ = ExitCode::kDone;
  bool stopped_ = false;
};

/// Drains a machine: its datagrams to `send`, its events to `handle`; then `timed_out` is called at its next deadline.
template <SansIo Machine, typename Send, typename Handle, typename TimedOut>
void drain(Link& link, Machine& machine, Send send, Handle handle, TimedOut timed_out) {
  std::array<std::byte, kBlockSize> buffer;
  while (true) {
    while (const auto transmit = machine.poll_transmit(link.now(), buffer)) {
      send(*transmit, Bytes(buffer).first(transmit->size));
    }
    auto event = machine.poll_event();
    if (!event) break;
    handle(std::move(*event));
  }
  link.wake_at(machine.next_timeout(), timed_out);
}

}  // namespace bamgate::lab
