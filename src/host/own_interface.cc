#include "host/own_interface.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "os/netlink.h"

namespace bamgate::host {
namespace {

// From a repair that did not help to the next look.
constexpr auto kRepairRetry = std::chrono::seconds(1);

// Of a new interface; any that is not ours.
constexpr std::uint32_t kUnknownMtu = config::kMinMtu - 1;

/// What is there already is as good as made.
std::expected<void, os::OsError> or_there(std::expected<void, os::OsError> done) {
  if (!done && done.error().code == os::Error::kExists) return {};
  return done;
}

std::expected<std::optional<os::Interface>, os::OsError> interface_with(unsigned index) {
  auto all = os::interfaces_and_addresses();
  if (!all) return std::unexpected(all.error());
  const auto found = std::ranges::find(*all, index, &os::Interface::index);
  if (found == all->end()) return std::nullopt;
  return std::move(*found);
}

bool is_one_of(const std::vector<IpPrefix>& all, const IpPrefix& one) {
  return std::ranges::find(all, one) != all.end();
}

}  // namespace

std::expected<std::unique_ptr<OwnInterface>, Failure> OwnInterface::create(const config::DeviceConfig& device) {
  auto tun = os::Tun::create(device.interface);
  if (!tun) return os::refuse(tun.error());
  std::unique_ptr<OwnInterface> own(new OwnInterface(std::move(*tun), device));
  if (auto done = own->configure(); !done) return std::unexpected(done.error());
  return own;
}

OwnInterface::OwnInterface(os::Tun tun, const config::DeviceConfig& device)
    : tun_(std::move(tun)), name_(device.interface), address_(device.address), address6_(device.address6) {
  wanted_.mtu = device.mtu;
}

std::expected<void, Failure> OwnInterface::configure() {
  const std::string& name = tun_.name();
  if (const auto done = os::set_mtu(name, wanted_.mtu); !done) return os::refuse(done.error());
  if (const auto done = os::set_up(name); !done) return os::refuse(done.error());
  if (const auto done = or_there(os::add_address(name, address_)); !done) return os::refuse(done.error());
  wanted_.addresses = {address_};
  if (!address6_) return {};
  if (const auto done = or_there(os::add_address(name, *address6_)); done) {
    wanted_.addresses.push_back(*address6_);
  } else {
    // A machine without IPv6 is no reason not to have a tunnel.
    spdlog::warn("no IPv6 inside the tunnel: {}", done.error().text);
    address6_.reset();
  }
  return {};
}

// ---- Routes ----

std::expected<void, os::OsError> OwnInterface::add_one(const IpPrefix& route) {
  const IpAddress source = wanted_.source_for(route);
  return os::add_route(tun_.name(), route, source == IpAddress() ? std::nullopt : std::optional(source));
}

void OwnInterface::set_routes(const std::vector<IpPrefix>& routes) {
  for (const IpPrefix& route : wanted_.routes) {
    if (!is_one_of(routes, route)) (void)os::delete_route(tun_.name(), route);
  }
  const std::vector<IpPrefix> before = std::exchange(wanted_.routes, {});
  for (const IpPrefix& route : routes) {
    if (is_one_of(before, route)) {
      wanted_.routes.push_back(route);
    } else {
      add_route(route);
    }
  }
}

void OwnInterface::add_route(const IpPrefix& route) {
  (void)os::delete_route(tun_.name(), route);  // a TUN that outlives us keeps its routes after a crash
  const auto added = add_one(route);
  if (added) return wanted_.routes.push_back(route);
  spdlog::warn("{} is not reached through the tunnel: {}", route.to_string(), added.error().text);
}

// ---- Looking after it ----

std::expected<Missing, os::OsError> OwnInterface::compare() {
  const auto present = interface_with(tun_.index());
  if (!present) return std::unexpected(present.error());
  if (*present && (*present)->name != tun_.name()) {
    spdlog::info("{} is called {} from now on", tun_.name(), (*present)->name);
    tun_.set_name((*present)->name);
  }
  const auto routes = os::routes_through(tun_.index());
  if (!routes) return std::unexpected(routes.error());
  Missing found = missing(wanted_, *present, *routes);
  std::erase_if(found.networks, [&](const IpPrefix& one) { return is_one_of(led_elsewhere_, one); });
  return found;
}

OwnInterface::Look OwnInterface::look(Instant now) {
  retry_ = kNever;
  const auto found = compare();
  if (!found) {
    spdlog::debug("{}", found.error().text);
    retry_ = now + kRepairRetry;
    return Look::kDone;
  }
  if (found->any()) last_found_ = found->to_string();
  switch (guard_.decide(now, *found)) {
    case InterfaceGuard::Action::kNone:
    case InterfaceGuard::Action::kWait:
      return Look::kDone;
    case InterfaceGuard::Action::kComplain:
      spdlog::warn("{}", trouble());
      return Look::kDone;
    case InterfaceGuard::Action::kRepair:
      break;
  }
  spdlog::warn("{} was changed from outside: {}; putting it back", tun_.name(), last_found_);
  if (found->interface && !make_anew()) return Look::kFailed;
  if (!repair(*found)) retry_ = now + kRepairRetry;
  return found->interface ? Look::kMadeAnew : Look::kDone;
}

Instant OwnInterface::next_look() const { return std::min(retry_, guard_.next_look()); }

std::string OwnInterface::trouble() const {
  if (!guard_.in_trouble()) return "";
  return "something on this machine changes " + tun_.name() + " again and again (at last " + last_found_ +
         "): it is put back three times a minute and no more; find what does it, as a network manager that takes the "
         "interface for its own";
}

bool OwnInterface::make_anew() {
  auto tun = os::Tun::create(name_);
  if (!tun) {
    spdlog::error("{}", tun.error().text);
    return false;
  }
  former_ = std::exchange(tun_, std::move(*tun));
  return true;
}

// One stage after the other, as each takes away or brings some of the next: IPv6 addresses go with the link, routes
// with the addresses.
bool OwnInterface::repair(Missing found) {
  constexpr int kStages = 4;
  for (int stage = 0; stage < kStages; ++stage) {
    if (found.interface) {
      found.up = true;
      found.mtu = kUnknownMtu;
    }
    if (!put_back(found)) return false;
    const auto left = compare();
    if (!left) return false;
    if (!left->any()) return true;
    found = *left;
  }
  return false;
}

bool OwnInterface::put_back(const Missing& found) {
  std::expected<void, os::OsError> done;
  if (found.up || found.mtu != 0) {
    done = put_back_link(found);
  } else if (!found.addresses.empty()) {
    for (const IpPrefix& address : found.addresses) {
      if (auto added = or_there(os::add_address(tun_.name(), address)); !added) done = std::move(added);
    }
  } else {
    done = put_back_routes(found);
  }
  if (!done) spdlog::warn("{}", done.error().text);
  return done.has_value();
}

std::expected<void, os::OsError> OwnInterface::put_back_link(const Missing& found) {
  const std::string& name = tun_.name();
  // Below this MTU the kernel took IPv6 away. It comes back with the MTU, and with a link-local address if the
  // interface is up then.
  const bool without_ipv6 = found.mtu != 0 && found.mtu < config::kMinMtu;
  if (without_ipv6 && !found.up) {
    if (auto done = os::set_down(name); !done) return done;
  }
  if (found.mtu != 0) {
    if (auto done = os::set_mtu(name, wanted_.mtu); !done) return done;
  }
  return os::set_up(name);
}

// A destination that leads elsewhere now is somebody's wish.
std::expected<void, os::OsError> OwnInterface::put_back_routes(const Missing& found) {
  std::expected<void, os::OsError> done;
  for (const IpPrefix& address : found.networks) {
    auto added = os::add_network_route(tun_.name(), address);
    if (added) continue;
    if (added.error().code == os::Error::kExists) {
      led_elsewhere_.push_back(address);
      spdlog::warn("{} leads elsewhere now, not into the tunnel", address.network().to_string());
    } else {
      done = std::move(added);
    }
  }
  for (const IpPrefix& route : found.routes) {
    (void)os::delete_route(tun_.name(), route);  // one that has lost its source
    auto added = add_one(route);
    if (added) continue;
    if (added.error().code == os::Error::kExists) {
      std::erase(wanted_.routes, route);
      spdlog::warn("{} leads elsewhere now, not into the tunnel", route.to_string());
    } else {
      done = std::move(added);
    }
  }
  return done;
}

}  // namespace bamgate::host
