// One packet in one block with room in front and behind, so that each layer adds its header and tag in place.
// Blocks come from a BufferPool and go back to it; nothing is copied when a packet changes hands.
#pragma once

#include <cstddef>

#include "core/bytes.h"

namespace bamgate::inline core {

class BufferPool;

/// A move-only packet. An empty one (default-made or moved from) has no storage: data() is empty, both rooms are 0.
class PacketBuffer {
 public:
  PacketBuffer() = default;
  PacketBuffer(const PacketBuffer&) = delete;
  PacketBuffer& operator=(const PacketBuffer&) = delete;
  PacketBuffer(PacketBuffer&& other) noexcept;
  PacketBuffer& operator=(PacketBuffer&& other) noexcept;
  ~PacketBuffer();

  MutableBytes data() { return {block_ + begin_, size_}; }
  Bytes data() const { return {block_ + begin_, size_}; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  std::size_t headroom() const { return begin_; }
  std::size_t tailroom() const { return capacity_ - begin_ - size_; }

  /// Grows the packet by `count` bytes at its front and returns them (unset). Needs count <= headroom().
  MutableBytes prepend(std::size_t count);
  /// Grows the packet by `count` bytes at its end and returns them (unset). Needs count <= tailroom().
  MutableBytes append(std::size_t count);
  /// Takes `count` bytes away from the front. Needs count <= size().
  void remove_prefix(std::size_t count);
  /// Takes `count` bytes away from the end. Needs count <= size().
  void remove_suffix(std::size_t count);

 private:
  friend class BufferPool;
  PacketBuffer(BufferPool* pool, std::byte* block, std::size_t capacity, std::size_t headroom)
      : pool_(pool), block_(block), capacity_(capacity), begin_(headroom) {}
  void release() noexcept;

  BufferPool* pool_ = nullptr;
  std::byte* block_ = nullptr;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t size_ = 0;
};

}  // namespace bamgate::inline core
