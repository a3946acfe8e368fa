// Datagrams that wait for poll_transmit(). Bounded: what finds it full is dropped like on the network, and the
// handshake's retransmission makes up for it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "core/buffer_pool.h"
#include "core/packet_buffer.h"
#include "core/ring.h"

namespace bamgate::dtls {

class TransmitQueue {
 public:
  // The longest flight has 6 messages; this holds it even if each were cut in several datagrams.
  static constexpr std::size_t kCapacity = 32;

  explicit TransmitQueue(BufferPool& pool) : pool_(&pool) {}

  void push(Bytes datagram) {
    if (datagrams_.size() < kCapacity) {
      datagrams_.push_back(pool_->copy(datagram));
    } else {
      ++dropped_;
    }
  }

  /// Copies the oldest datagram into `buffer` and returns its size; nullopt when there is none. Datagrams that are
  /// larger than `buffer` are dropped.
  std::optional<std::size_t> pop(MutableBytes buffer) {
    while (!datagrams_.empty()) {
      const PacketBuffer datagram = std::move(datagrams_.front());
      datagrams_.pop_front();
      if (datagram.size() <= buffer.size()) {
        copy_bytes(datagram.data(), buffer);
        return datagram.size();
      }
      ++dropped_;
    }
    return std::nullopt;
  }

  std::uint64_t dropped() const { return dropped_; }

 private:
  BufferPool* pool_;
  Ring<PacketBuffer> datagrams_;
  std::uint64_t dropped_ = 0;
};

}  // namespace bamgate::dtls
