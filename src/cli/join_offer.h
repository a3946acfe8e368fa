// A join string as a person gets it: the string alone on standard output, and beside it on standard error for how long
// it is good, what to do with it, and a QR code where the terminal is wide enough.
#pragma once

#include <cstdint>
#include <string>

namespace bamgate::cli {

struct JoinOffer {
  std::string text;  // the join string
  std::int64_t ttl_s = 0;
  std::int64_t uses = 1;
  std::string name = {};  // the only one that may register with it; empty: any
  bool explain = false;   // say what comes next
  bool qr = false;
};

void print_join_offer(const JoinOffer& offer);

/// "on the new device, within 24 h 0 min: run 'sudo bamgate setup', which asks for this string:"
std::string next_step(const JoinOffer& offer);

}  // namespace bamgate::cli
