// Tells the device when this machine's network has changed, and when something was done to the device's own interface.
// Notifications of the kernel come in bursts, and most of them change nothing that a device cares about: it waits a
// little after the first one, looks once, and compares.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/ip_address.h"
#include "net/loop.h"
#include "os/network_events.h"
#include "os/network_view.h"

namespace bamgate::host {

class NetworkWatcher {
 public:
  /// From the first notification to the look at what has become of it.
  static constexpr auto kSettleTime = std::chrono::milliseconds(300);
  /// The same for our own interface, without which no packet flows.
  static constexpr auto kOwnSettleTime = std::chrono::milliseconds(100);

  /// The addresses on which this machine can be reached, each with the length of its network.
  using Callback = std::function<void(std::vector<IpPrefix> addresses)>;

  /// `own_tun` and `own_index` are the name and number of our TUN, which is no way to anybody; `mark` is that of our
  /// sockets. Where the kernel allows no notifications a warning is logged, and nothing is ever reported.
  /// `excluded`: see os::network_view().
  NetworkWatcher(net::Loop& loop, std::string own_tun, unsigned own_index, std::uint32_t mark,
                 std::vector<std::string> excluded);

  /// The present addresses. Calls `callback` from the loop whenever they or the default routes have changed, and
  /// `on_own_interface` when our TUN, its addresses or its routes may have.
  std::vector<IpPrefix> start(Callback callback, std::function<void()> on_own_interface);

  /// Our TUN has another name or number.
  void set_own(const std::string& name, unsigned index);

  /// Others are excluded from now on; calls back if that changes anything.
  void set_excluded(std::vector<std::string> excluded);
  /// What a person should know: everything is excluded. Empty while all is well.
  std::string trouble() const;

 private:
  void read_events();
  void look();

  net::Timer timer_;
  net::Timer own_timer_;
  net::Loop& loop_;
  std::string own_tun_;
  unsigned own_index_;
  std::uint32_t mark_;
  std::vector<std::string> excluded_;
  Callback callback_;
  std::function<void()> on_own_interface_;
  os::NetworkView view_;
  std::unique_ptr<os::NetworkEvents> events_;
  std::unique_ptr<net::FdWatcher> watcher_;
};

}  // namespace bamgate::host
