// A queue in one block of memory that is used again and again: unlike std::deque, which takes and gives back a block
// each time its ends have wandered through one, it allocates only while it grows. For what is queued for each packet.
// Left out: iterators, and room for types that cannot be default-made.
#pragma once

#include <bit>
#include <cstddef>
#include <utility>
#include <vector>

namespace bamgate::inline core {

/// First in, first out. A place that is not in use holds a default-made T. Not bounded: that is its owner's business.
template <typename T>
class Ring {
 public:
  /// An empty ring keeps so many places for what comes next; more of them are given back.
  static constexpr std::size_t kKept = 1024;

  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }
  /// The oldest and the newest. Both need !empty().
  T& front() { return slots_[begin_]; }
  const T& front() const { return slots_[begin_]; }
  T& back() { return slots_[place(size_ - 1)]; }
  const T& back() const { return slots_[place(size_ - 1)]; }

  void push_back(T value) {
    if (size_ == slots_.size()) grow();
    slots_[place(size_)] = std::move(value);
    ++size_;
  }
  template <typename... Arguments>
  void emplace_back(Arguments&&... arguments) {
    push_back(T(std::forward<Arguments>(arguments)...));
  }
  /// Destroys the oldest or the newest. Both need !empty().
  void pop_front() {
    slots_[begin_] = T();
    begin_ = place(1);
    --size_;
    shrink();
  }
  void pop_back() {
    back() = T();
    --size_;
    shrink();
  }
  void clear() {
    while (!empty()) pop_front();
  }

 private:
  // The number of slots is a power of two.
  std::size_t place(std::size_t index) const { return (begin_ + index) & (slots_.size() - 1); }

  void grow() {
    std::vector<T> larger(std::bit_ceil(size_ + 1 < 8 ? 8 : size_ + 1));
    for (std::size_t i = 0; i < size_; ++i) larger[i] = std::move(slots_[place(i)]);
    slots_ = std::move(larger);
    begin_ = 0;
  }
  void shrink() {
    if (size_ != 0 || slots_.size() <= kKept) return;
    slots_ = std::vector<T>();
    begin_ = 0;
  }

  std::vector<T> slots_;
  std::size_t begin_ = 0;
  std::size_t size_ = 0;
};

}  // namespace bamgate::inline core
