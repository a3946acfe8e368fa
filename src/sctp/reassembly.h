// Fragments of unordered messages, put together by their TSNs (RFC 9260 §6.9). A message is a run of TSNs on one
// stream: its first fragment carries the flag B, its last one E. Runs grow at both ends, and two become one when the
// hole between them is filled.
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <list>
#include <map>
#include <optional>
#include <vector>

#include "core/bytes.h"
#include "sctp/error.h"
#include "sctp/packet.h"

namespace bamgate::sctp {

class Reassembly {
 public:
  struct Whole {
    std::uint32_t ppid = 0;  // what came with its first fragment
    std::vector<std::byte> content;
  };

  /// `max_message`: bytes of the longest message.
  explicit Reassembly(std::size_t max_message) : max_message_(max_message) {}

  /// Takes a fragment that has not been there before; returns the message that it completes. Error: kMessageTooLarge.
  std::expected<std::optional<Whole>, Error> insert(const DataChunk& fragment, std::uint32_t ppid, Bytes content);
  /// Every TSN up to this one has arrived or never will (RFC 9260 §3.3.4, RFC 3758 §3.6): runs that lack one of these
  /// are forgotten. Returns how many.
  std::size_t settle(std::uint32_t cumulative_tsn);
  void clear();

  /// What is kept, about, with what each fragment costs besides its content.
  std::size_t bytes() const { return bytes_; }
  /// What a fragment of `size` bytes adds to it.
  static constexpr std::size_t cost(std::size_t size) { return size + 128; }

 private:
  struct Run {
    std::uint32_t end = 0;  // one past the last TSN
    std::uint16_t stream = 0;
    std::uint32_t ppid = 0;
    bool begins = false;
    bool ends = false;
    std::size_t size = 0;  // bytes of content
    std::size_t cost = 0;
    std::list<std::vector<std::byte>> fragments;  // two runs are one without a copy
  };
  /// Serial numbers (RFC 1982): in order as long as all are within half of their circle. With a peer who leaps further
  /// ahead what is kept makes no message, and stays within the same bounds.
  struct Before {
    bool operator()(std::uint32_t one, std::uint32_t other) const { return is_after(other, one); }
  };
  using Runs = std::map<std::uint32_t, Run, Before>;  // by the first TSN

  static bool fit(Runs::const_iterator run, Runs::const_iterator next);
  void join(Runs::iterator run, Runs::iterator next);
  Runs::iterator forget(Runs::iterator run);

  std::size_t max_message_;
  Runs runs_;
  std::size_t bytes_ = 0;
};

}  // namespace bamgate::sctp
