// DTLS that came before our own check of its path succeeded: the peer's check has, and its client speaks at once. What
// is dropped then comes again only after the client's first timeout, a second in most stacks. So a few are kept, and
// taken when the path is proven (RFC 8445 §12.2: a pair that is not valid yet carries no data).
// Who keeps them decides whose they are: only those from where an authenticated check of the peer came.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <utility>

#include "core/buffer_pool.h"
#include "core/packet_buffer.h"
#include "core/transmit.h"

namespace bamgate::peer {

class EarlyDatagrams {
 public:
  /// Bounds of all that is kept. A browser's largest ClientHello comes in two datagrams.
  static constexpr std::size_t kMaxCount = 8;
  static constexpr std::size_t kMaxBytes = 8192;

  struct Entry {
    Path path;
    PacketBuffer data;
  };

  /// Keeps a copy from `pool`; false when a bound is reached, and nothing is kept.
  bool add(BufferPool& pool, const Path& path, Bytes datagram) {
    if (entries_.size() >= kMaxCount || bytes_ + datagram.size() > kMaxBytes) return false;
    bytes_ += datagram.size();
    entries_.push_back({path, pool.copy(datagram)});
    return true;
  }

  /// The oldest one on a path for which `proven` holds, taken out.
  template <typename Proven>
  std::optional<Entry> take(Proven proven) {
    for (auto entry = entries_.begin(); entry != entries_.end(); ++entry) {
      if (!proven(entry->path)) continue;
      Entry taken = std::move(*entry);
      entries_.erase(entry);
      bytes_ -= taken.data.size();
      return taken;
    }
    return std::nullopt;
  }

  /// Drops all; returns how many.
  std::size_t clear() {
    bytes_ = 0;
    return std::exchange(entries_, {}).size();
  }

 private:
  std::deque<Entry> entries_;
  std::size_t bytes_ = 0;
};

}  // namespace bamgate::peer
