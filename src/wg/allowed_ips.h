// Cryptokey routing (paper §2): which peer an inner address belongs to. One table serves both directions: it chooses
// the peer for a destination, and it says whose a source address must be. A binary trie with compressed paths for each
// family: a lookup visits at most one node for each prefix that covers the address, plus the branches between them; it
// allocates nothing.
#pragma once

#include <bit>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "core/ip_address.h"

namespace bamgate::wg {

/// `PeerId` is a small value that compares with ==.
template <typename PeerId>
class AllowedIps {
 public:
  /// Gives `prefix` (its host bits are ignored) to `peer`; one that another peer had moves to this one.
  /// Returns the peer that had it before, if any. A prefix without family is ignored.
  std::optional<PeerId> insert(const IpPrefix& prefix, PeerId peer);
  /// Takes exactly this prefix out, whoever has it. False when nobody has.
  bool remove(const IpPrefix& prefix);

  /// Who has the longest prefix that contains `address`.
  std::optional<PeerId> lookup(const IpAddress& address) const;
  /// Who has exactly this prefix.
  std::optional<PeerId> find(const IpPrefix& prefix) const;
  bool empty() const { return !v4_ && !v6_; }

 private:
  /// The bits of an address from the first one on; those of IPv4 fill the upper half of `high`.
  struct Key {
    std::uint64_t high = 0;
    std::uint64_t low = 0;

    explicit Key(const IpAddress& address);
    unsigned bit(unsigned index) const {
      return static_cast<unsigned>((index < 64 ? high >> (63 - index) : low >> (127 - index)) & 1);
    }
    /// How many bits are the same from the first one on, 128 at most.
    unsigned common(const Key& other) const {
      if (high != other.high) return static_cast<unsigned>(std::countl_zero(high ^ other.high));
      return 64 + static_cast<unsigned>(std::countl_zero(low ^ other.low));
    }
  };

  /// A prefix. Without a peer it is a branch, and then it has two children. Children are longer and share its bits.
  struct Node {
    Key key;
    unsigned length;  // bits
    std::optional<PeerId> peer;
    std::unique_ptr<Node> children[2];

    bool covers(const Key& other, unsigned other_length) const {
      return length <= other_length && key.common(other) >= length;
    }
  };
  using Slot = std::unique_ptr<Node>;

  static bool erase(Slot& slot, const Key& key, unsigned length);
  static void collapse(Slot& slot);
  static Slot leaf(const Key& key, unsigned length, PeerId peer) {
    return Slot(new Node{key, length, peer, {nullptr, nullptr}});
  }
  Slot& root(Family family) { return family == Family::kV4 ? v4_ : v6_; }
  const Slot& root(Family family) const { return family == Family::kV4 ? v4_ : v6_; }

  Slot v4_;
  Slot v6_;
};

template <typename PeerId>
AllowedIps<PeerId>::Key::Key(const IpAddress& address) {
  unsigned shift = 64;
  const Bytes bytes = address.bytes();
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    shift -= 8;
    (i < 8 ? high : low) |= std::to_integer<std::uint64_t>(bytes[i]) << shift;
    if (shift == 0) shift = 64;
  }
}

template <typename PeerId>
std::optional<PeerId> AllowedIps<PeerId>::insert(const IpPrefix& prefix, PeerId peer) {
  if (prefix.address.family() == Family::kNone) return std::nullopt;
  const Key key(prefix.network().address);
  const unsigned length = prefix.length;
  Slot* slot = &root(prefix.address.family());
  while (*slot && (*slot)->covers(key, length)) {
    if ((*slot)->length == length) return std::exchange((*slot)->peer, peer);
    slot = &(*slot)->children[key.bit((*slot)->length)];
  }
  Slot inserted = leaf(key, length, peer);
  if (*slot) {
    // The node here is longer than the new prefix or differs from it: put the common part above both.
    const Key old_key = (*slot)->key;
    const unsigned common = old_key.common(key);
    if (common >= length) {
      inserted->children[old_key.bit(length)] = std::move(*slot);
    } else {
      Slot branch = leaf(key, common, peer);  // its bits beyond `common` are never looked at
      branch->peer.reset();
      branch->children[old_key.bit(common)] = std::move(*slot);
      branch->children[key.bit(common)] = std::move(inserted);
      inserted = std::move(branch);
    }
  }
  *slot = std::move(inserted);
  return std::nullopt;
}

template <typename PeerId>
bool AllowedIps<PeerId>::remove(const IpPrefix& prefix) {
  if (prefix.address.family() == Family::kNone) return false;
  return erase(root(prefix.address.family()), Key(prefix.network().address), prefix.length);
}

template <typename PeerId>
std::optional<PeerId> AllowedIps<PeerId>::lookup(const IpAddress& address) const {
  if (address.family() == Family::kNone) return std::nullopt;
  const Key key(address);
  const unsigned bits = address.is_v4() ? 32 : 128;
  std::optional<PeerId> best;
  for (const Node* node = root(address.family()).get(); node != nullptr && node->covers(key, bits);) {
    if (node->peer) best = node->peer;
    if (node->length == bits) break;
    node = node->children[key.bit(node->length)].get();
  }
  return best;
}

template <typename PeerId>
std::optional<PeerId> AllowedIps<PeerId>::find(const IpPrefix& prefix) const {
  if (prefix.address.family() == Family::kNone) return std::nullopt;
  const Key key(prefix.network().address);
  const Node* node = root(prefix.address.family()).get();
  while (node != nullptr && node->covers(key, prefix.length)) {
    if (node->length == prefix.length) return node->peer;
    node = node->children[key.bit(node->length)].get();
  }
  return std::nullopt;
}

// Recursion goes down one longer prefix at a time: 129 levels at most.
template <typename PeerId>
bool AllowedIps<PeerId>::erase(Slot& slot, const Key& key, unsigned length) {
  if (!slot || !slot->covers(key, length)) return false;
  bool erased = false;
  if (slot->length == length) {
    erased = std::exchange(slot->peer, std::nullopt).has_value();
  } else {
    erased = erase(slot->children[key.bit(slot->length)], key, length);
  }
  if (erased) collapse(slot);
  return erased;
}

// A node without a peer is needed only as a branch: with one child or none it gives way to that child.
template <typename PeerId>
void AllowedIps<PeerId>::collapse(Slot& slot) {
  if (slot->peer || (slot->children[0] && slot->children[1])) return;
  Slot child = std::move(slot->children[slot->children[0] ? 0 : 1]);
  slot = std::move(child);
}

}  // namespace bamgate::wg
