#include "sim/nat.h"

#include <algorithm>
#include <utility>

namespace bamgate::sim {

// ---- Pinhole ----

void Pinhole::note_sent(Instant now, const Endpoint& remote, Duration lifetime) {
  if (!sent_.contains(remote)) {
    std::erase_if(sent_, [&](const auto& sent) { return now - sent.second > lifetime; });
  }
  sent_[remote] = now;
}

void Pinhole::note_received(Instant now, const Endpoint& remote) {
  const auto sent = sent_.find(remote);
  if (sent != sent_.end()) sent->second = now;
}

bool Pinhole::lets_in(Instant now, const Endpoint& remote, Filtering filtering, Duration lifetime) const {
  const auto fresh = [&](const auto& sent) { return now - sent.second <= lifetime; };
  switch (filtering) {
    case Filtering::kEndpointIndependent:
      return std::ranges::any_of(sent_, fresh);
    case Filtering::kAddressDependent:
      return std::ranges::any_of(sent_,
                                 [&](const auto& sent) { return sent.first.address == remote.address && fresh(sent); });
    case Filtering::kAddressAndPortDependent: {
      const auto sent = sent_.find(remote);
      return sent != sent_.end() && fresh(*sent);
    }
  }
  std::unreachable();
}

// ---- NAT ----

Nat::InnerSide Nat::key(const Endpoint& inner, const Endpoint& remote) const {
  switch (options_.mapping) {
    case Mapping::kEndpointIndependent:
      return {inner, {}};
    case Mapping::kAddressDependent:
      return {inner, {remote.address, 0}};
    case Mapping::kAddressAndPortDependent:
      return {inner, remote};
  }
  std::unreachable();
}

std::optional<Endpoint> Nat::outbound(Instant now, const Endpoint& inner, const Endpoint& remote) {
  const InnerSide side = key(inner, remote);
  auto found = mappings_.find(side);
  if (found == mappings_.end() || !is_fresh(now, found->second)) {
    drop_expired(now);
    if (mappings_.size() >= options_.max_mappings) return std::nullopt;
    const std::uint16_t port = pick_port(inner.port);
    found = mappings_.emplace(side, Entry{.port = port, .refreshed = now, .pinhole = {}}).first;
    by_port_[port] = side;
  }
  Entry& entry = found->second;
  entry.refreshed = now;
  entry.pinhole.note_sent(now, remote, options_.lifetime);
  return Endpoint{external_, entry.port};
}

std::optional<Endpoint> Nat::inbound(Instant now, const Endpoint& remote, std::uint16_t port) {
  const auto side = by_port_.find(port);
  if (side == by_port_.end()) return std::nullopt;
  Entry& entry = mappings_.at(side->second);
  if (!is_fresh(now, entry)) return std::nullopt;
  // An endpoint-independent filter lets in whatever finds the mapping.
  const bool open = options_.filtering == Filtering::kEndpointIndependent;
  if (!open && !entry.pinhole.lets_in(now, remote, options_.filtering, options_.lifetime)) return std::nullopt;
  if (options_.inbound_refreshes) {
    entry.refreshed = now;
    entry.pinhole.note_received(now, remote);
  }
  return side->second.inner;
}

void Nat::drop_expired(Instant now) {
  std::erase_if(mappings_, [&](const auto& mapping) {
    if (is_fresh(now, mapping.second)) return false;
    by_port_.erase(mapping.second.port);
    return true;
  });
}

// Needs a free port, which max_mappings sees to.
std::uint16_t Nat::pick_port(std::uint16_t inner_port) {
  if (options_.preserve_ports && !by_port_.contains(inner_port)) return inner_port;
  while (next_port_ < 1024 || by_port_.contains(next_port_)) ++next_port_;
  return next_port_++;
}

void Nat::forget() {
  mappings_.clear();
  by_port_.clear();
}

void Nat::rebind(std::optional<IpAddress> external) {
  forget();
  options_.preserve_ports = false;
  if (external) external_ = *external;
}

std::size_t Nat::mappings(Instant now) const {
  return static_cast<std::size_t>(
      std::ranges::count_if(mappings_, [&](const auto& mapping) { return is_fresh(now, mapping.second); }));
}

// ---- Firewall ----

void Firewall::outbound(Instant now, const Endpoint& inner, const Endpoint& remote) {
  if (!pinholes_.contains(inner)) {
    std::erase_if(pinholes_, [&](const auto& entry) {
      return !entry.second.lets_in(now, {}, Filtering::kEndpointIndependent, lifetime_);
    });
  }
  pinholes_[inner].note_sent(now, remote, lifetime_);
}

bool Firewall::lets_in(Instant now, const Endpoint& remote, const Endpoint& inner) const {
  const auto pinhole = pinholes_.find(inner);
  return pinhole != pinholes_.end() && pinhole->second.lets_in(now, remote, filtering_, lifetime_);
}

}  // namespace bamgate::sim
