#include "sim/nat.h"

#include <algorithm>
#include <utility>

namespace bamgate::sim {

Endpoint Nat::outbound(Instant now, const Endpoint& inner, const Endpoint& remote) {
  const bool independent = options_.mapping == Mapping::kEndpointIndependent;
  MappingEntry& entry = mappings_[{inner, independent ? Endpoint{} : remote}];
  if (entry.port == 0 || now - entry.last_out > options_.lifetime) {
    entry = {.port = next_port_++, .inner = inner, .last_out = now, .sent_to = {}};
  }
  entry.last_out = now;
  entry.sent_to[remote] = now;
  return {external_, entry.port};
}

std::optional<Endpoint> Nat::inbound(Instant now, const Endpoint& remote, std::uint16_t port) const {
  for (const auto& [side, entry] : mappings_) {
    if (entry.port == port && now - entry.last_out <= options_.lifetime && lets_in(now, entry, remote)) {
      return entry.inner;
    }
  }
  return std::nullopt;
}

bool Nat::lets_in(Instant now, const MappingEntry& entry, const Endpoint& remote) const {
  const auto fresh = [&](const auto& sent) { return now - sent.second <= options_.lifetime; };
  switch (options_.filtering) {
    case Filtering::kEndpointIndependent:
      return true;
    case Filtering::kAddressDependent:
      return std::ranges::any_of(entry.sent_to,
                                 [&](const auto& sent) { return sent.first.address == remote.address && fresh(sent); });
    case Filtering::kAddressAndPortDependent: {
      const auto sent = entry.sent_to.find(remote);
      return sent != entry.sent_to.end() && fresh(*sent);
    }
  }
  std::unreachable();
}

}  // namespace bamgate::sim
