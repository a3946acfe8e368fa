// When a connection to a peer is tried again: soon at first, then ever later, with jitter, never after more than a cap.
#pragma once

#include <chrono>

#include "core/random.h"
#include "core/time.h"

namespace bamgate::agent {

class RestartPolicy {
 public:
  /// The first retry follows soon, since most failures are a peer that has just started afresh itself.
  static constexpr auto kFirst = std::chrono::milliseconds(500);
  static constexpr auto kLongest = std::chrono::seconds(30);

  /// How long to wait before the next try: doubled each time up to the cap (integers that cannot overflow), of which a
  /// random quarter is taken off so that devices that failed together do not come back together.
  Duration next(Random& random);
  /// The connection held: the next failure starts again from kFirst.
  void reset() { failures_ = 0; }
  unsigned failures() const { return failures_; }

 private:
  unsigned failures_ = 0;
};

}  // namespace bamgate::agent
