// The port that shows WireGuard messages before they are wrapped in a data channel, for `bamgate up --pcap`.
#pragma once

#include "core/bytes.h"
#include "core/ip_address.h"

namespace bamgate::inline core {

/// Sees the WireGuard messages, which outside are wrapped in a data channel.
class MessageTap {
 public:
  virtual ~MessageTap() = default;
  /// One message as it crosses; the addresses are those of the two devices inside the network.
  virtual void add_message(const IpAddress& from, const IpAddress& to, Bytes message) = 0;
};

}  // namespace bamgate::inline core
