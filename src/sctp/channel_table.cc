#include "sctp/channel_table.h"

#include <algorithm>
#include <utility>

namespace bamgate::sctp {

bool Channel::flowing() const { return !queue.empty() && ready(); }

bool Channel::ready() const {
  switch (outgoing) {
    case Outgoing::kOpening:
    case Outgoing::kOpen:
    case Outgoing::kResetDue:
      return true;
    case Outgoing::kAnnouncing:
    case Outgoing::kAckDue:
    case Outgoing::kResetSent:
    case Outgoing::kReset:
      return false;
  }
  return false;
}

bool Channel::control_due() const {
  switch (outgoing) {
    case Outgoing::kAnnouncing:
    case Outgoing::kAckDue:
    case Outgoing::kResetDue:
      return true;
    case Outgoing::kOpening:
    case Outgoing::kOpen:
    case Outgoing::kResetSent:
    case Outgoing::kReset:
      return false;
  }
  return false;
}

bool Channel::closing() const {
  switch (outgoing) {
    case Outgoing::kResetDue:
    case Outgoing::kResetSent:
    case Outgoing::kReset:
      return true;
    case Outgoing::kAnnouncing:
    case Outgoing::kOpening:
    case Outgoing::kAckDue:
    case Outgoing::kOpen:
      return false;
  }
  return false;
}

Channel* ChannelTable::find(ChannelId id) {
  const auto found = channels_.find(id);
  return found == channels_.end() ? nullptr : &found->second;
}

Channel& ChannelTable::add(ChannelId id, Channel channel) {
  return channels_.insert_or_assign(id, std::move(channel)).first->second;
}

std::optional<ChannelId> ChannelTable::lowest_free(bool odd, std::uint16_t limit) const {
  for (std::uint32_t number = odd ? 1 : 0; number < limit; number += 2) {
    const auto id = static_cast<ChannelId>(number);
    if (!channels_.contains(id)) return id;
  }
  return std::nullopt;
}

std::optional<ChannelId> ChannelTable::next_flowing(ChannelId after) const {
  const auto flowing = [](const auto& entry) { return entry.second.flowing(); };
  const auto middle = channels_.upper_bound(after);
  auto found = std::find_if(middle, channels_.end(), flowing);
  if (found == channels_.end()) {
    found = std::find_if(channels_.begin(), middle, flowing);
    if (found == middle) return std::nullopt;
  }
  return found->first;
}

bool ChannelTable::waiting() const {
  return std::ranges::any_of(channels_, [](const auto& entry) { return !entry.second.queue.empty(); });
}

}  // namespace bamgate::sctp
