#include "os/network_view.h"

#include <algorithm>
#include <utility>

#include "os/netlink.h"

namespace bamgate::os {
namespace {

std::optional<DefaultRoute> default_route(const IpAddress& somewhere, std::optional<std::uint32_t> mark) {
  auto route = route_to(somewhere, mark);
  if (!route) return std::nullopt;
  return DefaultRoute{std::move(route->interface), route->gateway.value_or(IpAddress())};
}

int rank(const LocalAddress& local, const NetworkView& view) {
  const auto& route = local.address.is_v6() ? view.v6 : view.v4;
  if (local.tunnel) return 2;
  return route && route->interface == local.interface ? 0 : 1;
}

}  // namespace

void NetworkView::order() {
  std::ranges::sort(addresses, {}, [&](const LocalAddress& local) { return std::pair(rank(local, *this), local); });
}

std::vector<IpPrefix> NetworkView::prefixes() const {
  std::vector<IpPrefix> result;
  for (const LocalAddress& local : addresses) result.push_back(local.prefix());
  return result;
}

std::expected<NetworkView, OsError> network_view(std::string_view own_tun, std::optional<std::uint32_t> mark,
                                                 const std::vector<std::string>& excluded) {
  auto addresses = local_candidate_addresses(own_tun, mark);
  if (!addresses) return std::unexpected(addresses.error());
  NetworkView view;
  view.addresses = std::move(*addresses);
  view.excluded = take_excluded(view.addresses, excluded);
  // RFC 5737 and RFC 3849: these addresses are nobody's, so only a default route leads there. Nothing is sent.
  view.v4 = default_route(IpAddress::v4(192, 0, 2, 1), mark);
  view.v6 = default_route(*IpAddress::parse("2001:db8::1"), mark);
  for (auto* route : {&view.v4, &view.v6}) {
    if (*route && is_excluded((*route)->interface, excluded)) route->reset();
  }
  view.order();
  return view;
}

}  // namespace bamgate::os
