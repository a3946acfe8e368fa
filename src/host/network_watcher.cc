#include "host/network_watcher.h"

#include <spdlog/spdlog.h>

#include <utility>

#include "net/clock.h"

namespace bamgate::host {

NetworkWatcher::NetworkWatcher(net::Loop& loop, std::string own_tun, unsigned own_index, std::uint32_t mark,
                               std::vector<std::string> excluded)
    : timer_(loop),
      own_timer_(loop),
      loop_(loop),
      own_tun_(std::move(own_tun)),
      own_index_(own_index),
      mark_(mark),
      excluded_(std::move(excluded)) {}

std::vector<IpPrefix> NetworkWatcher::start(Callback callback, std::function<void()> on_own_interface) {
  callback_ = std::move(callback);
  on_own_interface_ = std::move(on_own_interface);
  // Notifications first, so that no change falls between them and the first look.
  auto events = os::NetworkEvents::open();
  if (events) {
    events_ = std::make_unique<os::NetworkEvents>(std::move(*events));
    watcher_ = std::make_unique<net::FdWatcher>(loop_, events_->fd());
    watcher_->on_readable([this] { read_events(); });
  } else {
    spdlog::warn("{}: a move to another network, and what is done to the tunnel's interface, is noticed late or never",
                 events.error().text);
  }
  if (auto view = os::network_view(own_tun_, mark_, excluded_)) view_ = std::move(*view);
  return view_.prefixes();
}

void NetworkWatcher::read_events() {
  const os::NetworkEvents::Changes changes = events_->drain(own_index_);
  if (changes.own && !own_timer_.is_set()) {
    own_timer_.expires_at(net::now() + kOwnSettleTime, [this] { on_own_interface_(); });
  }
  if (changes.others && !timer_.is_set()) timer_.expires_at(net::now() + kSettleTime, [this] { look(); });
}

void NetworkWatcher::set_own(const std::string& name, unsigned index) {
  own_tun_ = name;
  own_index_ = index;
}

void NetworkWatcher::set_excluded(std::vector<std::string> excluded) {
  excluded_ = std::move(excluded);
  look();
}

std::string NetworkWatcher::trouble() const {
  if (!view_.addresses.empty() || view_.excluded.empty()) return "";
  std::string names;
  for (const std::string& name : view_.excluded) names += (names.empty() ? "" : ", ") + name;
  return "[ice] exclude in config.toml leaves no interface to reach anybody by: " + names +
         (view_.excluded.size() == 1 ? " is" : " are") + " excluded";
}

void NetworkWatcher::look() {
  auto view = os::network_view(own_tun_, mark_, excluded_);
  if (!view) return;
  const bool same = *view == view_;
  view_ = std::move(*view);
  if (same) return;
  spdlog::info("this machine's network has changed: {} usable addresses", view_.addresses.size());
  callback_(view_.prefixes());
}

}  // namespace bamgate::host
