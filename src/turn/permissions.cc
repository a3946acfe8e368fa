#include "turn/permissions.h"

#include <algorithm>

namespace bamgate::turn {

bool Permissions::want(const IpAddress& address) {
  const auto known = entries_.find(address);
  if (known == entries_.end()) {
    if (entries_.size() >= limit_) return false;
    entries_.emplace(address, Entry{});
    return true;
  }
  Entry& entry = known->second;
  // One that is active and was given up goes on from where it is; one that was refused is tried again.
  if (entry.due == kNever) entry.due = Instant{};
  entry.wanted = true;
  return true;
}

void Permissions::forget(const IpAddress& address) {
  const auto known = entries_.find(address);
  if (known != entries_.end()) known->second.wanted = false;
}

bool Permissions::is_wanted(const IpAddress& address) const {
  const auto known = entries_.find(address);
  return known != entries_.end() && known->second.wanted;
}

bool Permissions::is_active(Instant now, const IpAddress& address) const {
  const auto known = entries_.find(address);
  return known != entries_.end() && now < known->second.until;
}

std::vector<IpAddress> Permissions::take_due(Instant now, std::size_t most) {
  std::vector<IpAddress> taken;
  for (auto& [address, entry] : entries_) {
    if (!entry.wanted || entry.asked || entry.due > now) continue;
    if (entry.alone && !taken.empty()) continue;
    entry.asked = true;
    taken.push_back(address);
    if (entry.alone || taken.size() == most) break;
  }
  return taken;
}

void Permissions::install(std::span<const IpAddress> addresses, Instant asked_at) {
  for (const IpAddress& address : addresses) {
    const auto known = entries_.find(address);
    if (known == entries_.end()) continue;
    Entry& entry = known->second;
    entry.asked = false;
    entry.alone = false;
    entry.until = asked_at + kPermissionLifetime;
    entry.due = entry.until - kPermissionMargin;
  }
}

bool Permissions::refuse(std::span<const IpAddress> addresses) {
  const bool alone = addresses.size() == 1;
  for (const IpAddress& address : addresses) {
    const auto known = entries_.find(address);
    if (known == entries_.end()) continue;
    known->second.asked = false;
    known->second.alone = true;
    if (alone) known->second.due = kNever;
  }
  return alone;
}

void Permissions::postpone(std::span<const IpAddress> addresses, Instant until) {
  for (const IpAddress& address : addresses) {
    const auto known = entries_.find(address);
    if (known == entries_.end()) continue;
    known->second.asked = false;
    known->second.due = until;
  }
}

void Permissions::reset() {
  std::erase_if(entries_, [](const auto& entry) { return !entry.second.wanted; });
  for (auto& [address, entry] : entries_) entry = Entry{};
}

void Permissions::expire(Instant now) {
  std::erase_if(entries_, [&](const auto& entry) {
    return !entry.second.wanted && !entry.second.asked && entry.second.until <= now;
  });
}

Instant Permissions::next_due() const {
  Instant next = kNever;
  for (const auto& [address, entry] : entries_) {
    if (entry.wanted && !entry.asked) next = std::min(next, entry.due);
  }
  return next;
}

}  // namespace bamgate::turn
