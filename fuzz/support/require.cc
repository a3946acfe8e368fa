#include "support/require.h"

#include <cstdio>
#include <cstdlib>

namespace bamgate::fuzz {

void require(bool kept, std::string_view promise, std::source_location place) {
  if (kept) return;
  std::fprintf(stderr, "fuzz: broken promise at %s:%u: %.*s\n", place.file_name(), static_cast<unsigned>(place.line()),
               static_cast<int>(promise.size()), promise.data());
  std::abort();
}

}  // namespace bamgate::fuzz
