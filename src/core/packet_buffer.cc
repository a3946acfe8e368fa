#include "core/packet_buffer.h"

#include <cassert>
#include <utility>

#include "core/buffer_pool.h"

namespace bamgate::inline core {

PacketBuffer::PacketBuffer(PacketBuffer&& other) noexcept
    : pool_(std::exchange(other.pool_, nullptr)),
      block_(std::exchange(other.block_, nullptr)),
      capacity_(std::exchange(other.capacity_, 0)),
      begin_(std::exchange(other.begin_, 0)),
      size_(std::exchange(other.size_, 0)) {}

PacketBuffer& PacketBuffer::operator=(PacketBuffer&& other) noexcept {
  if (this != &other) {
    release();
    pool_ = std::exchange(other.pool_, nullptr);
    block_ = std::exchange(other.block_, nullptr);
    capacity_ = std::exchange(other.capacity_, 0);
    begin_ = std::exchange(other.begin_, 0);
    size_ = std::exchange(other.size_, 0);
  }
  return *this;
}

PacketBuffer::~PacketBuffer() { release(); }

void PacketBuffer::release() noexcept {
  if (block_ != nullptr) pool_->give_back(block_, capacity_);
  block_ = nullptr;
}

MutableBytes PacketBuffer::prepend(std::size_t count) {
  assert(count <= headroom());
  begin_ -= count;
  size_ += count;
  return data().first(count);
}

MutableBytes PacketBuffer::append(std::size_t count) {
  assert(count <= tailroom());
  size_ += count;
  return data().last(count);
}

void PacketBuffer::remove_prefix(std::size_t count) {
  assert(count <= size_);
  begin_ += count;
  size_ -= count;
}

void PacketBuffer::remove_suffix(std::size_t count) {
  assert(count <= size_);
  size_ -= count;
}

}  // namespace bamgate::inline core
