// How much of the heap is in use, for tests that nothing grows with time. glibc only; under a sanitizer, which brings
// its own heap, it is always 0.
#pragma once

#include <malloc.h>

#include <cstddef>

namespace bamgate::testing {

inline std::size_t heap_in_use() { return ::mallinfo2().uordblks; }

}  // namespace bamgate::testing
