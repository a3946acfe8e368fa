// The data channels of one association and the state of each, by stream number.
//
// A channel uses the outgoing and the incoming stream of the same number. Ours:
//   kAnnouncing --OPEN queued--> kOpening --ACK or any other message arrived--> kOpen  (we open)
//   kAckDue     --ACK queued---> kOpen                                 (the peer opened)
//   any         --closed by either side--> kResetDue --queue empty, asked--> kResetSent --confirmed--> kReset
// The peer's: kOpen --its reset arrived--> kReset. The channel is gone when both are reset (RFC 8831 §6.7).
#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "sctp/channel.h"
#include "sctp/send_queue.h"

namespace bamgate::sctp {

struct Channel {
  enum class Outgoing : std::uint8_t { kAnnouncing, kOpening, kAckDue, kOpen, kResetDue, kResetSent, kReset };
  enum class Incoming : std::uint8_t { kOpen, kReset };

  ChannelOptions options;
  SendQueue queue;
  Outgoing outgoing = Outgoing::kAnnouncing;
  Incoming incoming = Incoming::kOpen;
  std::uint8_t refused_resets = 0;

  /// True while the owner may send on it. Before an OPEN or ACK has gone ahead, messages wait.
  bool writable() const { return !closing(); }
  /// True while messages of the peer may come: it has been told of the channel and has not closed it.
  bool receives() const { return outgoing != Outgoing::kAnnouncing && incoming == Incoming::kOpen; }
  /// True while messages may leave: an OPEN or ACK has gone ahead.
  bool ready() const;
  /// True when a message waits that may leave.
  bool flowing() const;
  /// True when every message must arrive.
  bool reliable() const { return !options.max_retransmits && !options.max_lifetime; }
  /// True when a message or request of ours still has to be handed to the engine.
  bool control_due() const;
  /// True from close to the end.
  bool closing() const;
  /// True when both directions are reset.
  bool gone() const { return outgoing == Outgoing::kReset && incoming == Incoming::kReset; }
};

class ChannelTable {
 public:
  using Channels = std::map<ChannelId, Channel>;

  /// nullptr when there is none; valid until the channel is erased.
  Channel* find(ChannelId id);
  /// Needs `id` to be free.
  Channel& add(ChannelId id, Channel channel);
  void erase(ChannelId id) { channels_.erase(id); }
  void clear() { channels_.clear(); }
  /// The lowest free number below `limit` that is even (`odd` false) or odd.
  std::optional<ChannelId> lowest_free(bool odd, std::uint16_t limit) const;
  /// The next channel behind `after`, around the end, whose queue holds something that may leave: so that all channels
  /// get their turn. `after` itself comes last.
  std::optional<ChannelId> next_flowing(ChannelId after) const;
  /// True when a message waits in some queue.
  bool waiting() const;
  /// All channels in the order of their numbers.
  Channels& all() { return channels_; }
  const Channels& all() const { return channels_; }

 private:
  Channels channels_;
};

}  // namespace bamgate::sctp
