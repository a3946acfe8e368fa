// Who may look into an agent while it runs, for `bamgate up --pcap --keylog`: ports without which nothing is copied.
#pragma once

#include "core/key_log.h"
#include "core/message_tap.h"

namespace bamgate::agent {

/// Both outlive the agent; null: nobody looks.
struct Observer {
  KeyLog* keys = nullptr;
  MessageTap* messages = nullptr;
};

}  // namespace bamgate::agent
