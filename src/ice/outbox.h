// Datagrams that wait for poll_transmit(): a bounded queue.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "core/bytes.h"
#include "core/transmit.h"

namespace bamgate::ice {

class Outbox {
 public:
  explicit Outbox(std::size_t limit) : limit_(limit) {}

  /// Copies `datagram`. False when the queue is full; the datagram is lost then, as the network may lose any.
  bool push(const Path& path, Bytes datagram) {
    if (datagrams_.size() >= limit_) return false;
    datagrams_.push_back({path, {datagram.begin(), datagram.end()}});
    return true;
  }
  /// Moves the oldest datagram into `buffer`. What does not fit is dropped.
  std::optional<Transmit> pop(MutableBytes buffer) {
    while (!datagrams_.empty()) {
      const Datagram datagram = std::move(datagrams_.front());
      datagrams_.pop_front();
      if (datagram.bytes.size() > buffer.size()) {
        ++oversized_;
        continue;
      }
      copy_bytes(datagram.bytes, buffer);
      return Transmit{.path = datagram.path, .size = static_cast<std::uint32_t>(datagram.bytes.size())};
    }
    return std::nullopt;
  }
  /// Forgets what was to leave from a local socket that is gone.
  void remove(SocketId socket) {
    std::erase_if(datagrams_, [&](const Datagram& datagram) { return datagram.path.local == socket; });
  }
  void clear() { datagrams_.clear(); }
  bool empty() const { return datagrams_.empty(); }
  /// Datagrams that did not fit a caller's buffer.
  std::uint64_t oversized() const { return oversized_; }

 private:
  struct Datagram {
    Path path;
    std::vector<std::byte> bytes;
  };
  std::size_t limit_;
  std::deque<Datagram> datagrams_;
  std::uint64_t oversized_ = 0;
};

}  // namespace bamgate::ice
