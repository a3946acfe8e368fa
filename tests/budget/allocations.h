// Counts what is taken from the heap in this program, by whom: operator new is what our own code calls, malloc and its
// kin what C libraries call (SCTP, mbedTLS, SQLite). Linking allocations.cc into a program is enough; glibc only,
// and not together with a sanitizer.
#pragma once

#include <cstdint>

namespace bamgate::budget {

struct Allocations {
  std::uint64_t own = 0;      // operator new
  std::uint64_t library = 0;  // malloc, calloc, realloc, aligned_alloc, posix_memalign
};

/// Since the program began.
Allocations allocations();

}  // namespace bamgate::budget
