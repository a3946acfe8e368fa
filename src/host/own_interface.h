// The interface of the tunnel: made, given its addresses and routes, and put back as it was when somebody or something
// has changed it (interface_guard.h decides when). What others have added to it is left alone.
#pragma once

#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "core/ip_address.h"
#include "core/time.h"
#include "host/interface_guard.h"
#include "os/failure.h"
#include "os/os_error.h"
#include "os/tun.h"

namespace bamgate::host {

class OwnInterface {
 public:
  /// Makes it, up and with its addresses. Where this machine has no IPv6 for it, it goes without: see address6().
  static std::expected<std::unique_ptr<OwnInterface>, Failure> create(const config::DeviceConfig& device);
  OwnInterface(const OwnInterface&) = delete;
  OwnInterface& operator=(const OwnInterface&) = delete;
  /// Addresses and routes go with it; from a TUN that was there before the routes are taken.
  ~OwnInterface() { set_routes({}); }

  /// Another one after look() has said kMadeAnew.
  os::Tun& tun() { return tun_; }
  /// Closes the descriptor of the deleted one, which stays open after kMadeAnew for whoever still waits for it.
  void close_former() { former_.reset(); }
  /// What it has; nullopt without IPv6.
  const std::optional<IpPrefix>& address6() const { return address6_; }

  /// Exactly these lead into it, besides its own networks. Routes that lead elsewhere already stay there, with a
  /// warning.
  void set_routes(const std::vector<IpPrefix>& routes);

  enum class Look : std::uint8_t {
    kDone,      // it is as it should be, or waits for next_look()
    kMadeAnew,  // it was deleted; tun() has another descriptor and index
    kFailed,    // it was deleted and cannot be made anew; the reason is logged
  };
  /// Looks whether it is still as it should be and puts it right, as often as the guard allows.
  Look look(Instant now);
  /// When to look again although nothing is told of changes; kNever without a reason.
  Instant next_look() const;
  /// What a person should know: it is changed again and again. Empty while all is well.
  std::string trouble() const;

 private:
  OwnInterface(os::Tun tun, const config::DeviceConfig& device);

  std::expected<void, Failure> configure();
  std::expected<Missing, os::OsError> compare();
  std::expected<void, os::OsError> add_one(const IpPrefix& route);
  void add_route(const IpPrefix& route);
  bool make_anew();
  bool repair(Missing found);
  bool put_back(const Missing& found);
  std::expected<void, os::OsError> put_back_link(const Missing& found);
  std::expected<void, os::OsError> put_back_routes(const Missing& found);

  os::Tun tun_;
  std::optional<os::Tun> former_;
  std::string name_;  // as configured
  IpPrefix address_;
  std::optional<IpPrefix> address6_;
  WantedInterface wanted_;
  std::vector<IpPrefix> led_elsewhere_;  // networks of ours whose route somebody has replaced
  InterfaceGuard guard_;
  std::string last_found_;
  Instant retry_ = kNever;  // after a repair that did not help
};

}  // namespace bamgate::host
