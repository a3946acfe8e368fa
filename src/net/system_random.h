// The kernel's randomness for what net itself has to draw: TLS secrets, WebSocket keys and masks.
#pragma once

#include <sys/random.h>

#include <cerrno>
#include <cstdlib>

#include "core/bytes.h"

namespace bamgate::net {

/// Fills `out` from getrandom(2). Without randomness nothing here is safe: then the process ends.
inline void fill_random(MutableBytes out) {
  while (!out.empty()) {
    const auto count = getrandom(out.data(), out.size(), 0);
    if (count > 0) {
      out = out.subspan(static_cast<std::size_t>(count));
    } else if (errno != EINTR) {
      std::abort();
    }
  }
}

/// In the shape that mbedTLS asks for.
inline int mbedtls_random(void* /*context*/, unsigned char* out, std::size_t size) {
  fill_random(std::as_writable_bytes(std::span(out, size)));
  return 0;
}

}  // namespace bamgate::net
