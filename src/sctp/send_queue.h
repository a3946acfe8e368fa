// What waits on our side of one channel until SCTP takes it. A local matter: the peer does not learn of its limits. On
// a channel that promises delivery (neither max_retransmits nor max_lifetime) nothing is ever dropped: there max_age
// and codel have no effect. max_lifetime is an age, too; a message that SCTP gets with no time left leaves hollow.
#pragma once

#include "core/send_queue.h"
#include "sctp/channel.h"

namespace bamgate::sctp {

using QueueLimits = core::QueueLimits;
using SendQueue = core::SendQueue<MessageKind>;

}  // namespace bamgate::sctp
