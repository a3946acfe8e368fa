// Who a receiver index belongs to (paper §5.4: "sender" and "receiver" of each message), for all peers on one
// transport. An index is held by a lease and free again when the lease ends, so a handshake or keypair that is
// forgotten on any path leaves no entry behind.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <unordered_map>

#include "core/random.h"
#include "wg/messages.h"

namespace bamgate::wg {

/// A peer of a Device, numbered by it; never used twice.
enum class PeerId : std::uint32_t {};

class IndexTable;

/// Holds one index. Move-only; an empty one (default-made or moved from) holds none.
class IndexLease {
 public:
  IndexLease() = default;
  IndexLease(IndexLease&& other) noexcept;
  IndexLease& operator=(IndexLease&& other) noexcept;
  ~IndexLease();

  /// Draws an index that nobody in `table` holds. The table lives at least as long as the lease.
  /// Paper §5.4.2: the index is random, so that an observer cannot tell which sessions belong together.
  static IndexLease draw(std::shared_ptr<IndexTable> table, PeerId owner, Random& random);

  ReceiverIndex index() const { return index_; }

 private:
  IndexLease(std::shared_ptr<IndexTable> table, ReceiverIndex index) : table_(std::move(table)), index_(index) {}
  void release() noexcept;

  std::shared_ptr<IndexTable> table_;
  ReceiverIndex index_{};
};

/// All indices that are held. A peer holds five at most: one of a handshake of ours, four of keypairs.
class IndexTable {
 public:
  /// Whose index this is; nullopt when nobody holds it.
  std::optional<PeerId> find(ReceiverIndex index) const;
  std::size_t size() const { return owners_.size(); }

 private:
  friend class IndexLease;
  std::unordered_map<ReceiverIndex, PeerId> owners_;
};

}  // namespace bamgate::wg
