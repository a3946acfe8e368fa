#include "ice/route_filter.h"

#include <algorithm>

namespace bamgate::ice {
namespace {

unsigned longest_match(const std::vector<IpPrefix>& prefixes, const IpAddress& address) {
  unsigned longest = 0;
  for (const IpPrefix& prefix : prefixes) {
    if (prefix.contains(address)) longest = std::max<unsigned>(longest, prefix.length);
  }
  return longest;
}

}  // namespace

RouteFilter::RouteFilter(const std::vector<IpPrefix>& tunnel, const std::vector<IpPrefix>& direct) {
  for (const IpPrefix& prefix : tunnel) add_tunnel(prefix);
  for (const IpPrefix& prefix : direct) add_direct(prefix);
}

void RouteFilter::add_tunnel(const IpPrefix& prefix) {
  tunnel_.push_back(prefix);
  const auto whole = static_cast<std::uint8_t>(8 * prefix.address.bytes().size());
  if (prefix.network().address != prefix.address) tunnel_.push_back({prefix.address, whole});
}

void RouteFilter::add_direct(const IpPrefix& prefix) { direct_.push_back(prefix); }

bool RouteFilter::through_tunnel(const IpAddress& address) const {
  return longest_match(tunnel_, address) > longest_match(direct_, address);
}

}  // namespace bamgate::ice
