#include "stun/redirect.h"

#include <algorithm>

namespace bamgate::stun {
namespace {

// RFC 8489 §10: no redirection to a server that was asked within the last five minutes.
constexpr Duration kNoReturn = std::chrono::minutes(5);
// Not in the RFC: nobody is sent on more often than this in that time.
constexpr std::size_t kMostVisits = 8;
// RFC 8489 §10: one server of the family of the request, and one of the other.
constexpr std::size_t kMostServers = 2;

}  // namespace

std::optional<Endpoint> Redirects::follow(Instant now, const Endpoint& asked, const Message& response) {
  const auto error = response.error_code();
  if (response.message_class() != Class::kError || !error || error->code != kErrorTryAlternate) return std::nullopt;
  std::erase_if(visits_, [&](const Visit& visit) { return now - visit.time >= kNoReturn || visit.server == asked; });
  if (visits_.size() >= kMostVisits) return std::nullopt;
  visits_.push_back({asked, now});
  for (const Endpoint& server : response.addresses(Attribute::kAlternateServer, kMostServers)) {
    if (server.address.family() != asked.address.family()) continue;
    if (std::ranges::find(visits_, server, &Visit::server) != visits_.end()) return std::nullopt;
    return server;
  }
  return std::nullopt;
}

}  // namespace bamgate::stun
