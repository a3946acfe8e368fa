#include "sctp/channel_table.h"

#include <utility>

namespace bamgate::sctp {

bool Channel::writable() const {
  switch (outgoing) {
    case Outgoing::kOpening:
    case Outgoing::kOpen:
      return true;
    case Outgoing::kAnnouncing:
    case Outgoing::kAckDue:
    case Outgoing::kResetDue:
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

}  // namespace bamgate::sctp
