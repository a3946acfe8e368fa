// The last words of a program that ends.
#pragma once

#include <chrono>

namespace bamgate::net {

/// How long the close frame and the datagrams that say goodbye get until the sockets are closed.
inline constexpr auto kGoodbyeTime = std::chrono::milliseconds(50);

}  // namespace bamgate::net
