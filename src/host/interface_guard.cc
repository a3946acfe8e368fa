#include "host/interface_guard.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace bamgate::host {
namespace {

bool leads_to(const std::vector<os::Route>& routes, const IpPrefix& destination) {
  return std::ranges::find(routes, destination, &os::Route::destination) != routes.end();
}

bool has_address(const os::Interface& interface, const IpPrefix& address) {
  return std::ranges::find(interface.addresses, address, &os::InterfaceAddress::prefix) != interface.addresses.end();
}

/// A network of one address has no route of its own.
bool has_network(const IpPrefix& address) { return address.length < address.address.bytes().size() * 8; }

void add_list(std::vector<std::string>& parts, const char* one_of_it, const char* several,
              const std::vector<IpPrefix>& all) {
  if (all.empty()) return;
  std::string text = std::string("its ") + (all.size() > 1 ? several : one_of_it);
  for (const IpPrefix& one : all) text += (&one == &all.front() ? " " : ", ") + one.to_string();
  parts.push_back(text + (all.size() > 1 ? " were gone" : " was gone"));
}

}  // namespace

IpAddress WantedInterface::source_for(const IpPrefix& route) const {
  for (const IpPrefix& own : addresses) {
    if (own.address.family() == route.address.family()) return own.address;
  }
  return {};
}

bool Missing::any() const {
  return interface || up || mtu != 0 || !addresses.empty() || !networks.empty() || !routes.empty();
}

std::string Missing::to_string() const {
  std::vector<std::string> parts;
  if (interface) parts.emplace_back("it was deleted");
  if (up) parts.emplace_back("it was switched off");
  if (mtu != 0) parts.push_back("its MTU was " + std::to_string(mtu));
  add_list(parts, "address", "addresses", addresses);
  std::vector<IpPrefix> ways;
  for (const IpPrefix& one : networks) ways.push_back(one.network());
  std::ranges::copy(routes, std::back_inserter(ways));
  add_list(parts, "route", "routes", ways);
  std::string text;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) text += i + 1 == parts.size() ? " and " : ", ";
    text += parts[i];
  }
  return text;
}

Missing missing(const WantedInterface& wanted, const std::optional<os::Interface>& present,
                const std::vector<os::Route>& routes) {
  Missing result;
  result.interface = !present;
  if (!present) return result;
  result.up = !present->up;
  if (present->mtu != wanted.mtu) result.mtu = present->mtu;
  const auto ignored = [&](const IpPrefix& one) { return one.address.is_v6() && !present->ipv6; };
  for (const IpPrefix& address : wanted.addresses) {
    if (ignored(address)) continue;
    if (!has_address(*present, address)) {
      result.addresses.push_back(address);
    } else if (present->up && has_network(address) && !leads_to(routes, address.network())) {
      result.networks.push_back(address);
    }
  }
  for (const IpPrefix& route : wanted.routes) {
    const os::Route whole{route.network(), wanted.source_for(route)};
    if (!ignored(route) && std::ranges::find(routes, whole) == routes.end()) result.routes.push_back(route);
  }
  return result;
}

InterfaceGuard::Action InterfaceGuard::decide(Instant now, const Missing& found) {
  while (!repairs_.empty() && repairs_.front() + kWindow <= now) repairs_.pop_front();
  if (!found.any()) {
    if (repairs_.empty()) in_trouble_ = false;
    return Action::kNone;
  }
  if (repairs_.size() < kRepairs) {
    repairs_.push_back(now);
    return Action::kRepair;
  }
  return std::exchange(in_trouble_, true) ? Action::kWait : Action::kComplain;
}

Instant InterfaceGuard::next_look() const {
  return in_trouble_ && !repairs_.empty() ? repairs_.front() + kWindow : kNever;
}

}  // namespace bamgate::host
