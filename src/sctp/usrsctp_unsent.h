// What lies in usrsctp's send buffer and has not left. usrsctp never drops a message that it has not sent, however old
// it is; so we follow which message each DATA chunk that leaves belongs to, and one that has not begun in time leaves
// hollow: with one zero byte for content under a payload protocol that nobody knows. Its number keeps the sequence
// whole, and no congestion control takes it for a loss.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>

#include "core/ring.h"
#include "core/time.h"
#include "sctp/packet.h"

namespace bamgate::sctp {

class UsrsctpUnsent {
 public:
  struct Departure {
    bool again = false;   // it was sent before
    bool hollow = false;  // its content must not leave
    bool stale = false;   // the first chunk of a hollow message
  };

  /// A message was handed over. On one stream messages leave in the order in which they came.
  void push(std::uint16_t stream, std::size_t size, std::optional<Instant> send_by);
  /// The last message of `stream` was refused after all.
  void withdraw(std::uint16_t stream);
  /// A DATA chunk leaves now. TSNs are given out in the order of first transmission.
  Departure leave(Instant now, const DataChunk& chunk);
  /// Nothing waits any more.
  void clear();

  std::size_t bytes() const { return bytes_; }

 private:
  struct Waiting {
    std::size_t left = 0;  // bytes
    std::optional<Instant> send_by;
    bool begun = false;
    bool hollow = false;
  };
  using Stream = Ring<Waiting>;

  void finish(Stream& stream);

  std::map<std::uint16_t, Stream> streams_;  // those that were ever used, at most kStreams
  std::size_t bytes_ = 0;
  std::optional<std::uint32_t> highest_tsn_;
  std::deque<std::uint32_t> hollow_;  // the latest TSNs that left hollow, for when they are sent again
};

/// Writes `chunk`, which is DATA, as a hollow one into `output`; needs kHollowChunk bytes.
inline constexpr std::size_t kHollowChunk = 20;
void write_hollow(Bytes chunk, MutableBytes output);

}  // namespace bamgate::sctp
