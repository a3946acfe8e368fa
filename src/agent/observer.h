// Who may look into an agent while it runs, for `bamgate up --pcap --keylog`: ports without which nothing is copied.
#pragma once

#include "core/bytes.h"
#include "core/ip_address.h"
#include "core/key_log.h"

namespace bamgate::agent {

/// Sees the WireGuard messages, which outside are wrapped in a data channel.
class MessageTap {
 public:
  virtual ~MessageTap() = default;
  /// One message as it crosses; the addresses are those of the two devices inside the network.
  virtual void add_message(const IpAddress& from, const IpAddress& to, Bytes message) = 0;
};

/// Both outlive the agent; null: nobody looks.
struct Observer {
  KeyLog* keys = nullptr;
  MessageTap* messages = nullptr;
};

}  // namespace bamgate::agent
