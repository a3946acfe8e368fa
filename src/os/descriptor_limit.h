// How many files and sockets this process may have open at one time.
#pragma once

#include <cstddef>

namespace bamgate::os {

/// Raises the limit as far as the system allows without privileges (RLIMIT_NOFILE: soft to hard), and returns it.
std::size_t raise_descriptor_limit();

}  // namespace bamgate::os
