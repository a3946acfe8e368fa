// The user name fragment and password of one side of one ICE session (RFC 8445 §5.3, RFC 8839 §5.4).
#pragma once

#include <string>

#include "core/random.h"

namespace bamgate::ice {

/// Short-term credentials. The password keys the integrity of every check; both live as long as the session.
struct Credentials {
  std::string ufrag;  // 4 to 256 ice-chars
  std::string pwd;    // 22 to 256 ice-chars

  /// Fresh ones: 48 random bits in the ufrag, 192 in the password.
  static Credentials generate(Random& random);
  /// Whether lengths and characters are those of RFC 8839 §5.4.
  bool valid() const;

  bool operator==(const Credentials&) const = default;
};

}  // namespace bamgate::ice
