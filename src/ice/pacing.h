// The two figures that pace every STUN transaction of the agent (RFC 8445 §14), for gathering and checks alike.
#pragma once

#include <chrono>

namespace bamgate::ice {

// RFC 8445 §14.2: the agent starts one new transaction every Ta, 50 ms by default.
inline constexpr auto kTa = std::chrono::milliseconds(50);
// RFC 8445 §14.3: no retransmission timeout is shorter than 500 ms.
inline constexpr auto kShortestRto = std::chrono::milliseconds(500);

}  // namespace bamgate::ice
