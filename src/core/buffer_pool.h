// Recycles the blocks of packets: after warm-up the packet path allocates nothing.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "core/packet_buffer.h"

namespace bamgate::inline core {

/// Room kept in front of a packet: WireGuard 16, SCTP 28, DTLS 21, ChannelData 4, and what alignment asks for.
inline constexpr std::size_t kHeadroom = 128;

/// Bytes of a pooled block: headroom, a packet of an Ethernet-sized path, and room for the tags behind it.
inline constexpr std::size_t kBlockSize = 2048;

/// Gives out packets and takes their blocks back. It must outlive every packet that it gave out. Not thread-safe.
class BufferPool {
 public:
  /// Keeps at most `max_free` unused blocks; what comes back beyond that is freed.
  explicit BufferPool(std::size_t max_free = 1024) : max_free_(max_free) {}
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;

  /// An empty packet with `headroom` bytes in front and at least `size` bytes behind. Larger ones than a pooled block
  /// holds come from the heap and are not kept.
  PacketBuffer take(std::size_t size = kBlockSize - kHeadroom, std::size_t headroom = kHeadroom);
  /// A packet that holds a copy of `content`.
  PacketBuffer copy(Bytes content, std::size_t headroom = kHeadroom);

  std::size_t free_blocks() const { return free_.size(); }
  /// Blocks that were made with the heap's help so far; stands still after warm-up.
  std::size_t allocations() const { return allocations_; }

 private:
  friend class PacketBuffer;
  void give_back(std::byte* block, std::size_t capacity) noexcept;

  std::size_t max_free_;
  std::size_t allocations_ = 0;
  std::vector<std::unique_ptr<std::byte[]>> free_;
};

}  // namespace bamgate::inline core
