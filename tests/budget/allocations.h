// Counts what is taken from the heap in this program, by whom: operator new is what our own code calls, malloc and its
// kin what C libraries call (SCTP, mbedTLS, SQLite); and, when asked, how many bytes are not given back. Linking
// allocations.cc into a program is enough; glibc only, and not together with a sanitizer.
#pragma once

#include <cstdint>

namespace bamgate::budget {

struct Allocations {
  std::uint64_t own = 0;      // operator new
  std::uint64_t library = 0;  // malloc, calloc, realloc, aligned_alloc, posix_memalign
  std::int64_t kept = 0;      // bytes that are taken and not given back since count_kept(), with the heap's slack
};

/// Since the program began.
Allocations allocations();

/// From now on bytes are counted too; without it nothing is done that instructions would be counted for.
void count_kept();

}  // namespace bamgate::budget
