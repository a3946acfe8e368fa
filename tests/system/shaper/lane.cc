#include "system/shaper/lane.h"

#include <vector>

#include "core/reader.h"

namespace bamgate::shaper {
namespace {

constexpr std::size_t kEthernetHeader = 14;
constexpr std::uint16_t kIpv4 = 0x0800;
constexpr std::uint16_t kIpv6 = 0x86dd;
constexpr std::uint8_t kIcmpv6 = 58;
// RFC 4861 §4: router solicitation to redirect.
constexpr std::uint8_t kFirstDiscovery = 133;
constexpr std::uint8_t kLastDiscovery = 137;

}  // namespace

bool travels(Bytes frame) {
  Reader reader(frame);
  const bool to_group = (reader.u8() & 1) != 0;
  reader.skip(11);
  const std::uint16_t type = reader.u16();
  if (to_group || !reader.ok() || (type != kIpv4 && type != kIpv6)) return false;
  if (type == kIpv4) return true;
  reader.skip(6);
  const bool icmp = reader.u8() == kIcmpv6;
  reader.skip(33);
  const std::uint8_t message = reader.u8();
  return !(icmp && message >= kFirstDiscovery && message <= kLastDiscovery);
}

void Lane::take(Bytes frame) {
  if (!travels(frame)) {
    ++counters_.unshaped;
    if (!write_(frame)) ++counters_.refused;
    return;
  }
  const std::size_t size = frame.size() - kEthernetHeader;
  ++counters_.packets;
  counters_.bytes += size;
  if (counters_.held >= kMostHeld) {
    ++counters_.crowded;
    return;
  }
  const std::uint64_t doubled = link_.counters().duplicated;
  const sim::Crossing crossing =
      link_.send(size, [this, copy = std::vector(frame.begin(), frame.end())] { deliver(copy); });
  if (crossing == sim::Crossing::kPassed) counters_.held += 1 + (link_.counters().duplicated - doubled);
}

void Lane::deliver(Bytes frame) {
  --counters_.held;
  if (!write_(frame)) ++counters_.refused;
}

}  // namespace bamgate::shaper
