#include "budget/allocations.h"

#include <malloc.h>

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <new>

// glibc's allocator under its own names.
extern "C" {
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* block, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);
void __libc_free(void* block);
}

namespace bamgate::budget {
namespace {

Allocations counted;
bool kept_counts = false;

// Apart, so that what is counted for instructions is a test and a jump more.
[[gnu::noinline]] void* keep(void* block) {
  counted.kept += static_cast<std::int64_t>(malloc_usable_size(block));
  return block;
}

[[gnu::noinline]] void lose(void* block) { counted.kept -= static_cast<std::int64_t>(malloc_usable_size(block)); }

void give_back(void* block) {
  if (kept_counts) [[unlikely]]
    lose(block);
  __libc_free(block);
}

void* take(std::size_t size, std::size_t alignment) {
  ++counted.own;
  void* block = alignment == 0 ? __libc_malloc(size == 0 ? 1 : size) : __libc_memalign(alignment, size == 0 ? 1 : size);
  if (block == nullptr) throw std::bad_alloc();
  if (kept_counts) [[unlikely]]
    return keep(block);
  return block;
}

}  // namespace

Allocations allocations() { return counted; }

void count_kept() { kept_counts = true; }

}  // namespace bamgate::budget

using bamgate::budget::counted;
using bamgate::budget::give_back;
using bamgate::budget::keep;
using bamgate::budget::kept_counts;
using bamgate::budget::lose;
using bamgate::budget::take;

void* operator new(std::size_t size) { return take(size, 0); }
void* operator new[](std::size_t size) { return take(size, 0); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return take(size, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
  return take(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* block) noexcept { give_back(block); }
void operator delete[](void* block) noexcept { give_back(block); }
void operator delete(void* block, std::size_t) noexcept { give_back(block); }
void operator delete[](void* block, std::size_t) noexcept { give_back(block); }
void operator delete(void* block, std::align_val_t) noexcept { give_back(block); }
void operator delete[](void* block, std::align_val_t) noexcept { give_back(block); }
void operator delete(void* block, std::size_t, std::align_val_t) noexcept { give_back(block); }
void operator delete[](void* block, std::size_t, std::align_val_t) noexcept { give_back(block); }

extern "C" {

[[gnu::visibility("default")]] void* malloc(std::size_t size) noexcept {
  ++counted.library;
  if (kept_counts) [[unlikely]]
    return keep(__libc_malloc(size));
  return __libc_malloc(size);
}
[[gnu::visibility("default")]] void* calloc(std::size_t count, std::size_t size) noexcept {
  ++counted.library;
  if (kept_counts) [[unlikely]]
    return keep(__libc_calloc(count, size));
  return __libc_calloc(count, size);
}
[[gnu::visibility("default")]] void* realloc(void* block, std::size_t size) noexcept {
  ++counted.library;
  if (kept_counts) [[unlikely]] {
    lose(block);
    return keep(__libc_realloc(block, size));
  }
  return __libc_realloc(block, size);
}
[[gnu::visibility("default")]] void* aligned_alloc(std::size_t alignment, std::size_t size) noexcept {
  ++counted.library;
  void* block = __libc_memalign(alignment, size);
  return kept_counts ? keep(block) : block;
}
[[gnu::visibility("default")]] int posix_memalign(void** block, std::size_t alignment, std::size_t size) noexcept {
  ++counted.library;
  *block = __libc_memalign(alignment, size);
  if (kept_counts) keep(*block);
  return *block == nullptr ? ENOMEM : 0;
}
[[gnu::visibility("default")]] void free(void* block) noexcept { give_back(block); }

}  // extern "C"
