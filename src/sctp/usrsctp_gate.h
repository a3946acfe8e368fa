// What is looked at in a packet before usrsctp gets it.
//   Verification tags: usrsctp drops a packet with a wrong one in silence; here it is counted.
//   Parameters of INIT and INIT ACK: usrsctp walks them for ever when one says that it has no bytes.
//   Stream resets: while an outgoing reset request waits inside usrsctp for data that was lost (RFC 6525 §5.2.2),
//   usrsctp mistakes unordered messages for ordered ones and aborts at the second. So such a request waits here, until
//   all that the peer had sent before it is there.
//   Fragments of unordered messages: when messages beside them are given up, usrsctp loses its place among them,
//   aborts, or hands over the end of a message as a whole one. So each passes as a message of its own; the engine puts
//   them together (reassembly.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/bytes.h"
#include "sctp/packet.h"

namespace bamgate::sctp {

class UsrsctpGate {
 public:
  enum class Verdict : std::uint8_t {
    kPass,       // for usrsctp
    kWrongTag,   // to be dropped
    kMalformed,  // to be dropped
    kChanged,    // changed() is for usrsctp
  };

  /// Learns from a packet that leaves: our tag, and what has arrived of the peer's data.
  void note_output(Bytes packet);
  /// The TSN up to which the peer's data has arrived or was given up, as we acknowledged it last.
  std::optional<std::uint32_t> cumulative_tsn() const { return cumulative_tsn_; }
  /// A packet of the peer. Needs a common header and a chunk header. `room`: what Reassembly may still take; what is
  /// beyond is left out, so that the peer sends it again. The fragment that all other data waits for always passes.
  Verdict examine(Bytes packet, std::size_t room);
  /// The packet without reset requests that must wait, its fragments made whole. Empty when nothing is left. Valid
  /// until the next call.
  Bytes changed() const { return changed_; }
  /// The fragment of this TSN in the packet that was examined last; nullopt when it is a whole message.
  std::optional<DataChunk> fragment(std::uint32_t tsn) const;
  /// Fragments that were left out, of all packets.
  std::uint64_t refused() const { return refused_; }
  /// A packet with the request that waited, when it need not wait any longer.
  std::optional<std::vector<std::byte>> take_released();

 private:
  bool has_right_tag(Bytes packet) const;
  bool is_held(Bytes packet, const ChunkWalk& walk);
  bool must_be_left_out(const DataChunk& fragment, std::size_t room) const;

  std::optional<std::uint32_t> own_tag_;
  std::optional<std::uint32_t> cumulative_tsn_;
  std::vector<std::byte> changed_;
  std::vector<DataChunk> fragments_;  // in changed_
  std::uint64_t refused_ = 0;
  std::vector<std::byte> held_;  // one: RFC 6525 §5.1.1 allows one request at a time
  std::uint32_t held_tsn_ = 0;
};

}  // namespace bamgate::sctp
