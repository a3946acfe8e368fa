#include "turn/channels.h"

#include <algorithm>

namespace bamgate::turn {
namespace {

constexpr std::size_t kNumbers = kLastChannel - kFirstChannel + 1;

}  // namespace

Channels::Channels(std::size_t limit) : by_number_(kNumbers), limit_(std::min(limit, kNumbers)) {}

std::uint16_t Channels::take_number(Entry& entry) {
  // There is a free one, since there are no more entries than numbers. The search goes on where it ended, so that what
  // is still on its way from an allocation that is gone finds nobody under its number.
  while (by_number_[next_] != nullptr) next_ = (next_ + 1) % kNumbers;
  by_number_[next_] = &entry;
  const auto number = static_cast<std::uint16_t>(kFirstChannel + next_);
  next_ = (next_ + 1) % kNumbers;
  return number;
}

bool Channels::want(const Endpoint& peer) {
  const auto known = entries_.find(peer);
  if (known == entries_.end()) {
    if (entries_.size() >= limit_) return false;
    Entry& entry = entries_.emplace(peer, Entry{.peer = peer}).first->second;
    entry.number = take_number(entry);
    return true;
  }
  Entry& entry = known->second;
  if (entry.due == kNever) entry.due = Instant{};
  entry.wanted = true;
  return true;
}

void Channels::forget(const Endpoint& peer) {
  const auto known = entries_.find(peer);
  if (known != entries_.end()) known->second.wanted = false;
}

std::optional<std::uint16_t> Channels::number_for(Instant now, const Endpoint& peer) const {
  const auto known = entries_.find(peer);
  if (known == entries_.end() || now >= known->second.until) return std::nullopt;
  return known->second.number;
}

std::optional<Endpoint> Channels::peer_of(Instant now, std::uint16_t number) const {
  const Entry* const entry = is_channel(number) ? by_number_[number - kFirstChannel] : nullptr;
  if (entry == nullptr || (!entry->asked && now >= entry->perhaps)) return std::nullopt;
  return entry->peer;
}

std::optional<Binding> Channels::take_due(Instant now) {
  for (auto& [peer, entry] : entries_) {
    if (!entry.wanted || entry.asked || entry.due > now) continue;
    entry.asked = true;
    // Whether the relay gets the request, and when, is not known before it answers: it may bind until the last
    // retransmission has come, and a minute is longer than that.
    entry.perhaps = std::max(entry.perhaps, now + std::chrono::minutes(1) + kChannelLifetime);
    return Binding{.peer = peer, .number = entry.number};
  }
  return std::nullopt;
}

void Channels::bind(const Endpoint& peer, Instant asked_at) {
  const auto known = entries_.find(peer);
  if (known == entries_.end()) return;
  Entry& entry = known->second;
  entry.asked = false;
  entry.until = asked_at + kChannelLifetime;
  entry.due = entry.until - kChannelMargin;
}

void Channels::refuse(const Endpoint& peer) {
  postpone(peer, kNever);
  const auto known = entries_.find(peer);
  if (known != entries_.end()) known->second.perhaps = known->second.until;
}

void Channels::postpone(const Endpoint& peer, Instant until) {
  const auto known = entries_.find(peer);
  if (known == entries_.end()) return;
  known->second.asked = false;
  known->second.due = until;
}

void Channels::reset() {
  for (auto& [peer, entry] : entries_) drop_number(entry);
  std::erase_if(entries_, [](const auto& entry) { return !entry.second.wanted; });
  for (auto& [peer, entry] : entries_) {
    entry = Entry{.peer = peer};
    entry.number = take_number(entry);
  }
}

void Channels::expire(Instant now) {
  std::erase_if(entries_, [&](const auto& item) {
    const Entry& entry = item.second;
    // RFC 8656 §12: 5 minutes after a binding ran out its number may be bound to another peer.
    const bool over = !entry.wanted && !entry.asked && entry.perhaps + kChannelRest <= now;
    if (over) drop_number(entry);
    return over;
  });
}

Instant Channels::next_due() const {
  Instant next = kNever;
  for (const auto& [peer, entry] : entries_) {
    if (entry.wanted && !entry.asked) next = std::min(next, entry.due);
  }
  return next;
}

}  // namespace bamgate::turn
