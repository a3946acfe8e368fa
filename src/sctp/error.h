// What can go wrong in the SCTP layer: as the result of a call, or as the reason why an association ended.
#pragma once

#include <cstdint>
#include <string_view>

namespace bamgate::sctp {

enum class Error : std::uint8_t {
  // Results of calls.
  kBadOptions,       // the options contradict each other or are out of range
  kRuntimeTaken,     // another factory of engines lives in this process
  kOutOfMemory,      // the engine could not make its association
  kNotConnected,     // the association is not up yet
  kClosed,           // the association has ended (or was never started)
  kWouldBlock,       // what may wait is waiting: try again after the next handle_input() or handle_timeout()
  kMessageTooLarge,  // a message is longer than max_message_size; as a reason: the peer sent one
  kUnknownChannel,   // no such channel, or it is closing
  kNoStreamLeft,     // every stream of our parity is in use
  kUnsupported,      // the peer did not negotiate what this needs
  kMalformed,        // a packet or a DCEP message cannot be read
  kBadChecksum,      // a packet whose CRC32c is wrong (RFC 9260 §6.8)
  kWrongPort,        // a packet for or from a port that is not of this association (RFC 9260 §8.4)
  // Reasons why an association ended.
  kShutdown,       // an orderly shutdown, by either side
  kAborted,        // the peer sent ABORT
  kLocalAbort,     // abort() was called
  kTimedOut,       // the peer did not answer: too many retransmissions
  kRestarted,      // the peer started afresh with a new INIT (RFC 9260 §5.2): its state and ours no longer fit together
  kQueueOverflow,  // the owner did not take the events away
};

/// A few words for a log line; static storage.
std::string_view to_string(Error error);

}  // namespace bamgate::sctp
