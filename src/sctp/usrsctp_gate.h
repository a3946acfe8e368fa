// What is looked at in a packet before usrsctp gets it.
//   Verification tags: usrsctp drops a packet with a wrong one in silence; here it is counted.
//   Stream resets: while an outgoing reset request waits inside usrsctp for data that was lost (RFC 6525 §5.2.2),
//   usrsctp mistakes unordered messages for ordered ones and aborts at the second. So such a request waits here, until
//   all that the peer had sent before it is there.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/bytes.h"
#include "sctp/packet.h"

namespace bamgate::sctp {

class UsrsctpGate {
 public:
  enum class Verdict : std::uint8_t {
    kPass,      // for usrsctp
    kWrongTag,  // to be dropped
    kHeld,      // it holds a reset request that must wait; rest() is for usrsctp
  };

  /// Learns from a packet that leaves: our tag, and what has arrived of the peer's data.
  void note_output(Bytes packet);
  /// A packet of the peer. Needs a common header and a chunk header.
  Verdict examine(Bytes packet);
  /// After kHeld: the packet without the request. Empty when nothing else was in it. Valid until the next call.
  Bytes rest() const { return rest_; }
  /// A packet with the request that waited, when it need not wait any longer.
  std::optional<std::vector<std::byte>> take_released();

 private:
  bool has_right_tag(Bytes packet) const;
  void hold(Bytes packet, Bytes request, std::uint32_t last_tsn);

  std::optional<std::uint32_t> own_tag_;
  std::optional<std::uint32_t> cumulative_tsn_;  // of the peer's data, as we acknowledged it last
  std::vector<std::byte> rest_;
  std::vector<std::byte> held_;  // one: RFC 6525 §5.1.1 allows one request at a time
  std::uint32_t held_tsn_ = 0;
};

}  // namespace bamgate::sctp
