// The figures that pace every STUN transaction of the agent (RFC 8445 §14), for gathering and checks alike, and its
// patience (RFC 8863).
#pragma once

#include <chrono>

namespace bamgate::ice {

// RFC 8445 §14.2: the agent starts one new transaction every Ta, 50 ms by default.
inline constexpr auto kTa = std::chrono::milliseconds(50);
// RFC 8445 §14.3: no retransmission timeout is shorter than 500 ms.
inline constexpr auto kShortestRto = std::chrono::milliseconds(500);
// RFC 8863 §4: patience lasts as long as one transaction with default timers, 39.5 s; no failure before that.
inline constexpr auto kPatience = std::chrono::milliseconds(39'500);

}  // namespace bamgate::ice
