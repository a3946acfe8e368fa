// The table as bytes, for a host that sleeps or starts afresh: a version, the number that was given out last, then one
// record for each allocation. Times are seconds that were left. What owners used is not kept: they start with a full
// quota.
#include <chrono>
#include <utility>

#include "core/reader.h"
#include "core/writer.h"
#include "turn/allocations.h"

namespace bamgate::turn {
namespace {

constexpr std::uint8_t kVersion = 1;

class Growing {
 public:
  template <typename T>
  void number(T value) {
    bytes(big_endian(value));
  }
  void bytes(Bytes value) { out_.insert(out_.end(), value.begin(), value.end()); }
  void sized(Bytes value) {
    number(static_cast<std::uint8_t>(value.size()));
    bytes(value);
  }
  void left(Instant now, Instant until) {
    const auto seconds = std::chrono::ceil<std::chrono::seconds>(until - now).count();
    number(static_cast<std::uint16_t>(until > now ? std::min<std::int64_t>(seconds, 0xffff) : 0));
  }
  std::vector<std::byte> take() { return std::move(out_); }

 private:
  std::vector<std::byte> out_;
};

Bytes sized(Reader& reader) { return reader.bytes(reader.u8()); }

IpAddress address(Reader& reader) { return IpAddress::from_bytes(sized(reader)); }

Instant instant(Reader& reader, Instant now) { return now + std::chrono::seconds(reader.u16()); }

void write(Growing& out, Instant now, const Allocation& allocation) {
  out.number(allocation.number);
  out.number(allocation.client.stream);
  out.sized(allocation.client.remote.address.bytes());
  out.number(allocation.client.remote.port);
  out.sized(allocation.client.local.bytes());
  out.sized(as_bytes(allocation.owner_name));
  out.left(now, allocation.expires);
  out.bytes(allocation.made_by);
  out.number(static_cast<std::uint32_t>(allocation.peers().size()));
  for (const auto& [number, peer] : allocation.peers()) {
    out.number(number);
    out.left(now, peer.permitted_until);
    out.number(peer.channel);
    out.left(now, peer.bound_until + kChannelRest);
  }
}

std::unique_ptr<Allocation> read(Reader& reader, Instant now, std::size_t max_peers) {
  auto allocation = std::make_unique<Allocation>();
  allocation->number = reader.u16();
  allocation->client.stream = reader.u64();
  allocation->client.remote.address = address(reader);
  allocation->client.remote.port = reader.u16();
  allocation->client.local = address(reader);
  allocation->owner_name = as_text(sized(reader));
  allocation->expires = instant(reader, now);
  copy_bytes(reader.bytes(allocation->made_by.size()), allocation->made_by);
  const std::uint32_t peers = reader.u32();
  if (peers > max_peers) return nullptr;
  for (std::uint32_t i = 0; i < peers && reader.ok(); ++i) {
    const RelayNumber number = reader.u16();
    Allocation::Peer peer;
    peer.permitted_until = instant(reader, now);
    peer.channel = reader.u16();
    peer.bound_until = instant(reader, now) - kChannelRest;
    if (peer.channel != 0 && !is_channel(peer.channel)) return nullptr;
    allocation->restore_peer(number, peer);
  }
  const bool valid = reader.ok() && relay_number(relay_endpoint(allocation->number).address).has_value();
  return valid ? std::move(allocation) : nullptr;
}

}  // namespace

std::vector<std::byte> Allocations::save(Instant now) const {
  Growing out;
  out.number(kVersion);
  out.number(last_number_);
  out.number(static_cast<std::uint32_t>(by_number_.size()));
  for (const auto& [number, allocation] : by_number_) write(out, now, *allocation);
  return out.take();
}

bool Allocations::restore(Instant now, Bytes saved) {
  Reader reader(saved);
  if (reader.u8() != kVersion) return false;
  const RelayNumber last = reader.u16();
  const std::uint32_t count = reader.u32();
  for (std::uint32_t i = 0; i < count; ++i) {
    auto allocation = size() < limits_.allocations ? read(reader, now, limits_.peers_of_allocation) : nullptr;
    if (!allocation || find(allocation->number) != nullptr || find(allocation->client) != nullptr) {
      clear();
      return false;
    }
    insert(std::move(allocation));
  }
  last_number_ = last;
  if (reader.ok() && reader.at_end()) return true;
  clear();
  return false;
}

}  // namespace bamgate::turn
