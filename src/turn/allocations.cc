#include "turn/allocations.h"

#include <utility>

namespace bamgate::turn {

Endpoint relay_endpoint(RelayNumber number) {
  return {IpAddress::v4(kRelayNetwork.address.v4_value() | number), kRelayPort};
}

std::optional<RelayNumber> relay_number(const IpAddress& address) {
  if (!kRelayNetwork.contains(address)) return std::nullopt;
  const auto number = static_cast<RelayNumber>(address.v4_value());
  return number == 0 || number == 0xffff ? std::nullopt : std::optional(number);
}

bool Allocation::permits(Instant now, RelayNumber peer) const {
  const auto held = peers_.find(peer);
  return held != peers_.end() && now < held->second.permitted_until;
}

bool Allocation::permit(Instant now, RelayNumber peer, std::size_t limit) {
  auto held = peers_.find(peer);
  if (held == peers_.end()) {
    if (peers_.size() >= limit) forget_old_peers(now);
    if (peers_.size() >= limit) return false;
    held = peers_.emplace(peer, Peer{}).first;
  }
  held->second.permitted_until = now + kPermissionLifetime;
  return true;
}

bool Allocation::may_bind(Instant now, std::uint16_t channel, RelayNumber peer) const {
  const auto rests = [now](const Peer& one) { return now < one.bound_until + kChannelRest; };
  if (const auto held = peers_.find(peer); held != peers_.end()) {
    const Peer& one = held->second;
    if (one.channel != 0 && one.channel != channel && rests(one)) return false;
  }
  const auto bound = channels_.find(channel);
  if (bound == channels_.end() || bound->second == peer) return true;
  const auto other = peers_.find(bound->second);
  return other == peers_.end() || other->second.channel != channel || !rests(other->second);
}

void Allocation::bind(Instant now, std::uint16_t channel, RelayNumber peer) {
  Peer& held = peers_[peer];
  if (held.channel != 0 && held.channel != channel) channels_.erase(held.channel);
  if (const auto bound = channels_.find(channel); bound != channels_.end() && bound->second != peer) {
    if (const auto other = peers_.find(bound->second); other != peers_.end()) other->second.channel = 0;
  }
  held.channel = channel;
  held.bound_until = now + kChannelLifetime;
  channels_[channel] = peer;
}

std::optional<RelayNumber> Allocation::peer_of(Instant now, std::uint16_t channel) const {
  const auto bound = channels_.find(channel);
  if (bound == channels_.end() || channel_of(now, bound->second) != channel) return std::nullopt;
  return bound->second;
}

std::uint16_t Allocation::channel_of(Instant now, RelayNumber peer) const {
  const auto held = peers_.find(peer);
  return held != peers_.end() && now < held->second.bound_until ? held->second.channel : std::uint16_t{0};
}

void Allocation::restore_peer(RelayNumber peer, const Peer& restored) {
  peers_[peer] = restored;
  if (restored.channel != 0) channels_[restored.channel] = peer;
}

void Allocation::forget_old_peers(Instant now) {
  for (auto at = peers_.begin(); at != peers_.end();) {
    const Peer& peer = at->second;
    const bool bound = peer.channel != 0 && now < peer.bound_until + kChannelRest;
    if (now < peer.permitted_until || bound) {
      ++at;
      continue;
    }
    if (peer.channel != 0) channels_.erase(peer.channel);
    at = peers_.erase(at);
  }
}

Allocations::Allocations(const RelayLimits& limits, Random& random)
    : limits_(limits), last_number_(random.number<RelayNumber>()) {}

Allocation* Allocations::find(const FiveTuple& client) {
  const auto held = by_client_.find(client);
  return held == by_client_.end() ? nullptr : held->second;
}

Allocation* Allocations::find(RelayNumber number) {
  const auto held = by_number_.find(number);
  return held == by_number_.end() ? nullptr : held->second.get();
}

std::expected<Allocation*, Allocations::Refusal> Allocations::add(const FiveTuple& client, std::string_view name,
                                                                  Instant expires) {
  if (const auto known = owners_.find(name);
      known != owners_.end() && known->second.allocations >= limits_.allocations_of_owner) {
    return std::unexpected(Refusal::kOwnerHasTooMany);
  }
  const auto number = size() < limits_.allocations ? free_number() : std::nullopt;
  if (!number) return std::unexpected(Refusal::kFull);
  auto made = std::make_unique<Allocation>();
  made->client = client;
  made->owner_name = name;
  made->number = *number;
  made->expires = expires;
  return &insert(std::move(made));
}

// The same for new ones and restored ones.
Allocation& Allocations::insert(std::unique_ptr<Allocation> made) {
  Allocation& allocation = *made;
  allocation.owner = &owner(allocation.owner_name);
  ++allocation.owner->allocations;
  by_client_[allocation.client] = &allocation;
  by_number_[allocation.number] = std::move(made);
  allocation.slot_ = deadlines_.add(&allocation);
  deadlines_.set(allocation.slot_, allocation.expires);
  return allocation;
}

void Allocations::extend(Allocation& allocation, Instant expires) {
  allocation.expires = expires;
  deadlines_.set(allocation.slot_, expires);
}

void Allocations::remove(Allocation& allocation) {
  deadlines_.remove(allocation.slot_);
  --allocation.owner->allocations;
  by_client_.erase(allocation.client);
  by_number_.erase(allocation.number);
}

void Allocations::remove_owner(std::string_view name) {
  const auto gone = owners_.find(name);
  if (gone == owners_.end()) return;
  std::vector<Allocation*> its;
  for (const auto& [number, allocation] : by_number_) {
    if (allocation->owner == &gone->second) its.push_back(allocation.get());
  }
  for (Allocation* allocation : its) remove(*allocation);
  owners_.erase(gone);
}

void Allocations::handle_timeout(Instant now) {
  while (const auto due = deadlines_.take_due(now)) remove(**due);
}

std::optional<RelayNumber> Allocations::free_number() {
  for (int tries = 0; tries <= 0xffff; ++tries) {
    ++last_number_;
    if (last_number_ == 0 || last_number_ == 0xffff || by_number_.contains(last_number_)) continue;
    return last_number_;
  }
  return std::nullopt;
}

Owner& Allocations::owner(std::string_view name) {
  const auto known = owners_.find(name);
  return known != owners_.end() ? known->second : owners_.emplace(std::string(name), Owner(limits_.rate)).first->second;
}

void Allocations::clear() {
  by_client_.clear();
  by_number_.clear();
  owners_.clear();
  deadlines_ = {};
}

}  // namespace bamgate::turn
