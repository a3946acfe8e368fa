#include "core/buffer_pool.h"

namespace bamgate::inline core {

PacketBuffer BufferPool::take(std::size_t size, std::size_t headroom) {
  const std::size_t needed = headroom + size;
  if (needed <= kBlockSize && !free_.empty()) {
    std::byte* block = free_.back().release();
    free_.pop_back();
    return {this, block, kBlockSize, headroom};
  }
  ++allocations_;
  const std::size_t capacity = needed <= kBlockSize ? kBlockSize : needed;
  return {this, std::make_unique_for_overwrite<std::byte[]>(capacity).release(), capacity, headroom};
}

PacketBuffer BufferPool::copy(Bytes content, std::size_t headroom) {
  PacketBuffer packet = take(content.size(), headroom);
  copy_bytes(content, packet.append(content.size()));
  return packet;
}

void BufferPool::give_back(std::byte* block, std::size_t capacity) noexcept {
  std::unique_ptr<std::byte[]> owned(block);
  if (capacity != kBlockSize || free_.size() >= max_free_) return;
  if (free_.capacity() == 0) free_.reserve(max_free_);
  free_.push_back(std::move(owned));
}

}  // namespace bamgate::inline core
