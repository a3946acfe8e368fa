#include "cli/join_offer.h"

#include <cstdio>

#include "cli/output.h"
#include "cli/qr.h"

namespace bamgate::cli {

std::string next_step(const JoinOffer& offer) {
  const std::string where =
      offer.uses == 1 ? "on the new device" : "on up to " + std::to_string(offer.uses) + " new devices";
  const std::string name = offer.name.empty() ? "" : " --name " + offer.name;
  // Not as an argument: every user of that machine could read it there.
  return where + ", within " + human_duration(static_cast<double>(offer.ttl_s)) + ": run 'sudo bamgate setup" + name +
         "', which asks for this string:";
}

void print_join_offer(const JoinOffer& offer) {
  if (offer.qr) print_qr(offer.text);
  if (offer.explain) std::fprintf(stderr, "%s\n", next_step(offer).c_str());
  std::printf("%s\n", offer.text.c_str());
}

}  // namespace bamgate::cli
