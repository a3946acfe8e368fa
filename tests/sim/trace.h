// A running hash over everything that happens on a simulated network: two runs are equal if their traces are.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/bytes.h"
#include "core/time.h"

namespace bamgate::sim {

class Trace {
 public:
  /// Notes that `bytes` were seen at `now`, in the role that `what` names.
  void note(Instant now, std::string_view what, Bytes bytes) {
    number(static_cast<std::uint64_t>(now.time_since_epoch().count()));
    mix(as_bytes(what));
    number(bytes.size());
    mix(bytes);
    ++entries_;
  }

  std::uint64_t hash() const { return hash_; }
  std::uint64_t entries() const { return entries_; }

 private:
  // FNV-1a, 64 bits.
  void mix(Bytes bytes) {
    for (const std::byte byte : bytes) hash_ = (hash_ ^ std::to_integer<std::uint64_t>(byte)) * 0x100000001b3;
  }
  void number(std::uint64_t value) { hash_ = (hash_ ^ value) * 0x100000001b3; }

  std::uint64_t hash_ = 0xcbf29ce484222325;
  std::uint64_t entries_ = 0;
};

}  // namespace bamgate::sim
