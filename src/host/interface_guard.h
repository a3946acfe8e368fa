// What has become of our interface, and what to do about it: other programs and people change addresses, routes, MTU
// and state of interfaces (network managers, `ip link set down`, `ip addr flush`), and a tunnel without them is
// connected and carries nothing. Pure: it is told what is there and the time, and decides; OwnInterface carries it out.
//
// Only what is missing counts. What somebody has added stays, and is nobody's business here.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "core/ip_address.h"
#include "core/time.h"
#include "os/netlink.h"

namespace bamgate::host {

/// How our interface is to be.
struct WantedInterface {
  std::uint32_t mtu = 0;
  std::vector<IpPrefix> addresses;  // the kernel adds the route to the network of each
  std::vector<IpPrefix> routes;     // besides those

  /// The source of what goes by that route: our address of its family; kNone when there is none.
  IpAddress source_for(const IpPrefix& route) const;
};

/// What is not there of it.
struct Missing {
  bool interface = false;  // it was deleted; nothing else is told then
  bool up = false;
  std::uint32_t mtu = 0;  // what it has instead; 0: it is right
  std::vector<IpPrefix> addresses;
  std::vector<IpPrefix> networks;  // addresses whose network has no route
  std::vector<IpPrefix> routes;    // also those that have lost their source: with an IPv6 address the kernel takes it

  bool any() const;
  /// "it was switched off and its address 10.100.0.2/16 was gone".
  std::string to_string() const;
  bool operator==(const Missing&) const = default;
};

/// `present` is nullopt when the interface does not exist; `routes` are those of the main table that lead through it.
/// IPv6 that is switched off for the interface is somebody's wish: nothing of it is missing then.
Missing missing(const WantedInterface& wanted, const std::optional<os::Interface>& present,
                const std::vector<os::Route>& routes);

/// How often it is put right. Two programs that want different things must not fight for ever at full speed.
class InterfaceGuard {
 public:
  /// So many repairs in so long a time; then it waits.
  static constexpr std::size_t kRepairs = 3;
  static constexpr auto kWindow = std::chrono::minutes(1);

  enum class Action : std::uint8_t {
    kNone,      // all is right
    kRepair,    // put back what is missing
    kComplain,  // too often: say so, and wait; once for each time of trouble
    kWait,      // as before
  };

  /// What to do about what a look has found.
  Action decide(Instant now, const Missing& found);
  /// When to look again although nothing is told of changes; kNever without a reason.
  Instant next_look() const;
  /// True from kComplain on until all was right for kWindow.
  bool in_trouble() const { return in_trouble_; }

 private:
  std::deque<Instant> repairs_;  // of the last kWindow, at most kRepairs
  bool in_trouble_ = false;
};

}  // namespace bamgate::host
